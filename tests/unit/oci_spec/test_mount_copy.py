"""Mounts copied out of another namespace."""

from __future__ import annotations

import os
import select
import subprocess

import pytest
from polypod.errors import StorageError
from polypod.kit.mount_copy import copy_mount
from polypod.kit.mounts import MNT_DETACH, is_mounted, umount

pytestmark = pytest.mark.usefixtures("as_root")

OTHER = (
    "mount -t tmpfs other /mnt && echo inside > /mnt/file && echo ready && "
    "read line && cat /mnt/answer"
)


@pytest.fixture
def other():
    """A process in a mount namespace of its own, with a tmpfs on /mnt."""
    process = subprocess.Popen(
        ["unshare", "-m", "--propagation", "private", "sh", "-c", OTHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], 10)
    if not readable or process.stdout.readline() != "ready\n":
        process.kill()
        process.communicate()
        pytest.skip("mount namespaces cannot be made here")
    yield process
    process.kill()
    process.communicate()


def test_both_share_the_files(other, tmp_path):
    target = tmp_path / "copy"
    target.mkdir()
    copy_mount(other.pid, "/mnt", str(target))
    try:
        assert (target / "file").read_text() == "inside\n"
        (target / "answer").write_text("outside\n")
        output, _ = other.communicate("go\n", timeout=10)
        assert output == "outside\n"
        # The copy outlives the process.
        assert (target / "file").read_text() == "inside\n"
    finally:
        umount(str(target), MNT_DETACH)
    assert not is_mounted(str(target))


def test_failures_say_why(other, tmp_path):
    with pytest.raises(StorageError, match="no such file or directory"):
        copy_mount(other.pid, "/mnt", str(tmp_path / "absent"))
    with pytest.raises(StorageError, match="no such file or directory"):
        copy_mount(other.pid, "/absent", str(tmp_path))
    with pytest.raises(StorageError, match="no such file or directory"):
        copy_mount(2**22 + 1, "/mnt", str(tmp_path))
    assert os.path.isdir(tmp_path)
