"""Named network namespaces, the way podman and ip-netns(8) keep them.

A name is a file below /run/netns with a namespace mounted on it, so that the
namespace lives as long as the mount, with or without processes. All of it
happens in a short-lived thread: unshare(2) changes the calling thread alone, so
the process stays where it is, and no fork is needed (1 ms in all).
"""

from __future__ import annotations

import _thread
import errno
import fcntl
import os

from ..errors import NetworkError
from .mounts import MNT_DETACH, MS_BIND, MS_REC, MS_SHARED, mount, umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

RUN_DIR = "/run/netns"
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def create(name: str = "", run_dir: str = RUN_DIR) -> str:
    """Make a new network namespace with its loopback up; return its path.

    Without a name one of podman's kind is made up (netns-UUID). Raises
    ``NetworkError`` when the name is taken or the kernel refuses.
    """
    path = os.path.join(run_dir, name or _random_name())
    _prepare(run_dir)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise NetworkError(f"cannot create network namespace {path}: {error.strerror}") from error
    try:
        in_thread(lambda: _fill(path))
    except OSError as error:
        os.unlink(path)
        raise NetworkError(f"cannot create network namespace {path}: {error.strerror}") from error
    return path


def delete(path: str) -> None:
    """Unmount and remove a named namespace; one that is not there is no error.

    Paths below /proc are left alone: they belong to a process.
    """
    if path.startswith("/proc/"):
        return
    try:
        umount(path, MNT_DETACH)
    except OSError as error:
        raise NetworkError(f"cannot unmount {path}: {error.strerror}") from error
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise NetworkError(f"cannot remove {path}: {error.strerror}") from error


def exists(path: str) -> bool:
    """Tell whether ``path`` is a live network namespace and not a leftover file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("net:") or _on_nsfs(fd)
    finally:
        os.close(fd)


def run_in(path: str, function: Callable[[], T]) -> T:
    """Call ``function`` in the namespace, in a thread of its own; return what it returns.

    A socket that the function makes and returns stays in that namespace.
    """

    def enter() -> T:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", fd, _CLONE_NEWNET)
        finally:
            os.close(fd)
        return function()

    try:
        return in_thread(enter)
    except FileNotFoundError as error:
        raise NetworkError(f"network namespace {path} does not exist") from error


def in_thread(function: Callable[[], T]) -> T:
    """Call ``function`` in a fresh thread and wait; its exception is raised here."""
    done = _thread.allocate_lock()
    done.acquire()
    outcome: list[Any] = [None, None]

    def body() -> None:
        try:
            outcome[0] = function()
        except BaseException as error:  # handed to the caller below
            outcome[1] = error
        finally:
            done.release()

    _thread.start_new_thread(body, ())
    done.acquire()
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]  # type: ignore[no-any-return]


def unshare(flags: int) -> None:
    """unshare(2) for the calling thread; ``OSError``."""
    _call("unshare", flags)


def loopback_up() -> None:
    """Bring ``lo`` up in the calling thread's network namespace."""
    from _socket import AF_INET, SOCK_DGRAM, socket

    sock = socket(AF_INET, SOCK_DGRAM)
    try:
        request = b"lo".ljust(16, b"\0") + _IFF_UP.to_bytes(2, "little") + bytes(22)
        fcntl.ioctl(sock.fileno(), _SIOCSIFFLAGS, request)
    finally:
        sock.close()


def _fill(path: str) -> None:
    _call("unshare", _CLONE_NEWNET)
    loopback_up()
    mount("/proc/thread-self/ns/net", path, "none", MS_BIND | MS_REC)


def _prepare(run_dir: str) -> None:
    """Make ``run_dir`` a shared mount, so that its namespaces reach other mount namespaces.

    ip-netns(8) and podman do the same under the same lock; two that race would
    stack mounts.
    """
    os.makedirs(run_dir, 0o755, exist_ok=True)
    fd = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            mount("", run_dir, "none", MS_SHARED | MS_REC)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: not a mount point yet
                raise
            mount(run_dir, run_dir, "none", MS_BIND | MS_REC)
            mount("", run_dir, "none", MS_SHARED | MS_REC)
    except OSError as error:
        raise NetworkError(f"cannot make {run_dir} a shared mount: {error.strerror}") from error
    finally:
        os.close(fd)


def _on_nsfs(fd: int) -> bool:
    # A mounted namespace reads as its mount path; an ioctl tells what it is.
    NS_GET_NSTYPE = 0xB703
    try:
        return fcntl.ioctl(fd, NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False


def _random_name() -> str:
    digits = os.urandom(16).hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "netns-" + "-".join(parts)


def _call(name: str, *numbers: int) -> None:
    """Call a libc function on C ints; it returns 0 or sets errno. See :mod:`.mounts` for why _ctypes."""
    import _ctypes

    class Int(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "i"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
        _restype_ = Int

    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None: the process itself
    if Function(_ctypes.dlsym(library, name))(*numbers) != 0:
        number = _ctypes.get_errno()
        raise OSError(number, os.strerror(number))
