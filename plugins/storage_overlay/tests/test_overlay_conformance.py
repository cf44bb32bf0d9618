"""The overlay driver against the conformance suite."""

from __future__ import annotations

import pytest
from polypod.testing.storage import StorageSuite
from polypod_storage_overlay import Overlay, OverlayConfig


class TestOverlay(StorageSuite):
    driver_name = "overlay"

    @pytest.fixture
    def make_driver(self):
        return lambda **where: Overlay(config=OverlayConfig(), **where)
