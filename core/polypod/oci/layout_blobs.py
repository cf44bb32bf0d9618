"""Blobs on their way into an OCI layout, and out of it: copied, hashed, cloned where that is possible."""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
from contextlib import contextmanager

from ..errors import StorageError
from ..kit.atomic import remove_tree
from .archive_oci import blob_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

_CHUNK = 1 << 20
_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file


def hasher(digest: str) -> Any:
    """A hash of a digest's algorithm; ``StorageError`` for one that is not sha256, sha384 or sha512."""
    import hashlib

    algorithm = digest.partition(":")[0]
    if algorithm not in ("sha256", "sha384", "sha512"):
        raise StorageError(f"digest {digest}: unsupported algorithm {algorithm}")
    return hashlib.new(algorithm)


def verified(data: bytes, digest: str) -> bool:
    """Whether bytes have that digest."""
    found = hasher(digest)
    found.update(data)
    return bool(found.hexdigest() == digest.partition(":")[2])


def chunks_of(path: str) -> Iterator[bytes]:
    """A file in pieces."""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def clone(source: int, target: int) -> bool:
    """Let an empty file share another one's blocks; False where the file system cannot."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS,
                           errno.EPERM, errno.ETXTBSY):  # fmt: skip
            return False
        raise
    return True


def copy_blob(source: str, target: str, digest: str, mode: int = 0o666) -> None:
    """Copy a blob to a file, which is replaced when the copy is whole and has the blob's digest.

    ``mode`` is a new file's; an old one keeps its own. What is no regular file (a pipe, a
    terminal) is written to directly. Raises ``StorageError`` and ``OSError``.
    """
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb", buffering=0) as out:
            _copy(source, out.fileno(), digest)
        return
    if os.path.exists(target):
        mode = os.stat(target).st_mode & 0o7777
    head, tail = os.path.split(target)
    temporary = os.path.join(head, f".{tail[:200]}.{os.getpid()}.tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(temporary, flags, mode)
    try:
        _copy(source, fd, digest)
        os.rename(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)


def _copy(source: str, target: int, digest: str) -> None:
    """The bytes of a blob into an open file, cloned or written, and their digest checked."""
    try:
        file = open(source, "rb", buffering=0)
    except FileNotFoundError:
        raise StorageError(f"blob {digest} is missing: {source}") from None
    found = hasher(digest)
    with file:
        cloned = clone(file.fileno(), target)
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            if not cloned:
                write_all(target, chunk)
    if found.hexdigest() != digest.partition(":")[2]:
        raise StorageError(f"blob {digest} was changed: {source} has another digest")


def write_all(fd: int, data: bytes) -> None:
    """Write all bytes, however the kernel takes them."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Name what could not be written: no space, a read-only file system and the like."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot write to {path}: {reason}") from error


class Staging:
    """A directory of blobs that will be a part of a layout; locked as long as its process lives."""

    def __init__(self, layout: str, parent: str) -> None:
        self._layout = layout
        self._path = f"{parent}/stage-{os.getpid()}-{os.urandom(6).hex()}"
        with writing(layout):
            os.makedirs(self._path, 0o700)
        self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self._names: dict[str, str] = {}  # digest -> file
        self._numbers = itertools.count()

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_exc: object) -> None:
        remove_tree(self._path)
        os.close(self._fd)

    def add(self, chunks: Iterable[bytes], digest: str = "sha256:") -> tuple[str, int]:
        """Stage a blob; its digest (of the algorithm that ``digest`` begins with) and size."""
        name, fd = self._new()
        try:
            found, size = hasher(digest), 0
            for chunk in chunks:
                found.update(chunk)
                size += len(chunk)
                with writing(self._layout):
                    write_all(fd, chunk)
            return self._take(name, fd, f"{digest.partition(':')[0]}:{found.hexdigest()}"), size
        finally:
            os.close(fd)

    def add_file(self, path: str) -> tuple[str, int]:
        """Stage a copy of a file (sharing its blocks where possible); its sha256 digest and size."""
        with open(path, "rb", buffering=0) as file:
            name, fd = self._new()
            try:
                found, size = hasher("sha256:"), 0
                cloned = clone(file.fileno(), fd)
                source = fd if cloned else file.fileno()  # the file may change under our hands
                while chunk := os.read(source, _CHUNK):
                    found.update(chunk)
                    size += len(chunk)
                    if not cloned:
                        with writing(self._layout):
                            write_all(fd, chunk)
                return self._take(name, fd, f"sha256:{found.hexdigest()}"), size
            finally:
                os.close(fd)

    def claim(self, digest: str) -> bool:
        """Keep a blob that the layout has, whoever removes it meanwhile; False when it is not sound."""
        path = os.path.join(self._layout, blob_path(digest))
        name = f"{self._path}/{next(self._numbers)}"
        try:
            os.link(path, name)
        except OSError:
            return False  # not there, or on a file system without hard links: fetched again
        found = hasher(digest)
        for chunk in chunks_of(name):
            found.update(chunk)
        if found.hexdigest() != digest.partition(":")[2]:
            os.unlink(name)
            return False
        self._names[digest] = name
        return True

    def has(self, digest: str) -> bool:
        """Whether the blob is staged already."""
        return digest in self._names

    def publish(self) -> None:
        """Move all into the layout, whose lock is held; they are on the disk when this returns."""
        for digest, name in self._names.items():
            target = os.path.join(self._layout, blob_path(digest))
            os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
            os.rename(name, target)
            if os.path.exists(name):  # two names of one file: rename(2) leaves both
                os.unlink(name)
        for folder in {os.path.dirname(blob_path(digest)) for digest in self._names}:
            fd = os.open(os.path.join(self._layout, folder), os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        self._names.clear()

    def _new(self) -> tuple[str, int]:
        name = f"{self._path}/{next(self._numbers)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with writing(self._layout):
            return name, os.open(name, flags, 0o600)

    def _take(self, name: str, fd: int, digest: str) -> str:
        with writing(self._layout):
            os.fchmod(fd, 0o644)  # containers read mounted blobs, whatever the umask is here
            os.fdatasync(fd)
        self._names[digest] = name
        return digest
