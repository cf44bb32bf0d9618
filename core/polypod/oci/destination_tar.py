"""Archives in one file as destinations: OCI layouts in a tar, and what ``docker save`` writes."""

from __future__ import annotations

from ..errors import PolypodError
from . import manifest
from .archive_oci import blob_path
from .archive_sink import TarSink
from .destination import COMPRESS, KEEP, LAYOUT, PLAIN, Destination, layout_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import IO

_CHUNK = 1 << 20


def copied(file: IO[bytes]) -> Iterable[bytes]:
    """The content of an open file from its start, in pieces."""
    file.seek(0)
    return iter(lambda: file.read(_CHUNK), b"")


class TarDestination(Destination):
    """An OCI archive: a layout in a tar, which need not be seekable.

    A blob's name is its digest and comes before its content: one whose digest is not
    known waits in a nameless file in ``tmpdir``.
    """

    kinds = (manifest.OCI_MANIFEST,)

    def __init__(self, fd: int, name: str, tmpdir: str, *, compress: bool = True) -> None:
        import threading

        self.sink = TarSink(fd)
        self.name = name
        self.layers = COMPRESS if compress else KEEP
        self._tmpdir = tmpdir
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def reuse(self, digest: str, size: int) -> bool:
        return digest in self._done

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        if digest and size >= 0:
            with self._lock:
                self._add(digest, size, chunks())
            return digest, size
        import hashlib
        import tempfile

        with tempfile.TemporaryFile(dir=self._tmpdir) as file:
            found = hashlib.sha256()
            for chunk in chunks():
                found.update(chunk)
                file.write(chunk)
            digest, size = "sha256:" + found.hexdigest(), file.tell()
            with self._lock:
                self._add(digest, size, copied(file))
        return digest, size

    def _add(self, digest: str, size: int, chunks: Iterable[bytes]) -> None:
        if digest in self._done:
            for _ in chunks:
                pass  # a source that checks itself does so at its end
            return
        self.sink.add(blob_path(digest), size, chunks)
        self._done.add(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        self._add(manifest.sha256(data), len(data), [data])
        if not instance:
            entry = layout_entry(data, media_type, self.name)
            self.sink.add_bytes("oci-layout", LAYOUT)
            self.sink.add_bytes("index.json", manifest.oci_index([entry]))

    def finish(self) -> None:
        self.sink.finish()


class DockerArchiveDestination(Destination):
    """A ``docker save`` archive: plain layers, each once, and manifest.json at the end.

    Several images may be copied to it, one after the other; ``names`` are the next one's.
    """

    kinds = (manifest.DOCKER_MANIFEST,)
    layers = PLAIN
    lists = False
    parallel = 1

    def __init__(self, fd: int, names: list[str], tmpdir: str) -> None:
        self.sink = TarSink(fd)
        self.names = names
        self._tmpdir = tmpdir
        self._done: set[str] = set()
        self._items: list[dict[str, object]] = []

    def reuse(self, digest: str, size: int) -> bool:
        return digest in self._done

    def put(
        self, chunks: Callable[[], Iterable[bytes]], digest: str = "", size: int = -1
    ) -> tuple[str, int]:
        if not digest:
            raise PolypodError("a layer without a known diffID cannot go into a docker archive")
        if size < 0:
            import tempfile

            with tempfile.TemporaryFile(dir=self._tmpdir) as file:
                file.writelines(chunks())
                return self.put(lambda: copied(file), digest, file.tell())
        self.sink.add(f"{_digits(digest)}.tar", size, chunks())
        self._done.add(digest)
        return digest, size

    def put_config(self, data: bytes, digest: str) -> None:
        if digest not in self._done:
            self.sink.add_bytes(f"{_digits(digest)}.json", data)
            self._done.add(digest)

    def put_manifest(self, data: bytes, media_type: str, instance: bool = False) -> None:
        parsed = manifest.parse(data)
        assert parsed.config is not None
        self._items.append(
            {
                "Config": f"{_digits(parsed.config.digest)}.json",
                "RepoTags": self.names or None,
                "Layers": [f"{_digits(layer.digest)}.tar" for layer in parsed.layers],
            }
        )

    def finish(self) -> None:
        from ..kit.fastjson import dumps

        self.sink.add_bytes("manifest.json", dumps(self._items).encode())
        self.sink.finish()


def _digits(digest: str) -> str:
    return digest.partition(":")[2]
