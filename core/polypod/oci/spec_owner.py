"""The ``U`` option of a mount: give its source on the host to the container's user."""

from __future__ import annotations

import os

from ..errors import StorageError, UsageError

# Giving one of these to a container's user would break the host.
_PRECIOUS = frozenset(
    (
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/etc/passwd",
        "/etc/pki",
        "/home",
        "/lib",
        "/lib64",
        "/media",
        "/mnt",
        "/opt",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/srv",
        "/sys",
        "/tmp",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/lib64",
        "/usr/local",
        "/usr/sbin",
        "/usr/share",
        "/var",
        "/var/lib",
        "/var/log",
        "/var/spool",
        "/var/tmp",
    )
)


def chown_source(path: str, uid: int, gid: int) -> None:
    """Change the owner of a file or a whole tree, without following symbolic links.

    Raises ``UsageError`` for a directory of the system, ``StorageError`` when it fails half-way.
    """
    real = os.path.realpath(path)
    refuse_precious(real, path)
    try:
        _chown(real, None, uid, gid)
        if os.path.isdir(real):
            for _, folders, files, fd in os.fwalk(real, follow_symlinks=False):
                for name in (*folders, *files):
                    _chown(name, fd, uid, gid)
    except OSError as error:
        raise StorageError(f"failed to chown {path} recursively: {error.strerror}") from error


def refuse_precious(real: str, path: str) -> None:
    """Raise ``UsageError`` when ``real``, which the user knows as ``path``, is a directory of the system."""
    if real in _PRECIOUS:
        raise UsageError(
            f"chown on host path {path} is not supported: it is a system or parent directory"
        )


def _chown(name: str, dir_fd: int | None, uid: int, gid: int) -> None:
    info = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    if (info.st_uid, info.st_gid) != (uid, gid):
        os.chown(name, uid, gid, dir_fd=dir_fd, follow_symlinks=False)
