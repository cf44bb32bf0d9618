"""What is remembered of image stores: one bad record costs one store."""

from __future__ import annotations

import os

import pytest
from polypod.errors import NoSuchStore, StorageError, StoreAbsent
from polypod.model.imagestore import ImageStore
from polypod.store.attached import Register, catalog_images
from polypod.store.identity import write_identity
from polypod.store.imagestores import ImageStores, refuse_name


def a_store(name: str, **more: object) -> ImageStore:
    return ImageStore(name=name, id=name * 8, path=f"/nowhere/{name}", **more)


def test_records_are_kept_renamed_and_forgotten(tmp_path):
    register = Register(str(tmp_path))
    assert register.all() == []
    register.save(a_store("b"))
    register.save(a_store("a"))
    register.save_catalog("a", {"images": [{"id": "1" * 64, "names": ["x"], "size": 7}]})
    assert [store.name for store in register.all()] == ["a", "b"]
    assert os.stat(f"{register.directory}/a.json").st_mode & 0o777 == 0o600
    register.save(a_store("a").evolve(name="new"), old_name="a")
    assert [store.name for store in register.all()] == ["b", "new"]
    [image] = catalog_images("new", register.catalog("new"))
    assert (image.names, image.size, image.store, image.detached) == (("x",), 7, "new", True)
    assert register.get("a" * 8).name == "new"
    register.forget("new")
    with pytest.raises(NoSuchStore):
        register.get("new")


def test_a_damaged_record_costs_one_store(tmp_path, capfd):
    register = Register(str(tmp_path))
    register.save(a_store("a"))
    with open(f"{register.directory}/bad.json", "w") as file:
        file.write('{"name": ')
    assert [store.name for store in register.all()] == ["a"]
    assert "bad.json is damaged" in capfd.readouterr().err
    assert register.catalog("bad") == {}


def test_states(tmp_path, capfd):
    register = Register(f"{tmp_path}/static")
    there = tmp_path / "there"
    there.mkdir()
    id = write_identity(str(there))
    register.save(ImageStore(name="there", id=id, path=str(there)))
    register.save(a_store("away", attached=False))
    register.save(a_store("lost"))
    stores = ImageStores(f"{tmp_path}/static", f"{tmp_path}/run", "overlay", [(str(there), "x.conf:3")])
    states = {store.name: stores.state(store) for store in stores.stores}
    assert states == {str(there): "attached", "there": "attached", "away": "detached", "lost": "absent"}
    assert capfd.readouterr().err.count("image store lost is not usable") == 1
    assert list(stores.roots().values()) == ["there"]
    stores.check_required()
    register.save(a_store("lost", required=True))
    stores.refresh()
    with pytest.raises(StoreAbsent, match="image store lost is absent"):
        stores.check_required()
    with pytest.raises(StoreAbsent, match="container c needs image store gone, which is not known"):
        stores.refuse("container c", "gone", "1")
    assert stores.of_container("old name", id) == stores.get("there")


@pytest.mark.parametrize("name", ["a", "A-b_c.d", "9"])
def test_good_names(name):
    refuse_name(name)


@pytest.mark.parametrize("name", ["", ".", "a/b", "-a", "ä", "a b", "x" * 65, ".hidden"])
def test_bad_names(name):
    with pytest.raises(StorageError):
        refuse_name(name)
