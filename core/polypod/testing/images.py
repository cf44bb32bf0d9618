"""Images for tests: made on the spot, because no registry can be reached."""

from __future__ import annotations

import io
import tempfile

from .busybox import write_rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.runtime import Runtime

BUSYBOX = "localhost/busybox:latest"
CHANGES = ['CMD ["/bin/sh"]', "ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin"]


def make_busybox_image(rt: Runtime, name: str = BUSYBOX, changes: list[str] | None = None) -> str:
    """Import a busybox image into the store under a name; returns its ID (64 hex digits)."""
    from ..engine.images_import import ImportOptions, import_stream

    options = ImportOptions(reference=name, changes=[*CHANGES, *(changes or [])])
    with tempfile.TemporaryFile() as file:
        write_rootfs(file)
        file.seek(0)
        return import_stream(rt, file, options)


def make_image(
    rt: Runtime,
    name: str = "",
    files: dict[str, bytes] | None = None,
    changes: list[str] | None = None,
) -> str:
    """Import an image of the given files only, for tests that run nothing; returns its ID."""
    from ..engine.images_import import ImportOptions, import_stream

    options = ImportOptions(reference=name, changes=changes)
    stream = io.BytesIO(tar_of(files or {"hello": b"hello\n"}))
    return import_stream(rt, stream, options)


def tar_of(files: dict[str, bytes]) -> bytes:
    """A plain tar of regular files, owned by root, of a fixed time."""
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1_600_000_000
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()
