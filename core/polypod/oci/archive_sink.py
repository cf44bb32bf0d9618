"""Where an archive is written to: a tar stream, which need not be seekable, or a directory."""

from __future__ import annotations

import os
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_BLOCK = 512
_RECORD = 20 * _BLOCK


class TarSink:
    """Appends files to a tar on an open file descriptor, which stays the caller's."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._written = 0

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Write a file of exactly ``size`` bytes; ``ValueError`` when the content has others."""
        from tarfile import GNU_FORMAT, TarInfo

        info = TarInfo(name)
        info.size, info.mode = size, 0o444
        self._write(info.tobuf(GNU_FORMAT))
        total = 0
        for chunk in chunks:
            total += len(chunk)
            self._write(chunk)
        if total != size:
            raise ValueError(f"{name} has {total} bytes instead of {size}")
        self._write(b"\0" * (-size % _BLOCK))

    def add_bytes(self, name: str, data: bytes) -> None:
        """Write a small file."""
        self.add(name, len(data), [data])

    def finish(self) -> None:
        """End the archive."""
        self._write(b"\0" * (2 * _BLOCK))
        self._write(b"\0" * (-self._written % _RECORD))

    def _write(self, data: bytes) -> None:
        self._written += len(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


class DirSink:
    """Writes files below a directory, each whole or not at all."""

    def __init__(self, path: str) -> None:
        self.path = path
        os.makedirs(path, exist_ok=True)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Write a small file; one that is there is replaced."""
        self._write([data], lambda _digest: name, "", len(data))

    def add_blob(
        self, chunks: Iterable[bytes], path: Callable[[str], str], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        """Write a blob as ``path(digest)``; returns its sha256 digest and size.

        Without a digest it is computed; ``ValueError`` when the size is another than stated.
        """
        return self._write(chunks, path, digest, size)

    def _write(
        self, chunks: Iterable[bytes], path: Callable[[str], str], digest: str, size: int
    ) -> tuple[str, int]:
        temporary = os.path.join(self.path, f".{os.urandom(8).hex()}.tmp")
        total = 0
        hasher = None
        if not digest:
            import hashlib

            hasher = hashlib.sha256()
        try:
            with open(temporary, "wb", buffering=0) as file:
                for chunk in chunks:
                    total += len(chunk)
                    if hasher is not None:
                        hasher.update(chunk)
                    view = memoryview(chunk)
                    while view:
                        view = view[file.write(view) :]
            found = digest or f"sha256:{hasher.hexdigest()}"  # type: ignore[union-attr]
            name = path(found)
            if size not in (-1, total):
                raise ValueError(f"{name} has {total} bytes instead of {size}")
            target = os.path.join(self.path, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(temporary, target)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise
        return found, total

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers of this directory's index out."""
        import fcntl

        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def size(self, name: str) -> int:
        """Bytes of a file, -1 when it is not there."""
        try:
            return os.stat(os.path.join(self.path, name)).st_size
        except FileNotFoundError:
            return -1

    def read(self, name: str) -> bytes:
        """The content of a file, b"" when it is not there."""
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""
