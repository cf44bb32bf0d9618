"""The composition snapshot: what discovery found, kept beside the user's cache.

A start with a valid snapshot needs neither stevedore nor pluggy, msgspec or
tomllib. It is valid while its key is the same (interpreter, import path, flags,
environment, facts of the host) and nothing that it watches has changed: the
folders of the import path, the entry points of the distributions with plugins,
every configuration file, also those that did not exist.

The file is in marshal format, which must not be fed foreign bytes: it is read only
when it belongs to the user and nobody else can write it.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import time

from ..config.keys import VARIABLES
from ..startcache import cache_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

FORMAT = 1
KEPT = 64  # snapshots in the cache; one a combination of flags, environment and interpreter
_SETTLED_NS = 20_000_000  # a file that changed just now may change again within one clock tick


def make_key(flags: Mapping[str, Any]) -> tuple[Any, ...]:
    """Everything but files that decides the composition."""
    environ = os.environ
    return (
        FORMAT,
        sys.hexversion,
        sys.prefix,
        os.geteuid(),
        tuple(flags.items()),
        tuple(environ.get(name) for name in VARIABLES),
        _current_folder(flags),
        tuple(sys.path),
        _first_process(),
        os.path.exists("/sys/fs/cgroup/cgroup.controllers"),
    )


def _current_folder(flags: Mapping[str, Any]) -> str:
    """The working directory, where a path is relative to it; else ""."""
    environ = os.environ
    paths = [environ.get(name) or "/" for name in VARIABLES if name.endswith(("_CONF", "_OVERRIDE"))]
    paths += [flags.get("config", "/"), *sys.path]
    return "" if all(path[:1] == "/" for path in paths) else os.getcwd()


def _first_process() -> bytes:
    try:
        fd = os.open("/proc/1/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, 32)
    finally:
        os.close(fd)


def signature(path: str) -> tuple[int, int, int] | None:
    """What tells that a file changed; ``None`` when there is none."""
    try:
        found = os.stat(path or ".")
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def folder() -> str:
    """Where snapshots are kept: the user's cache folder."""
    return cache_folder()


def _sum(data: bytes) -> int:
    """A checksum against torn files, without the 0.3 ms of ``import zlib``."""
    return int.from_bytes(data, "little") % 1073741789  # the largest prime below 2**30


def file_of(key: tuple[Any, ...]) -> str:
    """The snapshot's path for a key."""
    return f"{folder()}/{_sum(marshal.dumps(key, 2)):08x}.snapshot"


def load(key: tuple[Any, ...]) -> dict[str, Any] | None:
    """The snapshot for a key, or ``None`` when there is no valid one."""
    data = _read(file_of(key))
    if data is None:
        return None
    try:
        snapshot = marshal.loads(data)
        if snapshot["key"] != key:
            return None
        for path, known in snapshot["watched"]:
            if signature(path) != known:
                return None
    except (ValueError, EOFError, TypeError, KeyError, IndexError):
        return None  # damaged: the slow path writes it anew
    return snapshot  # type: ignore[no-any-return]


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        private = stat.S_ISREG(found.st_mode) and found.st_mode & 0o077 == 0
        if not private or found.st_uid != os.geteuid():
            return None
        data = os.read(fd, found.st_size + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    # A checksum in front: marshal may crash on a torn file.
    body = data[4:]
    return body if data[:4] == _sum(body).to_bytes(4, "little") else None


def save(key: tuple[Any, ...], snapshot: dict[str, Any], watched: Iterable[str]) -> bool:
    """Keep a snapshot; False when it cannot be kept, which costs time only."""
    signatures = [(path, signature(path)) for path in dict.fromkeys(watched)]
    now = time.time_ns()
    if any(known and now - known[0] < _SETTLED_NS for _, known in signatures):
        return False
    body = marshal.dumps({**snapshot, "key": key, "watched": signatures})
    path = file_of(key)
    draft = f"{path}.{os.getpid()}"
    try:
        home = os.path.dirname(path)
        os.makedirs(home, 0o700, exist_ok=True)
        found = os.stat(home)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return False
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(draft, flags, 0o600)
        try:
            os.write(fd, _sum(body).to_bytes(4, "little") + body)
        finally:
            os.close(fd)
        os.replace(draft, path)
        _prune(home)
    except OSError:
        return False
    return True


def forget(key: tuple[Any, ...]) -> None:
    """Remove the snapshot for a key."""
    try:
        os.unlink(file_of(key))
    except OSError:
        pass  # there was none, or it is not ours: then it is not read either


def _prune(home: str) -> None:
    entries = [entry for entry in os.scandir(home) if ".snapshot" in entry.name]
    if len(entries) <= KEPT:
        return
    entries.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
    for entry in entries[: len(entries) - KEPT]:
        os.unlink(entry.path)
