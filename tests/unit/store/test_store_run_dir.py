"""Deleting a container leaves the directory below runroot to a caller who has a lock in it."""

from __future__ import annotations

import os

import pytest

CONTAINER = "cd" * 32


@pytest.mark.parametrize("run_dir", [True, False])
def test_delete_container(store, tmp_path, run_dir: bool) -> None:
    store.create_container(CONTAINER, ("name",), "", {}, False)
    folder = f"{tmp_path}/run/overlay-containers/{CONTAINER}"
    os.makedirs(f"{folder}/userdata")
    with open(f"{folder}/userdata/lock", "w"):
        pass
    assert store.delete_container(CONTAINER, run_dir=run_dir)
    assert os.path.exists(f"{folder}/userdata/lock") is not run_dir
    assert not os.path.exists(f"{tmp_path}/root/overlay-containers/{CONTAINER}")
    assert store.containers() == []
