"""One file or directory as a tar archive, by open descriptors alone.

For trees that somebody may change meanwhile, such as a running container's: no link in them is followed.
"""

from __future__ import annotations

import os
import stat

from .tarstream_write import END, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def write_entry(source: int, name: bytes) -> Iterator[bytes]:
    """What an O_PATH descriptor leads to, under that name; "." for a directory's content alone."""
    writer = Writer()
    info = os.fstat(source)
    path = b"/proc/self/fd/%d" % source
    if stat.S_ISDIR(info.st_mode):
        yield from writer.add(path + b"/.", name, info)
        yield from _content(writer, source, b"" if name == b"." else name + b"/")
    else:
        yield from writer.add(path, name, info, through=True)
    yield END


def _content(writer: Writer, directory: int, prefix: bytes) -> Iterator[bytes]:
    real = os.open(f"/proc/self/fd/{directory}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in sorted(os.fsencode(entry) for entry in os.listdir(real)):
            try:
                fd = os.open(name, _PATH, dir_fd=real)
            except FileNotFoundError:
                continue  # it went meanwhile
            try:
                info = os.fstat(fd)
                path = b"/proc/self/fd/%d" % fd
                if stat.S_ISDIR(info.st_mode):
                    yield from writer.add(path + b"/.", prefix + name, info)
                    yield from _content(writer, fd, prefix + name + b"/")
                else:
                    yield from writer.add(path, prefix + name, info, through=True)
            finally:
                os.close(fd)
    finally:
        os.close(real)
