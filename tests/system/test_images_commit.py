"""``commit`` and ``export``: from a container to an image, and back."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.testing.box import IMAGE, CliBox
from polypod.testing.busybox import write_rootfs
from polypod.testing.peers import Podman, unmount_below
from polypod.testing.program import Program

SCRIPT = "echo hi >/hi; chmod 640 /hi; rm -r /var/tmp /etc/os-release; mkdir /var/tmp; ln /hi /hi2"


@pytest.fixture
def cli() -> Iterator[Program]:
    """With an image ``base`` and a container ``c`` that has changed some files."""
    folder = tempfile.mkdtemp(prefix="pp")
    made = Program(folder)
    with open(f"{folder}/base.tar", "wb") as file:
        write_rootfs(file)
    try:
        made("import", "-q", "-c", "LABEL base=1", f"{folder}/base.tar", "base")
        made("run", "--network", "none", "--name", "c", "-e", "A=b", "--label", "l=m", "base",
             "sh", "-c", SCRIPT)  # fmt: skip
        yield made
    finally:
        try:
            made("rm", "-f", "-a")
        finally:
            unmount_below(folder)
            shutil.rmtree(folder)


def test_commit(cli: Program) -> None:
    done = cli.run("commit", "c", "changed")
    assert done.stderr.startswith("Getting image source signatures\nCopying blob sha256:")
    id = done.stdout.strip()
    described = cli.inspect("changed")
    assert described["Id"] == id
    assert described["RepoTags"] == ["localhost/changed:latest"]
    assert described["Parent"] == cli.inspect("base")["Id"]
    config = described["Config"]
    assert "A=b" in config["Env"]
    assert not any(entry.startswith("container=") for entry in config["Env"])
    assert config["Cmd"] == ["sh", "-c", SCRIPT]
    assert config["Labels"] == {"base": "1", "l": "m"}
    assert described["ManifestType"] == "application/vnd.oci.image.manifest.v1+json"
    check = "cat /hi; ls /var/tmp; test -e /etc/os-release || echo gone; stat -c %a-%h /hi2"
    shown = cli("run", "--rm", "--network", "none", "changed", "sh", "-c", check)
    assert shown.split() == ["hi", "gone", "640-2"]


def test_commit_options(cli: Program) -> None:
    flags = ("-q", "-f", "docker", "-m", "a message", "-a", "Me", "-c", 'CMD ["/x"]')
    id = cli("commit", *flags, "--iidfile", f"{cli.folder}/iid", "c").strip()
    assert Path(cli.folder, "iid").read_text() == id
    described = cli.inspect(id)
    assert described["Comment"] == "a message"
    assert described["Author"] == "Me"
    assert described["Config"]["Cmd"] == ["/x"]
    assert described["ManifestType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert described["RepoTags"] == []
    squashed = cli("commit", "-q", "-s", "c", "flat").strip()
    assert len(cli.inspect(squashed)["RootFS"]["Layers"]) == 1
    done = cli.run("commit", "-m", "x", "c", code=125)
    assert done.stderr == (
        "Error: messages are only compatible with the docker image format (-f docker)\n"
    )
    assert "invalid instruction" in cli.run("commit", "-c", "NO x", "c", code=125).stderr


def test_podman_takes_what_was_committed(cli: Program, tmp_path: Path) -> None:
    id = cli("commit", "-q", "c", "changed").strip()
    podman = Podman(f"{cli.folder}/root", f"{cli.folder}/run")
    assert podman.inspect("changed")["Id"] == id
    podman("save", "-q", "-o", tmp_path / "a.tar", "changed")
    cli("rm", "c")
    cli("rmi", "changed")
    assert cli("load", "-q", "-i", tmp_path / "a.tar") == "Loaded image: localhost/changed:latest\n"
    assert cli.inspect("changed")["Id"] == id


def test_export(cli: Program, tmp_path: Path) -> None:
    cli("export", "-o", tmp_path / "c.tar", "c")
    with tarfile.open(tmp_path / "c.tar") as tar:
        names = set(tar.getnames())
        content = tar.extractfile("hi")
        assert content is not None
        assert content.read() == b"hi\n"
        assert tar.getmember("hi2").islnk()
    assert "./var/tmp" in names or "var/tmp" in names
    assert not {"etc/os-release", "./etc/os-release"} & names
    piped = cli.run("export", "c", text=False).stdout
    with tarfile.open(fileobj=io.BytesIO(piped)) as tar:
        assert set(tar.getnames()) == names
    cli("import", "-q", tmp_path / "c.tar", "again")
    shown = cli("run", "--rm", "--network", "none", "again", "/bin/cat", "/hi")
    assert shown == "hi\n"
    done = cli.run("export", "nope", code=125)
    assert "nope" in done.stderr
    done = cli.run("export", "-o", "/nonexistent/x", "c", code=125)
    assert done.stderr == "Error: open /nonexistent/x: no such file or directory\n"


def test_anonymous_volumes_of_the_user_are_kept() -> None:
    """As podman does: of the mounts only those, all of them with --include-volumes."""
    with CliBox() as box:
        flags = ("--network", "none", "-v", "/anonymous", "-v", "named:/named")
        box("create", "--name", "c", *flags, IMAGE)
        box("commit", "-q", "c", "one")
        assert box.inspect("one")["Config"]["Volumes"] == {"/anonymous": {}}
        box("commit", "-q", "--include-volumes", "c", "two")
        assert set(box.inspect("two")["Config"]["Volumes"]) == {"/anonymous", "/named"}
