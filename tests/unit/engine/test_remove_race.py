"""Somebody who waits for a container's lock makes its file again while ``rm`` deletes the directory."""

from __future__ import annotations

import errno
import os
from types import SimpleNamespace

import pytest
from polypod.engine import remove as removal
from polypod.engine.locking import ContainerLock
from polypod.engine.tree import remove_tree
from polypod.errors import NoSuchContainer

ID = "ab" * 32


def meddle(monkeypatch, directory: str, times: int) -> list[int]:
    """Before a directory is removed, a waiter makes its lock file once more, so many times."""
    made: list[int] = []
    rmdir = os.rmdir

    def raced(path: str, **where: int) -> None:
        if path == directory and len(made) < times:
            with open(f"{directory}/lock", "w") as file:
                made.append(file.fileno())
        rmdir(path, **where)

    monkeypatch.setattr(os, "rmdir", raced)
    return made


@pytest.mark.parametrize("times", [1, 3])
def test_a_file_that_comes_back_is_deleted_again(tmp_path, monkeypatch, times: int) -> None:
    directory = f"{tmp_path}/run"
    os.makedirs(f"{directory}/deep/er")
    made = meddle(monkeypatch, directory, times)
    remove_tree(directory)
    assert len(made) == times
    assert not os.path.exists(directory)


def test_a_file_that_always_comes_back_is_an_error(tmp_path, monkeypatch) -> None:
    directory = f"{tmp_path}/run"
    os.mkdir(directory)
    meddle(monkeypatch, directory, 1000)
    with pytest.raises(OSError) as caught:
        remove_tree(directory)
    assert caught.value.errno == errno.ENOTEMPTY


def test_a_link_goes_and_what_it_points_at_stays(tmp_path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(f"{tmp_path}/link")
    assert sorted(os.listdir(tmp_path)) == ["kept"]
    assert (tmp_path / "kept/file").exists()


class Places:
    """What ``ContainerLock`` asks of the runtime."""

    def __init__(self, base: str) -> None:
        self.base = base

    def run_dir(self, container_id: str) -> str:
        return f"{self.base}/{container_id}/userdata"


def test_a_waiter_that_finds_nothing_leaves_nothing(tmp_path, monkeypatch) -> None:
    places = Places(str(tmp_path))
    made = meddle(monkeypatch, f"{tmp_path}/{ID}", 1)
    with pytest.raises(NoSuchContainer), ContainerLock(places, ID):  # type: ignore[arg-type]
        raise NoSuchContainer(f"no container {ID}")
    assert made
    assert os.listdir(tmp_path) == []


def test_the_lock_outlives_the_store_and_the_record(tmp_path, monkeypatch) -> None:
    """``rm`` deletes its own lock file last, so that no second holder gets in before."""
    lock = tmp_path / "run" / ID / "userdata" / "lock"
    seen: list[str] = []

    class Store:
        def delete_container(self, _id: str, *, run_dir: bool = True) -> bool:
            seen.append("store")
            assert not run_dir
            return True

    class Containers:
        def set_state(self, *_args: object) -> None:
            seen.append("state")

        def remove(self, *_args: object, **_flags: object) -> None:
            seen.append("record")
            assert lock.exists()

    runtime, container, state = removal_parts(tmp_path, Store(), Containers())
    for name in ("take_down", "note", "emit_container"):
        monkeypatch.setattr(removal, name, lambda *_args, **_flags: None)
    with ContainerLock(runtime, ID):
        removal.remove_locked(runtime, container, state, volumes=False)
        assert not lock.exists()
    assert seen == ["state", "store", "record"]
    assert os.listdir(tmp_path / "run") == []


def removal_parts(base, store, containers):
    from polypod.model.container import ContainerState

    run_dir = f"{base}/run/{ID}/userdata"
    runtime = SimpleNamespace(
        store=store,
        records=SimpleNamespace(containers=containers),
        exit_dir=f"{base}/exits",
        run_dir=lambda _id: run_dir,
        persist_dir=lambda _id: f"{base}/persist/{ID}",
    )
    container = SimpleNamespace(
        id=ID,
        image=SimpleNamespace(id="image"),
        bundle=f"{base}/root/{ID}/userdata",
        run_dir=run_dir,
        mounts=(),
        lifecycle=SimpleNamespace(remove=False, cidfile=""),
    )
    return runtime, container, ContainerState(status="exited", cleaned=True)


@pytest.mark.parametrize("kind", ["directory", "missing"])
def test_a_cidfile_that_cannot_be_deleted_is_told(tmp_path, capfd, kind: str) -> None:
    path = tmp_path / "cid"
    if kind == "directory":
        path.mkdir()
    container = SimpleNamespace(id=ID, lifecycle=SimpleNamespace(cidfile=str(path)))
    removal._delete_cidfile(container)  # type: ignore[arg-type]
    told = capfd.readouterr().err
    assert ("is a directory" in told and str(path) in told) == (kind == "directory")
