"""What specs are changed into, or refused, for youki."""

from __future__ import annotations

import os

import pytest
from polypod.errors import RuntimeFailure
from polypod_runtime_youki import Youki

SPEC = {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO"}}}


def youki(tmp_path, content):
    binary = tmp_path / "youki"
    binary.write_bytes(b"\x7fELF" + content)
    os.chmod(binary, 0o755)
    return Youki(path=str(binary))


def test_built_without(tmp_path):
    driver = youki(tmp_path, b"..seccomp not available, unable to set seccomp privileges!..")
    with pytest.raises(RuntimeFailure, match="built without seccomp"):
        driver.runtime_adapt(SPEC, str(tmp_path / "cache"))
    assert driver.runtime_adapt({"linux": {}}, "") is False


def test_built_with(tmp_path):
    driver = youki(tmp_path, b"..seccomp_load..")
    assert driver.runtime_adapt(SPEC, "") is False
    assert driver.runtime_adapt(SPEC, str(tmp_path / "cache")) is False
    # The answer holds for this file and no other.
    other = youki(tmp_path, b"..seccomp not available, unable to set seccomp privileges!")
    with pytest.raises(RuntimeFailure):
        other.runtime_adapt(SPEC, str(tmp_path / "cache"))


def test_unknown_mount_options_are_taken_out(tmp_path):
    mounts = [{"options": ["ro", "tmpcopyup"]}, {"options": ["rw"]}, {}]
    spec = {"linux": {}, "mounts": mounts}
    assert youki(tmp_path, b"").runtime_adapt(spec, "") is True
    assert mounts == [{"options": ["ro"]}, {"options": ["rw"]}, {}]
