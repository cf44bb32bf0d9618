"""The generic driver, over a wrapper script such as an operator would write."""

from __future__ import annotations

import os
import shutil

import pytest
from polypod.errors import DriverUnavailable
from polypod.testing.runtime import RuntimeSuite
from polypod_runtime_oci import OCI

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

BINARY = shutil.which("runc") or shutil.which("crun") or ""
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.mark.skipif(not BINARY, reason="neither runc nor crun is installed")
class TestWrapper(RuntimeSuite):
    """The suite."""

    @pytest.fixture
    def driver(self, runtime_root: Path, tmp_path: Path) -> OCI:
        """A wrapper around an installed runtime."""
        wrapper = tmp_path / "my-runtime"
        wrapper.write_text(f'#!/bin/sh\nexec {BINARY} "$@"\n')
        wrapper.chmod(0o755)
        return OCI(path=str(wrapper), root=str(runtime_root))

    def test_errors_name_the_wrapper(self, driver: OCI) -> None:
        assert driver.label() == "my-runtime"
        assert driver.runtime_features().name == "my-runtime"


def test_no_path_is_unavailable() -> None:
    with pytest.raises(DriverUnavailable, match="has no path"):
        OCI()


def test_wrong_path_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DriverUnavailable, match="nothing is not an executable file"):
        OCI(path=str(tmp_path / "nothing"))


def test_flags_of_the_user_get_their_dashes(tmp_path: Path) -> None:
    driver = OCI(path="/bin/true", flags=("log-level=debug", "--x"), cgroup_manager="systemd")
    assert driver.runtime_command() == (
        "/bin/true", "--systemd-cgroup", "--log-level=debug", "--x",
    )  # fmt: skip
