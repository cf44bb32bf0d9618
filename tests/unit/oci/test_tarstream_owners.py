"""Owners and modes of extracted files, whatever the directory they are made in gives them."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import pytest
from polypod.oci.tarstream_apply import apply
from polypod.testing import storage_tar as tar

STYLE = {"whiteouts": "overlay"}


def extract(path: Path, *members: tar.Any) -> None:
    path.mkdir(exist_ok=True)
    data = io.BytesIO(tar.archive(*members))
    apply(data, str(path), split_path=str(path) + ".split", style=STYLE)


def facts(path: Path) -> tuple[int, int, int]:
    info = path.stat()
    return stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid


MODES = (0o644, 0o600, 0o777, 0o4755, 0o2755, 0o1666, 0o000)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000])
def test_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        extract(tmp_path / "t", *[tar.member(f"f{mode:o}", b"x", mode=mode) for mode in MODES])
    finally:
        os.umask(before)
    for mode in MODES:
        assert facts(tmp_path / "t" / f"f{mode:o}") == (mode, 0, 0)


def test_a_set_group_id_directory_gives_its_group_to_nobody(tmp_path: Path) -> None:
    extract(
        tmp_path / "t",
        tar.member("mail", mode=0o2775, gid=8),
        tar.member("mail/a", b"x"),
        tar.member("mail/sub/b", b"x", gid=5),
        tar.member("c", b"x"),
    )
    assert facts(tmp_path / "t/mail/a") == (0o644, 0, 0)
    assert facts(tmp_path / "t/mail/sub/b") == (0o644, 0, 5)
    assert facts(tmp_path / "t/c") == (0o644, 0, 0)


def test_a_set_group_id_store(tmp_path: Path) -> None:
    top = tmp_path / "t"
    top.mkdir()
    os.chown(top, 0, 7)
    top.chmod(0o2755)
    extract(top, tar.member("a", b"x"), tar.member("d"), tar.member("d/b", b"x"))
    assert facts(top / "a") == facts(top / "d/b") == (0o644, 0, 0)
