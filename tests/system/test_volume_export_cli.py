"""``volume export``, on roots of its own."""

from __future__ import annotations

import tarfile
from pathlib import Path

from polypod.testing.program import Program


def _names(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return {member.name for member in archive}


def test_the_content_comes_out_as_a_tar(cli: Program, tmp_path: Path) -> None:
    cli("volume", "create", "data")
    place = cli("volume", "inspect", "data", "--format", "{{.Mountpoint}}").strip()
    Path(place, "file").write_text("hello\n")
    cli("volume", "export", "data", "--output", tmp_path / "data.tar")
    assert "file" in _names(tmp_path / "data.tar")
    piped = cli("volume", "export", "data")
    assert piped.encode() == (tmp_path / "data.tar").read_bytes()


def test_a_device_is_mounted_only_meanwhile(cli: Program, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "inside").write_text("x")
    options = ("-o", "type=none", "-o", "o=bind", "-o", f"device={source}")
    cli("volume", "create", *options, "bound")
    cli("volume", "export", "bound", "-o", tmp_path / "bound.tar")
    assert "inside" in _names(tmp_path / "bound.tar")
    place = cli("volume", "inspect", "bound", "--format", "{{.Mountpoint}}").strip()
    assert not list(Path(place).iterdir())


def test_what_cannot_be_exported(cli: Program, tmp_path: Path) -> None:
    assert "no such volume" in cli.fails(125, "volume", "export", "none")
    cli("volume", "create", "data")
    assert "no such file or directory" in cli.fails(
        125, "volume", "export", "data", "-o", tmp_path / "none" / "x.tar"
    )
