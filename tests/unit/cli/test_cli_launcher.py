"""The launcher: from any path, through links, with and without ``site``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polypod
import pytest

SOURCE = Path(polypod.__file__).parent
LAUNCHER = Path(__file__).parents[3] / "core" / "bin" / "polypod"
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Prefix:
    """A virtual environment with the launcher; polypod itself is put in by the test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.site = root / "lib" / VERSION / "site-packages"
        self.bin.mkdir(parents=True)
        self.site.mkdir(parents=True)
        base = Path(sys.base_prefix) / "bin" / VERSION
        (self.bin / "python3").symlink_to(base)
        (root / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
        (self.bin / "polypod").write_bytes(LAUNCHER.read_bytes())
        (self.bin / "polypod").chmod(0o755)

    def run(self, *args: str, program: Path | None = None, **env: str) -> str:
        command = [str(program or self.bin / "polypod"), *args]
        clean = {"PATH": os.environ["PATH"], "HOME": str(self.root), **env}
        done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    return Prefix(tmp_path / "a path 'with' $odd names")


def test_an_installed_one_starts_without_site(prefix: Prefix) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    (prefix.site / "slow.pth").write_text("import sys; sys.stderr.write('site was started')\n")
    assert prefix.run("-v") == f"podman version 5.7.0 (polypod {polypod.__version__})\n"


def test_debians_folder(prefix: Prefix) -> None:
    folder = prefix.root / "lib" / "python3" / "dist-packages"
    folder.mkdir(parents=True)
    (folder / "polypod").symlink_to(SOURCE)
    assert prefix.run("-v").startswith("podman version")


def test_links_lead_to_it_and_name_it(prefix: Prefix, tmp_path: Path) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    (tmp_path / "podman").symlink_to(prefix.bin / "polypod")
    (tmp_path / "link to link").symlink_to("podman")
    assert prefix.run("--x", program=tmp_path / "podman").endswith("See 'podman --help'\n")
    assert prefix.run("--x", program=tmp_path / "link to link").endswith(
        "See 'link to link --help'\n"
    )


def test_it_is_found_on_path(prefix: Prefix, tmp_path: Path) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    done = subprocess.run(
        ["sh", "-c", "polypod -v"], env={"PATH": f"{prefix.bin}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.startswith("podman version")


def test_editable_installs(prefix: Prefix) -> None:
    (prefix.site / "polypod.pth").write_text(f"{SOURCE.parent}\n")
    assert prefix.run("-v").startswith("podman version")


def test_pythonpath(prefix: Prefix) -> None:
    assert "polypod: not installed for " in prefix.run("-v")
    assert prefix.run("-v", PYTHONPATH=str(SOURCE.parent)).startswith("podman version")


def test_a_library_that_comes_by_pth(prefix: Prefix, tmp_path: Path) -> None:
    """Not found without ``site``, it is found when it is imported."""
    (prefix.site / "polypod").symlink_to(SOURCE)
    (prefix.site / "more.pth").write_text(f"{tmp_path}\n")
    (tmp_path / "gotpl.py").write_text("import os; os.write(1, b'found'); os._exit(0)\n")
    assert prefix.run("version", "-f", "{{upper .Client.Os}}") == "found"


def test_a_missing_library_is_named(prefix: Prefix) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    words = prefix.run("version", "-f", "{{upper .Client.Os}}")
    assert "No module named 'gotpl'" in words
    assert "Traceback" not in words


def test_arguments_arrive_as_they_are(prefix: Prefix) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    for odd in ("", "a b", "$HOME", "'", '"', "-h\n", "*"):
        assert prefix.run("version", f"x{odd}") == "Error: `polypod version` takes no arguments\n"
        assert prefix.run(f"x{odd}").startswith(f"Error: unrecognized command `polypod x{odd}`\n")


def test_closed_streams(prefix: Prefix) -> None:
    (prefix.site / "polypod").symlink_to(SOURCE)
    program = prefix.bin / "polypod"
    done = subprocess.run(
        ["sh", "-c", '"$0" version >&-; echo $?', str(program)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "0\n"  # as podman: what is closed is /dev/null, not the next file
    assert done.stderr == ""
    done = subprocess.run(
        ["bash", "-c", '"$0" --help | true; echo ${PIPESTATUS[0]}', str(program)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() in ("0", "141")
    assert done.stderr == ""
