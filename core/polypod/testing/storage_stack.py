"""The part of the storage suite about layers that get their parent afterwards, and that are mended."""

from __future__ import annotations

import io
import os
import shutil

import pytest

from ..errors import StorageError
from ..store import putlayer
from . import storage_tar as tar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.image import Layer
    from ..store import Store

TEMPORARY = "e1" * 32
CONTAINER = "e2" * 32


def _put(store: Store, parent: str, name: str, **top: int) -> Layer:
    members = [tar.member("./", None, **top)] if top else []
    archive = tar.archive(*members, tar.member(name, b"x"))
    return store.put_layer(parent, io.BytesIO(archive))


def _names(store: Store, top: str) -> list[str]:
    """What a container on a layer sees."""
    store.create_container(CONTAINER, (), "", {}, True, top_layer=top)
    try:
        return sorted(os.listdir(store.mount_container(CONTAINER)))
    finally:
        store.delete_container(CONTAINER)


class StackTests:
    """Skipped for drivers without the hooks; see :class:`polypod.testing.storage.StorageSuite`."""

    @pytest.mark.parametrize("inherit", [True, False])
    def test_a_layer_can_be_put_on_its_parent_afterwards(self, store: Store, inherit: bool) -> None:
        if not store.driver.supports("adopt"):
            pytest.skip("the driver has no storage_adopt")
        one = _put(store, "", "one", mode=0o751, uid=3, gid=4)
        two = _put(store, one.id, "two")
        store.driver.prepare(TEMPORARY, "", False)
        made = store.driver.diff_path(TEMPORARY)
        with open(made + "/three", "w", encoding="ascii"):
            os.chmod(made, 0o700)
        assert store.driver.adopt(TEMPORARY, two.id, inherit)
        expected = [made, *store.driver.diff_paths(two.id)]
        assert [*map(os.path.realpath, store.driver.diff_paths(TEMPORARY))] == [
            *map(os.path.realpath, expected)
        ]
        info = os.stat(made)
        found = (info.st_mode & 0o7777, info.st_uid, info.st_gid)
        assert found == ((0o751, 3, 4) if inherit else (0o700, 0, 0))
        store.driver.rename(TEMPORARY, "e3" * 32)
        assert _names(store, "e3" * 32) == ["one", "three", "two"]

    def test_a_parent_that_is_gone_adopts_nothing(self, store: Store) -> None:
        if not store.driver.supports("adopt"):
            pytest.skip("the driver has no storage_adopt")
        store.driver.prepare(TEMPORARY, "", False)
        with pytest.raises(StorageError, match="e4" * 32):
            store.driver.adopt(TEMPORARY, "e4" * 32, True)

    @pytest.mark.parametrize("number", [0, 1, 2])
    def test_a_damaged_layer_is_mended_by_putting_it_again(self, store: Store, number: int) -> None:
        """What stands on it works as before, also where the driver keeps whole trees."""
        layers: list[Layer] = []
        for name in ("one", "two", "three"):
            layers.append(_put(store, layers[-1].id if layers else "", name))
        directory = store.driver.diff_path(layers[number].id)
        shutil.rmtree(directory)
        parent = layers[number].parent
        assert store.find_layer(parent, layers[number].diff_digest) is None
        again = _put(store, parent, ("one", "two", "three")[number])
        assert again.id == layers[number].id
        assert len(store.layers()) == 3
        assert _names(store, layers[2].id) == ["one", "three", "two"]
        assert store.driver.check(False) == []

    def test_layers_are_staged_in_any_order(self, store: Store) -> None:
        """Committed in the right one they are what one after the other makes."""
        if not putlayer.can_stack(store):
            pytest.skip("the driver has no storage_adopt")
        archives = [tar.archive(tar.member(name, b"x")) for name in ("one", "two", "three")]
        staged: dict[int, putlayer.Staged] = {}
        parents = [""]
        for archive in archives:
            digest = "sha256:" + sha256_of(archive)
            parents.append(putlayer.chain_id(parents[-1], digest))
        for number in (2, 0, 1):
            note = putlayer.open_stage(store)
            stream = io.BytesIO(archives[number])
            applied = putlayer.stage(store, note.id, stream, putlayer.Wanted())
            staged[number] = putlayer.Staged(note, applied, parent=parents[number])
        layers = putlayer.commit(store, [staged[number] for number in range(3)])
        assert [layer.id for layer in layers] == parents[1:]
        assert _names(store, layers[2].id) == ["one", "three", "two"]
        assert sorted(store.driver.list()) == sorted(parents[1:])


def sha256_of(data: bytes) -> str:
    """SHA-256 of some bytes, in hex."""
    import hashlib

    return hashlib.sha256(data).hexdigest()
