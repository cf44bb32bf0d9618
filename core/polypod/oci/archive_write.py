"""Writes images as docker archives, OCI layouts and ``dir:`` directories.

A config is written byte for byte, whatever the target's type, so that an image keeps its ID.
"""

from __future__ import annotations

from ..kit.fastjson import dumps
from . import manifest
from .archive_dir import VERSION
from .archive_oci import REF_NAME, blob_path
from .archive_sink import DirSink, TarSink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

_CHUNK = 1 << 20


class SavedLayer:
    """A layer to write: its diffID, its size as a plain tar, and a function that gives the tar."""

    __slots__ = ("chunks", "diff_id", "size")

    def __init__(self, diff_id: str, size: int, chunks: Callable[[], Iterable[bytes]]) -> None:
        self.diff_id = diff_id
        self.size = size
        self.chunks = chunks

    def checked(self) -> Iterator[bytes]:
        """The tar's pieces; raises ``ValueError`` at the end when they are not the diffID's."""
        import hashlib

        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
            yield chunk
        if self.diff_id != "sha256:" + digest.hexdigest():
            raise ValueError(
                f"layer {self.diff_id} was changed: its files give sha256:{digest.hexdigest()}"
            )


class SavedImage:
    """An image to write. ``layers`` are lowest first, ``names`` full references."""

    __slots__ = ("annotations", "config", "layers", "names")

    def __init__(
        self,
        config: bytes,
        layers: list[SavedLayer],
        names: list[str],
        annotations: dict[str, str],
    ) -> None:
        self.config = config
        self.layers = layers
        self.names = names
        self.annotations = annotations


def write_docker_archive(
    sink: TarSink, images: list[SavedImage], progress: Callable[[str], None]
) -> None:
    """``docker save``: plain layers, each once, and manifest.json."""
    items = []
    done: set[str] = set()
    for image in images:
        for layer in image.layers:
            name = f"{_hex(layer.diff_id)}.tar"
            if name not in done:
                progress(f"Copying blob {layer.diff_id}")
                sink.add(name, layer.size, layer.checked())
                done.add(name)
        digest = manifest.sha256(image.config)
        name = f"{_hex(digest)}.json"
        if name not in done:
            progress(f"Copying config {digest}")
            sink.add(name, len(image.config), [image.config])
            done.add(name)
        items.append(
            {
                "Config": name,
                "RepoTags": image.names or None,
                "Layers": [f"{_hex(layer.diff_id)}.tar" for layer in image.layers],
            }
        )
    progress("Writing manifest to image destination")
    _add(sink, "manifest.json", dumps(items).encode())


def write_oci(
    sink: TarSink | DirSink,
    image: SavedImage,
    name: str,
    tmpdir: str,
    progress: Callable[[str], None],
    *,
    compress: bool = True,
) -> None:
    """An OCI layout; a directory that is one already gains the image (or its new version)."""
    layers = [
        _blob(
            sink,
            layer,
            manifest.OCI_LAYER,
            "+gzip" if compress else "",
            blob_path,
            tmpdir,
            progress,
        )
        for layer in image.layers
    ]
    config = _config(sink, image, manifest.OCI_CONFIG, blob_path, progress)
    document = manifest.oci_manifest(config, layers, image.annotations)
    digest = manifest.sha256(document)
    progress("Writing manifest to image destination")
    _add(sink, blob_path(digest), document)
    entry = manifest.Descriptor(
        media_type=manifest.OCI_MANIFEST,
        digest=digest,
        size=len(document),
        annotations={REF_NAME: name} if name else {},
    )
    others = [e for e in _existing(sink) if e.annotations.get(REF_NAME, "") != name]
    _add(sink, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    _add(sink, "index.json", manifest.oci_index([*others, entry]))


def write_dir(
    sink: DirSink,
    image: SavedImage,
    tmpdir: str,
    progress: Callable[[str], None],
    *,
    compress: bool = False,
) -> None:
    """containers/image's ``dir:`` format with a Docker schema 2 manifest."""
    suffix = ".gzip" if compress else ""
    layers = [
        _blob(sink, layer, manifest.DOCKER_LAYER, suffix, _hex, tmpdir, progress)
        for layer in image.layers
    ]
    config = _config(sink, image, manifest.DOCKER_CONFIG, _hex, progress)
    progress("Writing manifest to image destination")
    _add(sink, "version", VERSION)
    _add(sink, "manifest.json", manifest.docker_manifest(config, layers))


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _add(sink: TarSink | DirSink, name: str, data: bytes) -> None:
    sink.add(name, len(data), [data])


def _existing(sink: TarSink | DirSink) -> list[manifest.Descriptor]:
    data = sink.read("index.json") if isinstance(sink, DirSink) else b""
    return list(manifest.parse(data).manifests) if data else []


def _config(
    sink: TarSink | DirSink,
    image: SavedImage,
    media_type: str,
    path: Callable[[str], str],
    progress: Callable[[str], None],
) -> manifest.Descriptor:
    digest = manifest.sha256(image.config)
    progress(f"Copying config {digest}")
    _add(sink, path(digest), image.config)
    return manifest.Descriptor(media_type=media_type, digest=digest, size=len(image.config))


def _blob(
    sink: TarSink | DirSink,
    layer: SavedLayer,
    media_type: str,
    suffix: str,
    path: Callable[[str], str],
    tmpdir: str,
    progress: Callable[[str], None],
) -> manifest.Descriptor:
    """Write a layer, gzipped when a suffix says so; a layer that is there already is left alone."""
    progress(f"Copying blob {layer.diff_id}")
    if not suffix:
        if not (isinstance(sink, DirSink) and sink.has(path(layer.diff_id))):
            sink.add(path(layer.diff_id), layer.size, layer.checked())
        return manifest.Descriptor(media_type=media_type, digest=layer.diff_id, size=layer.size)
    with _gzipped(layer.checked(), tmpdir) as file:
        digest, size = _measure(file)
        if not (isinstance(sink, DirSink) and sink.has(path(digest))):
            sink.add(path(digest), size, iter(lambda: file.read(_CHUNK), b""))
    return manifest.Descriptor(media_type=media_type + suffix, digest=digest, size=size)


def _gzipped(chunks: Iterable[bytes], tmpdir: str) -> IO[bytes]:
    """A nameless file with the gzipped content. Same input, same bytes: no time stamp in it."""
    import tempfile

    target = tempfile.TemporaryFile(dir=tmpdir)
    try:
        try:
            from isal.igzip import IGzipFile as GzipFile

            level = 2
        except ImportError:
            from gzip import GzipFile  # type: ignore[assignment]

            level = 6
        with GzipFile("", "wb", level, target, mtime=0) as packer:  # type: ignore[no-untyped-call]
            for chunk in chunks:
                packer.write(chunk)  # type: ignore[no-untyped-call]
    except BaseException:
        target.close()
        raise
    return target


def _measure(file: IO[bytes]) -> tuple[str, int]:
    import hashlib

    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    size = file.tell()
    file.seek(0)
    return "sha256:" + digest, size
