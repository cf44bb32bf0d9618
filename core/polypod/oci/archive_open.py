"""Opens an image archive or directory whatever its format, and inputs that are compressed.

The formats are tried in podman's order: OCI layout, OCI archive, docker archive, ``dir:``.
"""

from __future__ import annotations

import io
import os

from ..errors import PolypodError
from . import archive_dir, archive_docker
from .archive_files import Folder, FormatError, Tar
from .archive_image import ArchiveImage
from .archive_oci import Layout, annotated_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
)


class Opened:
    """The images of an archive, and what to close when they are not needed any more."""

    def __init__(self, images: list[ArchiveImage], close: Callable[[], None]) -> None:
        self.images = images
        self.close = close

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def compression(head: bytes) -> str:
    """Name of the compression that the first bytes tell, "" for none."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    return ""


def decompressed(file: IO[bytes], kind: str) -> IO[bytes]:
    """A reader of the uncompressed content; ``kind`` as :func:`compression` gives it."""
    if kind == "gzip":
        try:
            from isal import igzip as gzip
        except ImportError:
            import gzip  # type: ignore[no-redef]
        return gzip.open(file, "rb")  # type: ignore[no-any-return, no-untyped-call]
    if kind == "zstd":
        try:
            from compression import zstd  # type: ignore[import-not-found]
        except ImportError:
            from backports import zstd
        return zstd.open(file, "rb")  # type: ignore[no-any-return]
    if kind == "xz":
        import lzma

        return lzma.open(file, "rb")
    if kind == "bzip2":
        import bz2

        return bz2.open(file, "rb")
    return file


def seekable(file: IO[bytes], tmpdir: str) -> IO[bytes]:
    """The uncompressed content as a seekable file: the file itself, or a nameless copy in tmpdir.

    Takes over ``file``. A copy has no name, so that nothing is left after a SIGKILL.
    """
    import stat

    plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == 0
    head = _head(file)
    kind = compression(head)
    if plain:
        file.seek(0)
        head = b""
        if not kind:
            return file
    with file:
        return _copy(decompressed(_Prefixed(head, file), kind), tmpdir)  # type: ignore[arg-type]


def _head(file: IO[bytes]) -> bytes:
    head = b""
    while len(head) < 6:
        more = file.read(6 - len(head))
        if not more:
            break
        head += more
    return head


class _Prefixed(io.RawIOBase):
    """A reader that gives back the bytes that were read for a look."""

    def __init__(self, head: bytes, file: IO[bytes]) -> None:
        super().__init__()
        self._head = head
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        data = self._head[: len(view)] or self._file.read(len(view)) or b""
        self._head = self._head[len(data) :]
        view[: len(data)] = data
        return len(data)


def _copy(source: IO[bytes], tmpdir: str) -> IO[bytes]:
    import shutil
    import tempfile

    target = tempfile.TemporaryFile(dir=tmpdir, buffering=0)
    try:
        shutil.copyfileobj(source, target, 1 << 20)
        target.seek(0)
    except BaseException as error:
        target.close()
        if not isinstance(error, Exception) or (isinstance(error, OSError) and error.errno):
            raise
        # Each decompressor has an exception of its own for a damaged stream.
        raise FormatError(f"decompressing: {error}") from error
    return target


def open_tar(path: str, tmpdir: str) -> Tar:
    """Open an archive file that must be a tar, perhaps compressed; ``PolypodError`` when it cannot be."""
    try:
        if os.path.isdir(path):
            raise IsADirectoryError(21, "is a directory", path)
        file = open(path, "rb", buffering=0)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f'opening file "{path}": open {path}: {reason}') from None
    return Tar(seekable(file, tmpdir), path)


def open_any(path: str, tmpdir: str) -> Opened:
    """Open what lies at a path; the error of an unreadable one lists what each format missed."""
    reasons = []
    if os.path.isdir(path):
        files = Folder(path)
        for format, read in (("oci", _layout_images), ("dir", _dir_images)):
            try:
                return Opened(read(files), files.close)
            except FormatError as error:
                reasons.append(f"{format}: {error}")
        reasons[1:1] = [
            f'oci-archive: "{path}" is a directory',
            f'docker-archive: "{path}" is a directory',
        ]
        raise PolypodError(_no_format(reasons))
    return open_file(open(path, "rb", buffering=0), path, tmpdir)


def open_file(file: IO[bytes], name: str, tmpdir: str) -> Opened:
    """Open an archive file or stream, perhaps compressed; takes it over."""
    try:
        tar = Tar(seekable(file, tmpdir), name)
    except OSError as error:
        where = error.filename or tmpdir
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"reading {name} by way of {where}: {reason}") from None
    except (FormatError, EOFError) as error:
        reasons = [f"oci: open {name}/index.json: not a directory"]
        reasons += [
            f"oci-archive: {error}",
            f"docker-archive: loading tar component manifest.json: {error}",
        ]
        reasons.append(f"dir: open {name}/manifest.json: not a directory")
        raise PolypodError(_no_format(reasons)) from None
    try:
        return Opened(_tar_images(tar, name), tar.close)
    except BaseException:
        tar.close()
        raise


def _tar_images(tar: Tar, name: str) -> list[ArchiveImage]:
    reasons = [f"oci: open {name}/index.json: not a directory"]
    # Newer docker writes both documents; of several images only manifest.json has full names.
    docker = tar.has("manifest.json")
    try:
        images = _layout_images(tar)
        if len(images) == 1 or not docker:
            return images
        reasons.append("oci-archive: more than one image in oci, choose an image")
    except FormatError as error:
        reasons.append(f"oci-archive: {error}")
    try:
        return archive_docker.images(tar)
    except FormatError as error:
        reasons.append(f"docker-archive: {error}")
    reasons.append(f"dir: open {name}/manifest.json: not a directory")
    raise PolypodError(_no_format(reasons))


def _layout_images(files: Folder | Tar) -> list[ArchiveImage]:
    layout = Layout(files)
    if not layout.entries:
        layout.choose("")
    images = []
    for entry in layout.entries:
        name = annotated_name(entry.annotations)
        images.append(layout.image(entry, [name] if name else []))
    return images


def _dir_images(files: Folder) -> list[ArchiveImage]:
    return [archive_dir.image(files)]


def _no_format(reasons: list[str]) -> str:
    lines = "".join(f"\n * {reason}" for reason in reasons)
    return f"payload does not match any of the supported image formats:{lines}"
