"""crun against the runtime suite."""

from __future__ import annotations

import os

import pytest
from polypod.errors import DriverUnavailable
from polypod.testing.runtime import RuntimeSuite
from polypod_runtime_crun import Crun

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

try:
    Crun()
    MISSING = ""
except DriverUnavailable as error:
    MISSING = str(error)

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=MISSING),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


class TestCrun(RuntimeSuite):
    """The suite."""

    @pytest.fixture
    def driver(self, runtime_root: Path) -> Crun:
        """The driver, with a state directory of its own."""
        return Crun(root=str(runtime_root))
