"""Kept files save time and are never believed when somebody else may have written them."""

from __future__ import annotations

import os

import pytest
from polypod.kit import kept


def test_what_is_written_is_read(tmp_path) -> None:
    path = f"{tmp_path}/deep/er/kept.json"
    assert kept.read(path) == {}
    for document in ({"key": "a", "n": 1}, {"key": "ü" * 100_000}):
        kept.write(path, document)
        assert kept.read(path) == document
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(path)) == ["kept.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"a": '])
def test_damage_is_absence(tmp_path, text: str) -> None:
    (tmp_path / "kept.json").write_text(text)
    assert kept.read(f"{tmp_path}/kept.json") == {}


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_can_write_is_absent(tmp_path, mode: int) -> None:
    path = f"{tmp_path}/kept.json"
    kept.write(path, {"a": 1})
    os.chmod(path, mode)
    assert kept.read(path) == {}


def test_links_and_foreign_files_are_absent(tmp_path) -> None:
    path = f"{tmp_path}/kept.json"
    kept.write(path, {"a": 1})
    os.symlink(path, f"{tmp_path}/link.json")
    assert kept.read(f"{tmp_path}/link.json") == {}
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        assert kept.read(path) == {}


def test_a_place_that_cannot_be_written_is_no_error(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    kept.write(f"{tmp_path}/file/kept.json", {"a": 1})
    assert (tmp_path / "file").read_text() == ""
