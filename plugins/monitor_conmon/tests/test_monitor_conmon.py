"""conmon against the monitor suite."""

from __future__ import annotations

import os

import pytest
from polypod.errors import DriverUnavailable
from polypod.testing.monitor import MonitorSuite
from polypod_monitor_conmon import Conmon

try:
    Conmon()
    MISSING = ""
except DriverUnavailable as error:
    MISSING = str(error)

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


class TestConmon(MonitorSuite):
    """The suite."""

    @pytest.fixture
    def monitor(self) -> Conmon:
        """The driver."""
        return Conmon()
