"""``image scp`` with a stand-in for ssh that runs the other side's command here."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.testing.images import tar_of
from polypod.testing.peers import unmount_below
from polypod.testing.program import Program


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >>{tmp_path}/calls\n'
        f'case "$2" in *load*) exec cat >{tmp_path}/there.tar;;\n'
        f"*save*) exec cat {tmp_path}/there.tar;; esac\n"
    )
    ssh.chmod(ssh.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Program(folder)
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


def test_an_image_travels_there_and_back(cli: Program, tmp_path: Path) -> None:
    tarball = tmp_path / "rootfs.tar"
    tarball.write_bytes(tar_of({"hello": b"hello\n"}))
    cli("import", "-q", tarball, "quay.io/test/image:1")
    assert cli("image", "scp", "-q", "quay.io/test/image:1", "root@there::") == ""
    cli("rmi", "-f", "quay.io/test/image:1")
    back = cli("image", "scp", "-q", "there::quay.io/test/image:1")
    assert back == "Loaded image: quay.io/test/image:1\n"
    cli("image", "exists", "quay.io/test/image:1")
    assert (tmp_path / "calls").read_text().splitlines() == [
        "root@there podman load --quiet",
        "there podman save --quiet --format docker-archive quay.io/test/image:1",
    ]


def test_what_cannot_be_copied(cli: Program) -> None:
    assert "one of source and destination must be another host" in cli.fails(
        125, "image", "scp", "a", "b"
    )
    assert '"tar" is not a valid value' in cli.fails(
        125, "image", "scp", "--format", "tar", "a", "h::"
    )
    assert "-oX is not a host" in cli.fails(125, "image", "scp", "--", "-oX::a")
