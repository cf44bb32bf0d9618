"""A private corner of the host, so that a measurement touches nothing and leaves nothing.

The bench runs as the first process of a PID namespace, with its own mounts and network:
when it ends, however it ends, the kernel ends every container and monitor and drops every
mount, bridge and firewall rule that either engine has made. /run and /dev/shm are fresh
tmpfs, so that neither podman's lock file nor its network files are shared with the host.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

_NEWNS, _NEWPID, _NEWNET = 0x00020000, 0x20000000, 0x40000000
_REC_PRIVATE = 0x4000 | 0x40000
_NOSUID, _NODEV = 2, 4
_PR_SET_PDEATHSIG = 1
_CONTAINERS = "/var/lib/containers"

_libc = ctypes.CDLL(None, use_errno=True)


def run_isolated(work: Callable[[Path], int], store: str) -> int:
    """Call ``work`` with an empty folder in a private corner; return its exit code.

    ``store`` is "tmpfs", or a folder of the host in which the empty one is made and removed.
    Raises ``OSError`` when the process may not make namespaces.
    """
    folder = Path("/run/bench") if store == "tmpfs" else Path(tempfile.mkdtemp("", "bench-", store))
    try:
        _check(_libc.unshare(_NEWNS | _NEWPID | _NEWNET), "unshare")
        child = os.fork()
        if child == 0:
            _inner(work, folder, store == "tmpfs")
        return _wait(child)
    finally:
        if store != "tmpfs":
            shutil.rmtree(folder, ignore_errors=True)


def _wait(child: int) -> int:
    """Wait for the inner process; it gets the terminal's Ctrl-C itself, and SIGTERM from here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _inner(work: Callable[[Path], int], folder: Path, tmpfs: bool) -> None:
    code = 1
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _furnish()
        folder.mkdir(exist_ok=True)
        if tmpfs:
            mount("tmpfs", str(folder), "tmpfs", 0, "size=70%")
        code = work(folder)
    except KeyboardInterrupt:
        sys.stderr.write("bench: interrupted\n")
        code = 130
    except BaseException as error:  # nobody above would tell it
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _furnish() -> None:
    mount("none", "/", None, _REC_PRIVATE, None)
    mount("proc", "/proc", "proc", 0, None)
    mount("tmpfs", "/run", "tmpfs", _NOSUID | _NODEV, "mode=755")
    mount("tmpfs", "/dev/shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")
    Path("/run/lock").mkdir()
    if Path(_CONTAINERS).is_dir():  # podman and skopeo keep a cache of blobs there whatever the root is
        mount("tmpfs", _CONTAINERS, "tmpfs", _NOSUID | _NODEV, "mode=755")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        # SIOCSIFFLAGS, IFF_UP: the loopback device of a new network is down
        fcntl.ioctl(control, 0x8914, struct.pack("16sh14x", b"lo", 1))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None) -> None:
    """mount(2); raises ``OSError`` that names the target."""
    code = _libc.mount(
        source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags),
        data and data.encode(),
    )  # fmt: skip
    _check(code, f"mount {target}")


def _check(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
