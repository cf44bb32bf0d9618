"""``volume import`` and ``volume export``, one into the other."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command line over an own store."""
    roots = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]

    def call(*args: str, code: int = 0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "polypod", *roots, *args],
            capture_output=True, input=stdin, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done

    return call


def archive(name: str, content: bytes, mode: str = "w") -> bytes:
    """A tar with one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size, info.uid, info.mode = len(content), 7, 0o640
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def test_one_volume_into_another(run: Run, tmp_path: Path) -> None:
    run("volume", "create", "one")
    run("volume", "create", "two")
    where = run("volume", "inspect", "--format", "{{.Mountpoint}}", "two").stdout.decode().strip()
    Path(where, "stays").write_text("here")
    Path(where, "sub").mkdir()
    Path(where, "sub/file").write_text("old")
    run("volume", "import", "one", "-", stdin=archive("sub/file", b"new", "w:gz"))
    exported = run("volume", "export", "one").stdout
    file = tmp_path / "one.tar"
    file.write_bytes(exported)
    run("volume", "import", "two", str(file))
    assert Path(where, "sub/file").read_text() == "new"
    assert Path(where, "stays").read_text() == "here"
    status = os.stat(f"{where}/sub/file")
    assert (status.st_uid, status.st_mode & 0o777) == (7, 0o640)


def test_what_is_refused(run: Run, tmp_path: Path) -> None:
    run("volume", "import", "none", "-", code=125, stdin=archive("f", b""))
    run("volume", "create", "one")
    missing = run("volume", "import", "one", str(tmp_path / "missing"), code=125)
    assert b"no such file or directory" in missing.stderr
    run("volume", "import", "one", "-", code=125, stdin=archive("../escaped", b"x"))
    run("volume", "import", "one", "-", code=125, stdin=b"no archive at all" * 100)
    assert not list(tmp_path.rglob("escaped"))
