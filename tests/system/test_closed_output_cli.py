"""Standard files that are closed or full, and stores that cannot be written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from polypod.testing.program import Program
from polypod.testing.registry import HostileRegistry


def shell(cli: Program, words: str, *, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run a line of the shell in which ``words`` follow the program."""
    line = f"{before} {' '.join(cli.command)} {words}"
    return subprocess.run(
        ["sh", "-c", line], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "0<&- >&- 2>&-"])
def test_closed_standard_files_are_not_the_stores(cli: Program, closed: str) -> None:
    with HostileRegistry() as registry:
        registry.add_image()
        name = f"{registry.host}/a/b"
        done = shell(cli, f"pull --tls-verify=false {name} {closed}")
        assert done.returncode == 0, done.stderr
        done = shell(cli, f"push {name} oci:{cli.folder}/out:x {closed}")
        assert done.returncode == 0, done.stderr
    id = cli.inspect(name)["Id"]
    for path in Path(cli.folder).rglob("*.lock"):
        assert id.encode() not in path.read_bytes(), path
    cli("system", "check")


def test_a_full_output_is_no_bug(cli: Program) -> None:
    done = shell(cli, "images >/dev/full")
    assert (done.returncode, done.stderr) == (125, "Error: write /dev/stdout: no space left on device\n")


def test_full_outputs_tell_by_the_exit_code(cli: Program) -> None:
    with HostileRegistry() as registry:
        registry.add_image()
        words = f"--log-level=debug pull --tls-verify=false {registry.host}/a/b 2>/dev/full"
        assert shell(cli, words).returncode == 125  # as podman


def test_artifacts_on_a_store_that_cannot_be_written(cli: Program, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(os.urandom(3 << 20))
    root = f"{cli.folder}/root"
    os.mkdir(root)
    for options, reason in (("ro", "read-only file system"), ("size=2m", "no space left on device")):
        mount = f"mount -t tmpfs -o {options} none {root} &&"
        line = f"{mount} {' '.join(cli.command)} artifact add localhost/x:1 {file}"
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", line],
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 125, done.stderr
        assert done.stderr == f"Error: cannot write to {root}/artifacts: {reason}\n"
