"""Where an archive is written to: a tar stream, which need not be seekable, or a directory."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

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

    def add(self, name: str, size: int, chunks: Iterable[bytes]) -> None:
        """Write a file of exactly ``size`` bytes; ``ValueError`` when the content has others."""
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            total = 0
            with open(temporary, "wb") as file:
                for chunk in chunks:
                    total += file.write(chunk)
            if total != size:
                raise ValueError(f"{name} has {total} bytes instead of {size}")
            os.replace(temporary, path)
        except BaseException:
            if os.path.exists(temporary):
                os.unlink(temporary)
            raise

    def has(self, name: str) -> bool:
        """Whether the file is there already."""
        return os.path.exists(os.path.join(self.path, name))

    def read(self, name: str) -> bytes:
        """The content of a file, b"" when it is not there."""
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def finish(self) -> None:
        """Nothing is left to do."""
