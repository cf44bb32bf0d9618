"""Files of an image archive by name, whether they lie in a directory or in a tar.

A tar is never unpacked: its members are read in place, each through a reader of its own.
"""

from __future__ import annotations

import io
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

#: Manifests, configs and indexes larger than this are refused: they are read into memory.
MAX_DOCUMENT = 16 * 1024 * 1024


class FormatError(ValueError):
    """The files are not of the format that was tried; ``str()`` says why."""


class Section(io.RawIOBase):
    """A part of an open file as a file of its own; several may be read at once."""

    def __init__(self, fd: int, start: int, size: int) -> None:
        super().__init__()
        self._fd = fd
        self._position = start
        self._end = start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        view = memoryview(buffer)[: self._end - self._position]
        if not len(view):
            return 0
        count = os.preadv(self._fd, [view], self._position)
        self._position += count
        return count


class Folder:
    """The files below a directory."""

    transport = "oci"  # what an OCI layout in it is called

    def __init__(self, path: str) -> None:
        self.path = path

    def open(self, name: str) -> IO[bytes]:
        """Open for reading; raise ``FormatError`` when it is not there."""
        path = os.path.join(self.path, name)
        try:
            return open(path, "rb", buffering=0)
        except OSError as error:
            raise FormatError(f"open {path}: {_reason(error)}") from None

    def read(self, name: str) -> bytes:
        """The whole of a small file."""
        with self.open(name) as file:
            return _document(file, name)

    def size(self, name: str) -> int:
        """Bytes of a file."""
        try:
            return os.stat(os.path.join(self.path, name)).st_size
        except OSError as error:
            raise FormatError(f"stat {os.path.join(self.path, name)}: {_reason(error)}") from None

    def has(self, name: str) -> bool:
        """Whether there is such a regular file."""
        return os.path.isfile(os.path.join(self.path, name))

    def close(self) -> None:
        """Nothing is held open."""


class Tar:
    """The files of an uncompressed, seekable tar; takes over the open file ``file``."""

    transport = "oci-archive"  # what an OCI layout in it is called

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self.path = name
        self._members: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        self._index()

    def _index(self) -> None:
        import tarfile

        try:
            with tarfile.open(fileobj=self._file, mode="r:") as archive:
                for member in archive:
                    name = os.path.normpath(member.name)
                    if member.isreg() and not member.issparse():
                        self._members[name] = (member.offset_data, member.size)
                    elif member.issym():
                        target = os.path.join(os.path.dirname(name), member.linkname)
                        self._links[name] = os.path.normpath(target)
                    elif member.islnk():
                        self._links[name] = os.path.normpath(member.linkname)
        except (tarfile.TarError, EOFError, OSError, ValueError) as error:
            raise FormatError(f'reading tar "{self._name}": {error}') from None

    def _find(self, name: str) -> tuple[int, int]:
        wanted = os.path.normpath(name)
        for _ in range(16):  # links to links, but no endless rounds
            if wanted in self._members:
                return self._members[wanted]
            if wanted not in self._links:
                break
            wanted = self._links[wanted]
        raise FormatError(f"loading tar component {name}: file does not exist")

    def open(self, name: str) -> IO[bytes]:
        """Open a member for reading; raise ``FormatError`` when it is not there."""
        start, size = self._find(name)
        return Section(self._file.fileno(), start, size)  # type: ignore[return-value]

    def read(self, name: str) -> bytes:
        """The whole of a small member."""
        with self.open(name) as file:
            return _document(file, name)

    def size(self, name: str) -> int:
        """Bytes of a member."""
        return self._find(name)[1]

    def has(self, name: str) -> bool:
        """Whether there is such a regular file."""
        try:
            self._find(name)
        except FormatError:
            return False
        return True

    def close(self) -> None:
        """Close the archive's file."""
        self._file.close()


def _document(file: IO[bytes], name: str) -> bytes:
    data = file.read(MAX_DOCUMENT + 1)
    while data and len(data) <= MAX_DOCUMENT:
        more = file.read(MAX_DOCUMENT + 1 - len(data))
        if not more:
            break
        data += more
    if len(data) > MAX_DOCUMENT:
        raise FormatError(f"{name} is larger than {MAX_DOCUMENT} bytes")
    return data


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
