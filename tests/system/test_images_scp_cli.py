"""``image scp`` with a stand-in for ssh that runs the other side's command here."""

from __future__ import annotations

import json
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

SSH = r"""#!/bin/sh
echo "$@" >>{calls}
for last; do :; done
case "$last" in
*'podman load'*) cat >{there}; echo Loaded image: quay.io/test/image:1;;
*'podman save'*) exec cat {there};;
*'podman tag'*) ;;
esac
"""


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Program]:
    for name in ("ssh", "runuser"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        text = SSH.format(calls=tmp_path / "calls", there=tmp_path / "there.tar")
        program.write_text(text if name == "ssh" else text.replace("podman ", "polypod "))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("PODMAN_CONNECTIONS_CONF", f"{tmp_path}/connections.json")
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Program(folder)
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


def calls(tmp_path: Path) -> list[str]:
    """What was run elsewhere: the target, and the engine's command without its wrapping."""
    found = []
    for line in (tmp_path / "calls").read_text().splitlines():
        target, _, shell = line.partition(" if command -v podman >/dev/null 2>&1; then exec ")
        found.append(f"{target}: {shell.partition(';')[0]}" if shell else line)
    return found


@pytest.fixture
def image(cli: Program, tmp_path: Path) -> str:
    tarball = tmp_path / "rootfs.tar"
    tarball.write_bytes(tar_of({"hello": b"hello\n"}))
    cli("import", "-q", tarball, "quay.io/test/image:1")
    return "quay.io/test/image:1"


def test_an_image_travels_there_and_back(cli: Program, image: str, tmp_path: Path) -> None:
    assert cli("image", "scp", "-q", image, "root@there::") == f"Loaded image: {image}\n"
    cli("rmi", "-f", image)
    assert cli("image", "scp", "-q", "there::quay.io/test/image:1") == f"Loaded image: {image}\n"
    cli("image", "exists", image)
    assert calls(tmp_path) == [
        "root@there: podman load --quiet",
        "there: podman save --quiet --format docker-archive quay.io/test/image:1",
    ]


def test_from_one_host_to_another(cli: Program, image: str, tmp_path: Path) -> None:
    cli("image", "scp", "-q", image, "one::")
    cli("image", "scp", "-q", f"one::{image}", "me@two:2222/run/podman.sock::localhost/new:name")
    assert calls(tmp_path)[1:] == [
        f"one: podman save --quiet --format docker-archive {image}",
        "ssh://me@two:2222: podman load --quiet",
        f"ssh://me@two:2222: podman tag {image} localhost/new:name",
    ]


def test_connections_and_users(cli: Program, image: str, tmp_path: Path) -> None:
    known = {"URI": "ssh://core@machine:99/run/user/1/podman.sock", "Identity": "/key"}
    document = {"Connection": {"Default": "m", "Connections": {"m": known}}}
    (tmp_path / "connections.json").write_text(json.dumps(document))
    cli("image", "scp", "-q", image, "m::")
    assert calls(tmp_path) == ["-i /key ssh://core@machine:99: podman load --quiet"]
    assert cli("image", "scp", "-q", f"root@localhost::{image}", "nobody@localhost::") == (
        f"Loaded image: {image}\n"
    )
    assert calls(tmp_path)[1].startswith("-l nobody -c exec /")
    assert calls(tmp_path)[1].endswith("/polypod load --quiet")
    assert "no such user" in cli.fails(125, "image", "scp", image, "nosuchuser@localhost::")


def test_what_cannot_be_copied(cli: Program, image: str) -> None:
    for words in ([image], [image, "b"], ["root@localhost::" + image]):
        said = cli.fails(125, "image", "scp", *words)
        assert said == "Error: must specify a destination: invalid argument"
    said = cli.fails(125, "image", "scp", "there::", "other::")
    assert said == "Error: a source image must be specified: invalid argument"
    assert '"tar" is not a valid value' in cli.fails(125, "image", "scp", "--format", "tar", "a", "h::")
    assert "-oX is not a host" in cli.fails(125, "image", "scp", "--", "-oX::a")
