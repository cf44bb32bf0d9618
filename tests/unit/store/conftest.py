"""A store on the overlay driver for tests of what lies above all drivers."""

from __future__ import annotations

import pytest
from polypod.ports.storage import StoragePort
from polypod.store import Store
from polypod.testing.storage import unmount_below
from polypod_storage_overlay import Overlay, OverlayConfig


def open_store(base) -> Store:
    root, run = f"{base}/root", f"{base}/run"
    driver = Overlay(
        config=OverlayConfig(), home=root + "/overlay", run_home=run + "/overlay", options={}
    )
    return Store(root, run, StoragePort(driver, "overlay"))


@pytest.fixture
def store(tmp_path):
    yield open_store(tmp_path)
    unmount_below(str(tmp_path))


@pytest.fixture
def reopen(tmp_path):
    """Open the store of ``store`` once more, as another process would."""
    return lambda: open_store(tmp_path)
