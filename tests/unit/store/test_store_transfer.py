"""A store to another place: what a kill has left is no hindrance, and what is not the store's stays."""

from __future__ import annotations

import os

import pytest
from polypod.errors import StorageError
from polypod.store.identity import read_identity, write_identity
from polypod.store.leftovers import remove_store
from polypod.store.transfer import MARKER, move_directory


@pytest.fixture
def store(tmp_path):
    root = tmp_path / "store"
    for part in ("overlay", "overlay-layers", "overlay-images"):
        (root / part).mkdir(parents=True)
    return str(root), write_identity(str(root))


def test_a_marker_half_written_by_a_killed_move(store, tmp_path):
    root, id = store
    target = tmp_path / "new"
    target.mkdir()
    (target / f".tmp-{MARKER}123.1").write_text("")
    assert move_directory(root, str(target), "overlay", id)
    assert read_identity(str(target)) == id


def test_a_directory_with_anything_else_is_refused(store, tmp_path):
    root, id = store
    (tmp_path / "new").mkdir()
    (tmp_path / "new/photo").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        move_directory(root, str(tmp_path / "new"), "overlay", id)
    assert read_identity(root) == id and os.listdir(tmp_path / "new") == ["photo"]


def test_removing_is_taken_up_again_and_takes_nothing_of_others(store, tmp_path, monkeypatch):
    root, id = store
    from polypod.store import leftovers

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(leftovers, "remove_tree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_store(root, id, "/new")
    assert read_identity(root) == "" and len(os.listdir(root)) == 4
    os.makedirs(f"{root}/overlay/too-late")
    remove_store(root, "0" * 64, "/new")
    assert len(os.listdir(root)) >= 4
    remove_store(root, id, "/new")
    assert not os.path.exists(root)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/photo").write_text("mine")
    remove_store(str(tmp_path / "photos"), id, "/new")
    assert (tmp_path / "photos/photo").read_text() == "mine"


def test_a_file_at_the_old_place_goes_when_it_is_the_store(tmp_path):
    old, new, other = (tmp_path / name for name in ("old", "new", "other"))
    for path in (old, new):
        path.write_bytes(b"x" * 5000)
    other.write_bytes(b"y" * 5000)
    remove_store(str(other), "", str(new))
    remove_store(str(other), "", str(tmp_path / "gone"))
    assert other.exists()
    remove_store(str(old), "", str(new))
    assert not old.exists()
