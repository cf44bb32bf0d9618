"""mount(2) and umount2(2) for a program that cannot afford ``import ctypes`` (2 ms).

``_ctypes``, the C module behind it, has all that two system calls need and is
loaded in 0.3 ms, when the first mount is made.
"""

from __future__ import annotations

import errno
import os

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.mount import MountSpec

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_SYNCHRONOUS = 0x10
MS_REMOUNT = 0x20
MS_DIRSYNC = 0x80
MS_NOATIME = 0x400
MS_NODIRATIME = 0x800
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_UNBINDABLE = 0x20000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000
MS_RELATIME = 0x200000
MS_STRICTATIME = 0x1000000

MNT_FORCE = 1
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

#: mount(8) options that are flags, with the flags they set and clear.
OPTION_FLAGS = {
    "defaults": (0, 0),
    "ro": (MS_RDONLY, 0),
    "rw": (0, MS_RDONLY),
    "nosuid": (MS_NOSUID, 0),
    "suid": (0, MS_NOSUID),
    "nodev": (MS_NODEV, 0),
    "dev": (0, MS_NODEV),
    "noexec": (MS_NOEXEC, 0),
    "exec": (0, MS_NOEXEC),
    "sync": (MS_SYNCHRONOUS, 0),
    "async": (0, MS_SYNCHRONOUS),
    "dirsync": (MS_DIRSYNC, 0),
    "noatime": (MS_NOATIME, 0),
    "atime": (0, MS_NOATIME),
    "nodiratime": (MS_NODIRATIME, 0),
    "diratime": (0, MS_NODIRATIME),
    "relatime": (MS_RELATIME, 0),
    "norelatime": (0, MS_RELATIME),
    "strictatime": (MS_STRICTATIME, 0),
    "bind": (MS_BIND, 0),
    "rbind": (MS_BIND | MS_REC, 0),
    "remount": (MS_REMOUNT, 0),
    "private": (MS_PRIVATE, 0),
    "rprivate": (MS_PRIVATE | MS_REC, 0),
    "slave": (MS_SLAVE, 0),
    "rslave": (MS_SLAVE | MS_REC, 0),
    "shared": (MS_SHARED, 0),
    "rshared": (MS_SHARED | MS_REC, 0),
    "unbindable": (MS_UNBINDABLE, 0),
    "runbindable": (MS_UNBINDABLE | MS_REC, 0),
}

_library: Any = None


class _Library:
    """The C library's functions, called with errno kept apart as ctypes does."""

    def __init__(self) -> None:
        import _ctypes

        class Int(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "i"

        class ULong(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "L"

        class Function(_ctypes.CFuncPtr):
            _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
            _restype_ = Int

        handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        self.errno = _ctypes.get_errno
        self.ulong = ULong
        self.mount = Function(_ctypes.dlsym(handle, "mount"))
        self.umount2 = Function(_ctypes.dlsym(handle, "umount2"))


def _libc() -> _Library:
    global _library
    if _library is None:
        _library = _Library()
    return _library  # type: ignore[no-any-return]


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """mount(2); raises ``OSError`` with the kernel's errno and the target's name."""
    library = _libc()
    done = library.mount(
        os.fsencode(source),
        os.fsencode(target),
        fstype.encode() if fstype else None,
        library.ulong(flags),
        os.fsencode(data) if data else None,
    )
    if done != 0:
        number = library.errno()
        raise OSError(number, os.strerror(number), target)


def umount(target: str, flags: int = 0) -> bool:
    """umount2(2); False when nothing was mounted there, ``OSError`` for anything else."""
    library = _libc()
    if library.umount2(os.fsencode(target), flags) == 0:
        return True
    number = library.errno()
    if number in (errno.EINVAL, errno.ENOENT):
        return False
    raise OSError(number, os.strerror(number), target)


def parse_options(options: tuple[str, ...] | list[str]) -> tuple[int, str]:
    """Split mount(8) options into flags and the file system's own option string."""
    flags = 0
    rest = []
    for option in options:
        known = OPTION_FLAGS.get(option)
        if known is None:
            rest.append(option)
        else:
            flags = (flags & ~known[1]) | known[0]
    return flags, ",".join(rest)


def mount_id(path: str) -> int:
    """The kernel's ID of the mount that ``path`` lies on (proc(5), fdinfo)."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        info = os.open(f"/proc/self/fdinfo/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(info, 1024)
        finally:
            os.close(info)
    finally:
        os.close(fd)
    return int(text.partition(b"mnt_id:")[2].split(None, 1)[0])


def is_mounted(path: str) -> bool:
    """Whether something is mounted at ``path``, bind mounts included. Costs some 40 us."""
    try:
        return mount_id(path) != mount_id(os.path.dirname(path.rstrip("/")) or "/")
    except FileNotFoundError:
        return False


def make_private(path: str) -> None:
    """Make a directory a mount of its own that does not propagate, as podman does to a driver's home."""
    if not is_mounted(path):
        mount(path, path, "none", MS_BIND)
        mount("", path, "none", MS_PRIVATE)


def apply(spec: MountSpec, target: str) -> None:
    """Make one mount of a layer's view at ``target``.

    Relative paths in ``spec.data`` start at ``spec.cwd``: an option string must fit in
    one page, and 60 lower directories with absolute names do not. mount(2) resolves them
    against the working directory, which belongs to all threads, so a child process
    makes such a mount. ``spec.program`` is a FUSE helper that is run instead.
    """
    try:
        if spec.program:
            _run_program(spec, target)
            return
        flags, data = parse_options(spec.options)
        data = ",".join(part for part in (spec.data, data) if part)
        if spec.cwd:
            _in_child(spec.cwd, spec.source, target, spec.type, flags, data)
        else:
            mount(spec.source, target, spec.type, flags, data)
    except OSError as error:
        raise StorageError(
            f"cannot mount {spec.type} at {target}: {os.strerror(error.errno or 0).lower()}"
            f" (options {','.join((spec.data, *spec.options))[:300]})"
        ) from error


def _in_child(cwd: str, source: str, target: str, fstype: str, flags: int, data: str) -> None:
    _libc()  # loaded before the fork, so that the child makes nothing but system calls
    child = os.fork()
    if child == 0:
        code = 255
        try:
            os.chdir(cwd)
            mount(source, target, fstype, flags, data)
            code = 0
        except OSError as error:
            code = error.errno or 255
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        raise OSError(abs(code), os.strerror(abs(code)), target)


def _run_program(spec: MountSpec, target: str) -> None:
    import subprocess

    options = ",".join(part for part in (spec.data, *spec.options) if part)
    done = subprocess.run(
        [spec.program, "-o", options, target],
        cwd=spec.cwd or "/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        detail = done.stderr.strip().splitlines()
        raise StorageError(
            f"mount program {spec.program} failed for {target}: {detail[-1] if detail else done.returncode}"
        )
