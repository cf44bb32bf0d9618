"""Images: names that move, big data, what podman expects to find, checks."""

from __future__ import annotations

import json
import os

import pytest
from polypod.errors import AlreadyExists, ImageInUse, NoSuchContainer, NoSuchImage, StorageError
from polypod.kit import mounts
from polypod.store.check import UNMANAGED
from polypod.store.places import big_data_name
from polypod.store.putlayer import chain_id
from polypod.testing import storage_tar as tar
from polypod.testing.storage import CONTAINER, OTHER, leftovers, put, put_image


def test_big_data_names():
    assert big_data_name("manifest") == "manifest"
    assert big_data_name("sha256:ab") == "=c2hhMjU2OmFi"
    assert big_data_name("Upper") == "=VXBwZXI="


def test_an_image_is_recorded_as_containers_image_would(store, tmp_path):
    layer = put(store, "", tar.member("f", b"1"))
    image = put_image(store, layer.id, "localhost/x:latest")
    directory = tmp_path / "root" / "overlay-images"
    [record] = json.loads((directory / "images.json").read_text())
    assert next(iter(record)) == "id"
    assert record["layer"] == layer.id
    assert record["names"] == ["localhost/x:latest"]
    assert record["big-data-names"] == [
        f"sha256:{image.id}",
        f"manifest-{image.digest}",
        "manifest",
    ]
    assert record["big-data-digests"]["manifest"] == image.digest
    for key in record["big-data-names"]:
        data = (directory / image.id / big_data_name(key)).read_bytes()
        assert len(data) == record["big-data-sizes"][key]
    assert store.image_config(image)["os"] == "linux"
    assert store.manifest(image) == b'{"schemaVersion":2}'
    # as podman counts: the documents (the manifest twice) and the layer's archive
    assert store.image_size(image) == layer.diff_size + sum(record["big-data-sizes"].values())


def test_names_move_and_are_remembered(store):
    layer = put(store, "", tar.member("f", b"1"))
    first = put_image(store, layer.id, "localhost/a:latest")
    second = put_image(store, layer.id, "localhost/b:latest")
    store.set_names(second.id, ["localhost/b:latest", "localhost/a:latest"])
    assert store.image(first.id).names == ()
    assert store.image(first.id).names_history == ("localhost/a:latest",)
    assert store.find_image("a").id == second.id
    store.set_names(second.id, [])
    assert store.image(second.id).names == ()
    assert store.image(second.id).names_history == ("localhost/b:latest", "localhost/a:latest")
    with pytest.raises(NoSuchImage):
        store.set_names("f" * 64, ["x"])


def test_the_same_image_again_keeps_its_names_and_gains_new_ones(store):
    layer = put(store, "", tar.member("f", b"1"))
    image = put_image(store, layer.id, "localhost/a:latest")
    again = store.create_image(
        image.id, ["localhost/c:1"], layer.id, b'{"os":"linux"}', store.manifest(image)
    )
    assert again.names == ("localhost/c:1", "localhost/a:latest")
    assert len(store.images()) == 1


def test_a_mount_that_skopeo_left_goes_with_the_image_when_nothing_is_mounted(store, tmp_path):
    home = str(tmp_path / "root" / "overlay")
    layer = put(store, "", tar.member("f", b"1"))
    first = put_image(store, layer.id, "localhost/a:latest")
    other = put(store, "", tar.member("g", b"2"))
    second = put_image(store, other.id, "localhost/b:latest")
    store.create_container(CONTAINER, (), second.id, {}, False)
    store.mount_container(CONTAINER)
    assert mounts.is_mounted(home)
    store.delete_image(first.id)
    assert mounts.is_mounted(home)  # the container's mount hangs on it
    store.delete_container(CONTAINER)
    assert not mounts.is_mounted(home)
    for _ in range(2):
        mounts.mount(home, home, "none", mounts.MS_BIND)
    store.delete_image(second.id)
    assert not mounts.is_mounted(home)


def test_an_image_on_a_layer_that_is_gone_is_refused(store):
    with pytest.raises(StorageError, match="removed meanwhile"):
        put_image(store, "f" * 64)
    assert store.images() == []


def test_set_big_data(store):
    layer = put(store, "", tar.member("f", b"1"))
    image = put_image(store, layer.id)
    store.image_records.set_big_data(image.id, "signature-x", b"sig")
    assert store.image_records.big_data(image.id, "signature-x") == b"sig"
    assert store.check() == []


def test_layer_ids_are_those_of_containers_image(store):
    one = put(store, "", tar.member("f", b"1"))
    two = put(store, one.id, tar.member("g", b"2"))
    assert one.id == one.diff_digest.removeprefix("sha256:")
    assert two.id == chain_id(one.id, two.diff_digest) != two.diff_digest.removeprefix("sha256:")
    assert store.find_layer(one.id, two.diff_digest).id == two.id
    assert store.find_layer("", two.diff_digest) is None
    assert store.layer(two.id[:12]).id == two.id
    with pytest.raises(StorageError, match="not known"):
        store.layer("nothing")


def test_a_layer_that_something_stands_on_is_not_deleted(store):
    one = put(store, "", tar.member("f", b"1"))
    two = put(store, one.id, tar.member("g", b"2"))
    with pytest.raises(StorageError, match=f"in use by layer {two.id}"):
        store.delete_layer(one.id)
    image = put_image(store, two.id)
    with pytest.raises(StorageError, match=f"in use by image {image.id}"):
        store.delete_layer(two.id)


def test_container_names_are_unique_over_engines(store):
    store.create_container(CONTAINER, ("name",), "", {}, False)
    with pytest.raises(AlreadyExists, match='"name" is already in use by ' + CONTAINER):
        store.create_container(OTHER, ("name",), "", {}, True)
    with pytest.raises(AlreadyExists):
        store.create_container(CONTAINER, (), "", {}, True)
    assert len(store.driver.list()) == 1
    store.set_container_names(CONTAINER, ("other",))
    store.create_container(OTHER, ("name",), "", {}, True)
    with pytest.raises(AlreadyExists):
        store.set_container_names(OTHER, ("other",))
    with pytest.raises(NoSuchContainer):
        store.set_container_names("e" * 64, ("x",))
    assert {c["id"]: c["names"] for c in store.containers()} == {
        CONTAINER: ["other"],
        OTHER: ["name"],
    }


def test_volatile_containers_lie_in_files_of_their_own(store, tmp_path):
    store.create_container(CONTAINER, (), "", {"name": "v"}, True)
    store.create_container(OTHER, (), "", {"name": "s"}, False)
    root = tmp_path / "root"

    def ids(name):
        return [record["id"] for record in json.loads((root / name).read_text())]

    assert ids("overlay-containers/volatile-containers.json") == [CONTAINER]
    assert ids("overlay-containers/containers.json") == [OTHER]
    assert len(ids("overlay-layers/volatile-layers.json")) == 1
    record = store.container_records.get(CONTAINER)
    assert record["flags"] == {"Volatile": True}
    assert json.loads(record["metadata"]) == {"name": "v"}


def test_a_mount_is_volatile_when_its_container_is(store):
    store.create_container(CONTAINER, (), "", {}, True)
    path = store.mount_container(CONTAINER)
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        [line] = [line for line in lines if line.split()[4] == path]
    assert "volatile" in line
    store.unmount_container(CONTAINER)
    assert store.mount_container(CONTAINER) == path  # the mark of the first mount is gone


def test_a_mount_that_a_reboot_took_away_is_made_again(store):
    from polypod.kit import mounts

    store.create_container(CONTAINER, (), "", {}, False)
    path = store.mount_container(CONTAINER)
    store.mount_container(CONTAINER)
    mounts.umount(path, mounts.MNT_DETACH)
    assert store.mount_container(CONTAINER) == path
    assert mounts.is_mounted(path)
    assert store.unmount_container(CONTAINER)
    assert not mounts.is_mounted(path)


def test_check_names_what_is_wrong_and_repairs_what_it_can(store, tmp_path):
    layer = put(store, "", tar.member("f", b"1"))
    image = put_image(store, layer.id)
    assert store.check() == []
    store.driver.prepare("0" * 64, "", False)
    assert store.check() == [("layer", "0" * 64, UNMANAGED)]
    store.check(repair=True)
    assert store.driver.list() == [layer.id]
    manifest = tmp_path / "root" / "overlay-images" / image.id / "manifest"
    manifest.write_text("{}")
    [(kind, id, reason)] = store.check()
    assert (kind, id) == ("image", image.id)
    assert reason == 'data item "manifest": image data item has incorrect size'
    os.unlink(manifest)
    assert store.check()[0][2] == 'data item "manifest": image data item is missing'
    store.driver.remove(layer.id)
    assert ("layer", layer.id, "its files are missing") in store.check()
    # Damaged images can be removed.
    assert store.delete_image(image.id) == [layer.id]
    assert store.check() == []


def test_many_images_go_together_and_each_has_its_own_answer(store):
    base = put(store, "", tar.member("base", b"1"))
    images = []
    for number in range(70):  # more than go in one step
        own = put(store, base.id, tar.member(f"own{number}", b"2"))
        images.append(put_image(store, own.id, f"localhost/i{number}:latest"))
    store.create_container(CONTAINER, (), images[3].id, {}, False)
    ids = [image.id for image in images]
    absent = "ab" * 32
    outcome = store.delete_images([*ids, absent])
    assert list(outcome) == [*ids, absent]
    assert isinstance(outcome.pop(absent), NoSuchImage)
    assert isinstance(outcome.pop(images[3].id), ImageInUse)
    assert [outcome[image.id] for image in images if image.id in outcome] == [
        [image.top_layer] for image in images if image.id in outcome
    ]
    assert [image.id for image in store.images()] == [images[3].id]
    store.delete_container(CONTAINER)
    assert store.delete_images([images[3].id]) == {images[3].id: [images[3].top_layer, base.id]}
    assert leftovers(store) == []


def test_of_images_on_one_layer_the_last_takes_it_along(store):
    layer = put(store, "", tar.member("f", b"1"))
    one, two = (put_image(store, layer.id, f"localhost/{name}:latest") for name in ("one", "two"))
    assert store.delete_images([one.id, two.id]) == {one.id: [], two.id: [layer.id]}
