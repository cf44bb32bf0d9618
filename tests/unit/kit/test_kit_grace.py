"""The write that lets the kernel's grace period pass early: it must move nothing and break nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from polypod.kit.grace import rejoin


def _tree(root: Path, *places: str) -> None:
    for place in places:
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / place / "cgroup.procs").write_text(f"{os.getppid()}\n{os.getpid()}\n")


def _own(folder: Path, *lines: str) -> str:
    file = folder / "own"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="writes to the cgroup of the tests")
def test_this_process_stays_where_it_is() -> None:
    before = Path("/proc/self/cgroup").read_text()
    written = rejoin()
    assert Path("/proc/self/cgroup").read_text() == before
    assert written.startswith("/sys/fs/cgroup/")
    assert str(os.getpid()) in Path(written).read_text().split()


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("0::/user.slice/a",), "user.slice/a"),
        (("4:memory:/x", "0::/y"), "unified/y"),
        (("5:cpu,cpuacct:/x", "1:name=systemd:/z"), "systemd/z"),
        (("5:cpu,cpuacct:/x", "0::/../../other"), "cpu,cpuacct/x"),
    ],
    ids=["v2", "hybrid", "v1", "outside-the-namespace"],
)
def test_the_process_is_written_to_its_own_cgroup(
    tmp_path: Path, lines: tuple[str, ...], place: str
) -> None:
    root = tmp_path / "root"
    _tree(root, place)
    written = rejoin(_own(tmp_path, *lines), str(root))
    assert written == f"{root}/{place}/cgroup.procs"
    assert Path(written).read_text() == str(os.getpid())


def test_a_cgroup_that_does_not_hold_this_process_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    _tree(root, "a")
    procs = root / "a/cgroup.procs"
    procs.write_text(f"{os.getppid()}\n")  # as with the host's hierarchy in a namespace of its own
    assert rejoin(_own(tmp_path, "0::/a"), str(root)) == ""
    assert procs.read_text() == f"{os.getppid()}\n"


def test_a_host_without_cgroups_is_no_error(tmp_path: Path) -> None:
    assert rejoin(str(tmp_path / "absent"), str(tmp_path)) == ""
    assert rejoin(_own(tmp_path, "0::/a"), str(tmp_path)) == ""
