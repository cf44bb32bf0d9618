"""The vfs driver against the conformance suite."""

from __future__ import annotations

import pytest
from polypod.testing.storage import StorageSuite
from polypod_storage_vfs import VFS, VFSConfig


class TestVFS(StorageSuite):
    driver_name = "vfs"

    @pytest.fixture
    def make_driver(self):
        return lambda **where: VFS(config=VFSConfig(), **where)
