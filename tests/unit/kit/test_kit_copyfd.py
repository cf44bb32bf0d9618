"""Copies by descriptors: nobody who changes the target meanwhile leads the copy elsewhere."""

from __future__ import annotations

import os
import stat

import pytest
from polypod.kit.copyfd import Copier


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files to root")
def test_a_mode_never_goes_through_a_link_that_came_meanwhile(tmp_path, monkeypatch):
    victim = tmp_path / "victim"
    victim.write_text("secret")
    victim.chmod(0o600)
    (tmp_path / "to").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.chmod(tmp_path / "pipe", 0o666)
    real = os.utime

    def swap(path, *args, **kwargs):
        real(path, *args, **kwargs)
        if path == "pipe":  # what a container's process may do just before the mode is set
            os.unlink(tmp_path / "to/pipe")
            os.symlink(victim, tmp_path / "to/pipe")

    source = os.open(tmp_path / "pipe", os.O_PATH)
    target = os.open(tmp_path / "to", os.O_RDONLY | os.O_DIRECTORY)
    try:
        Copier(owner=None).copy(source, target, "other", "/other")
        assert stat.S_IMODE(os.stat(tmp_path / "to/other").st_mode) == 0o666
        monkeypatch.setattr(os, "utime", swap)
        Copier(owner=None).copy(source, target, "pipe", "/pipe")
    finally:
        os.close(source)
        os.close(target)
    assert (tmp_path / "to/pipe").is_symlink()
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600
