"""The conformance suite of group ``polypod.storage.v1``.

A storage plugin's test is a subclass with one fixture::

    class TestOverlay(StorageSuite):
        @pytest.fixture
        def make_driver(self):
            return lambda **where: Overlay(config=OverlayConfig(), **where)

and ``driver_name``. The suite drives the driver through :class:`polypod.store.Store`, as the
engine does. Drivers that mount need root.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import tarfile

import pytest

from ..errors import ConfigError, HostileLayer, ImageInUse, NoSuchContainer, StorageError
from ..kit import mounts
from ..ports.storage import StoragePort
from ..store import Store
from . import storage_tar as tar
from .storage_stack import StackTests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from ..model.image import Image, Layer

    MakeDriver = Callable[..., Any]

CONTAINER = "c0" * 32
OTHER = "d0" * 32


def unmount_below(path: str) -> None:
    """Take away every mount at or below a directory, the innermost first."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        targets = [line.split()[4] for line in file]
    for target in reversed(targets):
        if target == path or target.startswith(path + "/"):
            mounts.umount(target, mounts.MNT_DETACH)


def tree_facts(path: str) -> dict[str, tuple[Any, ...]]:
    """What is in a directory tree, without times: name -> (type and mode, uid, gid, content)."""
    facts: dict[str, tuple[Any, ...]] = {}
    for here, directories, files in os.walk(path):
        for name in [*directories, *files]:
            full = os.path.join(here, name)
            info = os.lstat(full)
            content: object = None
            if stat.S_ISREG(info.st_mode):
                with open(full, "rb") as file:
                    content = file.read()
            elif stat.S_ISLNK(info.st_mode):
                content = os.readlink(full)
            elif not stat.S_ISDIR(info.st_mode):
                content = info.st_rdev
            facts[os.path.relpath(full, path)] = (info.st_mode, info.st_uid, info.st_gid, content)
    return facts


class StoreCase:
    """Fixtures: ``make_store(**extra)`` and ``store``, cleaned up after the test."""

    driver_name = ""

    @pytest.fixture
    def make_driver(self) -> MakeDriver:
        """A callable that makes the driver from the keyword arguments of the contract: override it."""
        raise NotImplementedError

    @pytest.fixture
    def make_store(self, tmp_path: Path, make_driver: MakeDriver) -> Iterator[Callable[..., Store]]:
        """Make stores below ``tmp_path``; ``root``, ``imagestore`` and ``additional`` are names there."""

        def make(
            root: str = "root",
            imagestore: str = "",
            additional: tuple[str, ...] = (),
            options: dict[str, str] | None = None,
        ) -> Store:
            name = self.driver_name
            graph, run = str(tmp_path / root), str(tmp_path / (root + "-run"))
            image = str(tmp_path / imagestore) if imagestore else ""
            extra = tuple(str(tmp_path / path) for path in additional)
            driver = make_driver(
                home=f"{graph}/{name}",
                run_home=f"{run}/{name}",
                image_home=f"{image}/{name}" if image else "",
                options=options or {},
                additional=tuple(f"{path}/{name}" for path in extra),
            )
            return Store(graph, run, StoragePort(driver, name), name, image, extra)

        yield make
        unmount_below(str(tmp_path))

    @pytest.fixture
    def store(self, make_store: Callable[..., Store]) -> Store:
        """A store of its own in an empty directory."""
        return make_store()


def put(store: Store, parent: str, *members: tuple[tarfile.TarInfo, bytes]) -> Layer:
    """Put a layer made of members."""
    return store.put_layer(parent, io.BytesIO(tar.archive(*members)))


def put_image(store: Store, top: str, name: str = "localhost/test:latest") -> Image:
    """Record an image with next to nothing in it on a layer."""
    config = b'{"architecture":"amd64","os":"linux","note":"%s"}' % name.encode()
    return store.create_image(
        hashlib.sha256(config).hexdigest(), [name], top, config, b'{"schemaVersion":2}'
    )


def leftovers(store: Store) -> list[str]:
    """Files that remain in a store besides its tables, locks and empty directories."""
    found = []
    for root in {store.places.root, store.places.image_root, store.places.run_root}:
        for here, _, files in os.walk(root):
            found += [os.path.join(here, n) for n in files if not n.endswith((".lock", ".json"))]
    return found + store.driver.list()


class StorageSuite(StackTests, StoreCase):
    """What every storage driver must do."""

    def test_prepare_makes_an_empty_layer_that_exists(self, store: Store) -> None:
        assert store.driver.prepare("a1" * 32, "", True)
        assert store.driver.exists("a1" * 32)
        assert os.listdir(store.driver.diff_path("a1" * 32)) == []
        assert store.driver.list() == ["a1" * 32]

    def test_prepare_replaces_files_that_no_record_names(self, store: Store) -> None:
        store.driver.prepare("a1" * 32, "", True)
        with open(store.driver.diff_path("a1" * 32) + "/old", "w", encoding="ascii"):
            pass
        store.driver.prepare("a1" * 32, "", True)
        assert os.listdir(store.driver.diff_path("a1" * 32)) == []

    def test_a_missing_parent_is_an_error_that_names_it(self, store: Store) -> None:
        with pytest.raises(StorageError, match="b2" * 32):
            store.driver.prepare("a1" * 32, "b2" * 32, True)

    def test_remove_is_idempotent(self, store: Store) -> None:
        store.driver.prepare("a1" * 32, "", True)
        assert store.driver.remove("a1" * 32)
        assert store.driver.remove("a1" * 32)
        assert not store.driver.exists("a1" * 32)
        assert store.driver.list() == []

    def test_rename_keeps_the_content(self, store: Store) -> None:
        base = put(store, "", tar.member("f", b"1"))
        store.driver.prepare("a1" * 32, base.id, False)
        with open(store.driver.diff_path("a1" * 32) + "/g", "w", encoding="ascii"):
            pass
        store.driver.rename("a1" * 32, "b2" * 32)
        assert store.driver.list() == sorted([base.id, "b2" * 32])
        assert "g" in os.listdir(store.driver.diff_path("b2" * 32))

    def test_an_unknown_option_is_refused_by_name(self, make_store: Callable[..., Store]) -> None:
        with pytest.raises(ConfigError, match="no_such_option"):
            make_store(options={"no_such_option": "1"})

    def test_usage_counts_bytes(self, store: Store) -> None:
        base = put(store, "", tar.member("f", b"x" * 5000))
        size, inodes = store.driver.usage(base.id)
        assert size == 5000
        assert inodes >= 2

    def test_check_finds_nothing_in_a_sound_store(self, store: Store) -> None:
        put(store, "", tar.member("f", b"1"))
        assert store.driver.check(False) == []

    # -- views ---------------------------------------------------------------------------------

    def _view(self, store: Store, top: str, id: str = CONTAINER) -> str:
        store.create_container(id, (), "", {}, True, top_layer=top)
        return store.mount_container(id)

    def test_a_container_sees_all_layers_and_its_own_changes(self, store: Store) -> None:
        one = put(store, "", tar.member("a", b"1"), tar.member("b", b"1"))
        two = put(store, one.id, tar.member("b", b"2"))
        path = self._view(store, two.id)
        with open(path + "/c", "w", encoding="ascii") as file:
            file.write("3")
        assert {k: v[3] for k, v in tree_facts(path).items()} == {"a": b"1", "b": b"2", "c": b"3"}
        assert store.unmount_container(CONTAINER)
        assert store.mount_container(CONTAINER) == path
        assert sorted(os.listdir(path)) == ["a", "b", "c"]

    def test_containers_do_not_see_each_other(self, store: Store) -> None:
        base = put(store, "", tar.member("f", b"1"))
        first, second = self._view(store, base.id), self._view(store, base.id, OTHER)
        with open(first + "/f", "w", encoding="ascii") as file:
            file.write("changed")
        os.mkdir(first + "/new")
        with open(second + "/f", encoding="ascii") as file:
            assert file.read() == "1"
        assert os.listdir(second) == ["f"]

    def test_owners_modes_links_and_devices_arrive(self, store: Store) -> None:
        layer = put(
            store,
            "",
            tar.member("./", mode=0o750, uid=3, gid=4),
            tar.member("d", mode=0o2755, uid=10, gid=20),
            tar.member("d/suid", b"x", mode=0o4755, uid=1, gid=2),
            tar.hardlink("d/again", "d/suid"),
            tar.symlink("d/link", "../nowhere"),
            tar.member("fifo", type=tarfile.FIFOTYPE, mode=0o640),
            tar.device("null", 1, 3),
        )
        path = self._view(store, layer.id)
        facts = tree_facts(path)
        assert os.stat(path).st_mode & 0o7777 == 0o750
        assert os.stat(path).st_uid == 3
        assert facts["d"][:3] == (stat.S_IFDIR | 0o2755, 10, 20)
        assert facts["d/suid"] == (stat.S_IFREG | 0o4755, 1, 2, b"x")
        assert facts["d/link"][3] == "../nowhere"
        assert facts["fifo"][0] == stat.S_IFIFO | 0o640
        assert facts["null"] == (stat.S_IFCHR | 0o600, 0, 0, os.makedev(1, 3))
        assert os.stat(path + "/d/suid").st_ino == os.stat(path + "/d/again").st_ino
        assert os.stat(path + "/d").st_mtime == tar.MTIME
        assert os.lstat(path + "/d/link").st_mtime == tar.MTIME

    def test_capabilities_and_user_xattrs_arrive(self, store: Store) -> None:
        capability = bytes.fromhex("0100000200040000000000000000000000000000")
        layer = put(
            store,
            "",
            tar.member("ping", b"x", xattrs={"security.capability": capability}),
            tar.member("noted", b"x", xattrs={"user.note": b"hello"}),
        )
        path = self._view(store, layer.id)
        assert os.getxattr(path + "/ping", "security.capability") == capability
        try:
            os.setxattr(store.driver.diff_path(layer.id) + "/ping", "user.probe", b"1")
        except OSError:
            return  # the file system under the test has no user xattrs
        assert os.getxattr(path + "/noted", "user.note") == b"hello"

    def test_whiteouts_delete_and_opaque_directories_hide(self, store: Store) -> None:
        one = put(
            store,
            "",
            tar.member("gone", b"1"),
            tar.member("kept", b"1"),
            tar.member("d"),
            tar.member("d/old", b"1"),
            tar.member("tree"),
            tar.member("tree/deep"),
            tar.member("tree/deep/f", b"1"),
        )
        two = put(
            store,
            one.id,
            tar.member(".wh.gone", b""),
            tar.member("d"),
            tar.member("d/new", b"2"),
            tar.member("d/.wh..wh..opq", b""),
            tar.member(".wh.tree", b""),
        )
        path = self._view(store, two.id)
        assert sorted(tree_facts(path)) == ["d", "d/new", "kept"]

    def test_a_deleted_directory_made_anew_is_empty(self, store: Store) -> None:
        one = put(store, "", tar.member("d"), tar.member("d/old", b"1"))
        two = put(store, one.id, tar.member(".wh.d", b""), tar.member("d"), tar.member("d/n", b"2"))
        assert sorted(tree_facts(self._view(store, two.id))) == ["d", "d/n"]

    def test_seventy_layers_can_be_mounted(self, store: Store) -> None:
        parent = ""
        for number in range(70):
            parent = put(store, parent, tar.member(f"f{number}", b"%d" % number)).id
        path = self._view(store, parent)
        assert sorted(os.listdir(path)) == sorted(f"f{number}" for number in range(70))

    # -- what goes in comes out ----------------------------------------------------------------

    def test_the_diff_is_byte_for_byte_what_was_put_in(self, store: Store) -> None:
        data = tar.archive(
            tar.member("d", mode=0o700),
            tar.member("d/" + "long" * 60, b"x" * 1000),
            tar.member("empty", b""),
            tar.hardlink("hard", "empty"),
            tar.member("e", b"y" * 512),
        )
        layer = store.put_layer("", io.BytesIO(gzip.compress(data)))
        assert layer.diff_digest == "sha256:" + hashlib.sha256(data).hexdigest()
        assert layer.diff_size == len(data)
        assert layer.compression == 2
        assert b"".join(store.diff(layer)) == data

    def test_a_diff_without_tar_split_makes_an_equal_layer(
        self, make_store: Callable[..., Store]
    ) -> None:
        store = make_store()
        one = put(store, "", tar.member("a", b"1"), tar.member("d"), tar.member("d/x", b"1"))
        two = put(
            store,
            one.id,
            tar.member(".wh.a", b""),
            tar.member("d"),
            tar.member("d/.wh..wh..opq", b""),
            tar.member("d/y", b"2", uid=7),
            tar.hardlink("d/z", "d/y"),
            tar.symlink("l", "d/y"),
        )
        for layer in (one, two):
            os.unlink(store.layer_records.data_path(".tar-split.gz", layer.id))
        other = make_store("other")
        copied = ""
        for layer in (one, two):
            copied = other.put_layer(copied, io.BytesIO(b"".join(store.diff(layer)))).id
        assert tree_facts(self._view(other, copied)) == tree_facts(self._view(store, two.id))

    # -- hostile archives ------------------------------------------------------------------------

    @pytest.mark.parametrize("kind", sorted(tar.HOSTILE))
    def test_a_hostile_layer_is_refused_by_name_and_leaves_nothing(
        self, store: Store, kind: str
    ) -> None:
        data, words = tar.HOSTILE[kind]
        with pytest.raises(HostileLayer) as caught:
            store.put_layer("", io.BytesIO(data))
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert leftovers(store) == []
        assert not os.path.lexists("/tmp/polypod-evil")

    def test_a_bomb_is_stopped_at_the_limit(self, store: Store) -> None:
        bomb = gzip.compress(tar.archive(tar.member("big", bytes(20 << 20))))
        with pytest.raises(HostileLayer, match="larger than 1048576 bytes"):
            store.put_layer("", io.BytesIO(bomb), size_limit=1 << 20)
        assert leftovers(store) == []

    @pytest.mark.parametrize("cut", [100, 700, 1500])
    def test_a_torn_archive_leaves_nothing(self, store: Store, cut: int) -> None:
        data = tar.archive(tar.member("f", b"x" * 2000))[:cut]
        with pytest.raises(StorageError):
            store.put_layer("", io.BytesIO(data))
        assert leftovers(store) == []

    def test_a_wrong_digest_leaves_nothing(self, store: Store) -> None:
        data = tar.archive(tar.member("f", b"x"))
        with pytest.raises(StorageError, match="its image says"):
            store.put_layer("", io.BytesIO(data), diff_digest="sha256:" + "0" * 64)
        assert leftovers(store) == []

    def test_a_full_disk_is_said_in_one_line_and_harms_nothing(
        self, make_store: Callable[..., Store], tmp_path: Path
    ) -> None:
        disk = tmp_path / "small"
        disk.mkdir()
        mounts.mount("tmpfs", str(disk), "tmpfs", 0, "size=1m")
        store = make_store("small/root")
        base = put(store, "", tar.member("f", b"1"))
        image = put_image(store, base.id)
        with pytest.raises(StorageError, match="no space left on device"):
            put(store, base.id, tar.member("big", bytes(4 << 20)))
        assert store.driver.list() == [base.id]
        with open(disk / "fill", "wb") as file, pytest.raises(OSError):
            while True:
                os.write(file.fileno(), bytes(4096))
        with pytest.raises(StorageError, match="no space left on device"):
            for number in range(300):
                store.create_container(f"{number:064x}", (), image.id, {"x": "y" * 500}, False)
        for record in list(store.containers())[:2]:
            store.delete_container(record["id"])  # a full disk must be freed somehow
        os.unlink(disk / "fill")
        assert store.check() == []
        for record in list(store.containers()):
            store.delete_container(record["id"])
        assert store.driver.list() == [base.id]

    # -- life cycle ------------------------------------------------------------------------------

    def test_mounts_are_counted(self, store: Store) -> None:
        base = put(store, "", tar.member("f", b"1"))
        path = self._view(store, base.id)
        assert store.mount_container(CONTAINER) == path
        assert not store.unmount_container(CONTAINER)
        assert os.listdir(path) == ["f"]
        assert store.unmount_container(CONTAINER)
        assert store.container_mount(CONTAINER) == ""

    def test_deleting_a_container_leaves_nothing(self, store: Store) -> None:
        store.create_container(CONTAINER, ("name",), "", {"name": "name"}, False)
        store.mount_container(CONTAINER)
        store.container_dir(CONTAINER)
        store.container_run_dir(CONTAINER)
        assert store.delete_container(CONTAINER)
        assert not store.delete_container(CONTAINER)
        assert leftovers(store) == []
        with pytest.raises(NoSuchContainer):
            store.mount_container(CONTAINER)

    def test_an_image_in_use_stays_and_one_unused_takes_its_layers_along(
        self, store: Store
    ) -> None:
        shared = put(store, "", tar.member("f", b"1"))
        own = put(store, shared.id, tar.member("g", b"2"))
        base = put_image(store, shared.id, "localhost/base:latest")
        image = put_image(store, own.id)
        store.create_container(CONTAINER, (), image.id, {}, False)
        with pytest.raises(ImageInUse):
            store.delete_image(image.id)
        store.delete_container(CONTAINER)
        assert store.delete_image(image.id) == [own.id]
        assert store.driver.list() == [shared.id]
        assert store.delete_image(base.id) == [shared.id]
        assert leftovers(store) == []

    # -- several stores ----------------------------------------------------------------------------

    def test_images_in_a_store_of_their_own(
        self, make_store: Callable[..., Store], tmp_path: Path
    ) -> None:
        store = make_store("graph", imagestore="images")
        one = put(store, "", tar.member("f", b"1"))
        two = put(store, one.id, tar.member("g", b"2"))
        image = put_image(store, two.id)
        assert not (tmp_path / "graph" / f"{self.driver_name}-images" / "images.json").exists()
        store.create_container(CONTAINER, (), image.id, {}, False)
        assert sorted(os.listdir(store.mount_container(CONTAINER))) == ["f", "g"]
        assert store.mount_container(CONTAINER).startswith(str(tmp_path / "graph") + "/")
        assert b"".join(store.diff(two)) == tar.archive(tar.member("g", b"2"))
        store.delete_container(CONTAINER)
        assert sorted(store.delete_image(image.id)) == sorted([one.id, two.id])
        assert leftovers(store) == []

    def test_an_additional_store_is_read_and_never_written(
        self, make_store: Callable[..., Store]
    ) -> None:
        shared = make_store("shared")
        base = put(shared, "", tar.member("f", b"1"))
        image = put_image(shared, base.id)
        before = sorted(tree_facts(shared.places.root))
        store = make_store("own", additional=("shared",))
        found = store.find_image("test")
        assert found.id == image.id
        assert found.read_only
        top = put(store, base.id, tar.member("g", b"2"))
        assert sorted(os.listdir(self._view(store, top.id))) == ["f", "g"]
        with pytest.raises(StorageError, match="read-only"):
            store.delete_image(image.id)
        store.delete_container(CONTAINER)
        assert sorted(tree_facts(shared.places.root)) == before
