"""``manifest push``: a list, and the images that it lists, to a registry or a directory."""

from __future__ import annotations

import binascii

from ..errors import ManifestRefused, NoSuchImage, PolypodError, UsageError
from ..kit.fastjson import loads
from ..oci import convert, manifest
from ..oci import index as indexes
from ..oci.outgoing import OutImage, OutLayer
from ..oci.zstd_chunked import PREFIX as CHUNKED
from . import manifests
from .events import emit
from .image_sources import Source
from .image_sources_open import open_named
from .image_sources_store import StoreSource, instance_image, manifest_by_digest
from .push import failed, place_of
from .push_cache import BlobCache
from .push_copy import Copier
from .push_open import open_destination
from .push_options import PushOptions
from .sign import open_signer, sign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..oci.destination import Destination
    from .manifests import ManifestList
    from .progress import Progress
    from .runtime import Runtime
    from .sign import Signer

ZSTD_MARK = "io.github.containers.compression.zstd"
_CHUNK = 1 << 20


def push_list(
    rt: Runtime, name: str, destination: str, options: PushOptions, progress: Progress
) -> str:
    """Push a list, with ``options.all`` its images before it; returns the list's digest there."""
    options = options.checked()
    try:
        found = manifests.load(rt, name)
    except NoSuchImage as error:
        raise NoSuchImage(f"retrieving local image from image name {name}: {error}") from None
    cache = BlobCache(rt, place_of(destination))
    to = open_destination(rt, destination, options, cache)
    try:
        if not to.lists:
            raise UsageError(f"{destination}: this format cannot hold a manifest list")
        signer = open_signer(options.sign, to, destination)
        data = _ListCopy(rt, found, to, options, progress, cache, signer).run()
        to.finish()
    except BaseException as error:
        to.abort()
        raise failed(error, destination) from error
    finally:
        cache.save()
    emit(rt, "image", "push", id=found.id, name=destination)
    return manifest.sha256(data)


class _ListCopy:
    def __init__(
        self,
        rt: Runtime,
        found: ManifestList,
        to: Destination,
        options: PushOptions,
        progress: Progress,
        cache: BlobCache,
        signer: Signer | None,
    ) -> None:
        self._signer = signer
        self._rt = rt
        self._list = found
        self._to = to
        self._options = options
        self._progress = progress
        self._cache = cache

    def run(self) -> bytes:
        """Copy images and list; the list's bytes."""
        say = self._progress.line
        say("Getting image list signatures")
        total = len(self._list.index.entries)
        entries = [(entry, "") for entry in self._list.index.entries] if self._options.all else []
        if entries:
            entries += self._variants()
        say(f"Copying {len(entries)} images generated from {total} images in list")
        index = self._copied(entries) if entries else self._list.index
        kind = self._kind(index)
        say("Writing manifest list to image destination")
        data = index.serialize(kind)
        try:
            self._to.put_manifest(data, kind)
        except ManifestRefused:
            if self._options.list_kind or kind != manifest.OCI_INDEX or index.annotations:
                raise
            data = index.serialize(manifest.DOCKER_LIST)
            self._to.put_manifest(data, manifest.DOCKER_LIST)
        if self._signer is not None:
            sign(self._signer, self._to, data)
        return data

    def _variants(self) -> list[tuple[indexes.Entry, str]]:
        """The instances that ``--add-compression`` asks for, after those of the list."""
        images = [entry for entry in self._list.index.entries if not entry.artifact_type]
        found = []
        for algorithm in self._options.add_compression:
            have = {_platform(e) for e in images if _is_zstd(e) == algorithm.startswith("zstd")}
            if not algorithm.startswith("zstd") and self._options.compression.startswith("zstd"):
                have = set()
            found += [(e, algorithm) for e in images if _platform(e) not in have]
        return found

    def _copied(self, entries: list[tuple[indexes.Entry, str]]) -> indexes.Index:
        """A list of what the images became at the destination."""
        index = indexes.Index()
        index.media_type = self._list.index.media_type
        index.annotations = self._list.index.annotations
        index.artifact_type = self._list.index.artifact_type
        index.subject = self._list.index.subject
        for number, (entry, algorithm) in enumerate(entries, 1):
            self._progress.line(f"Copying image {entry.digest} ({number}/{len(entries)})")
            index.put(self._copy(entry, algorithm))
        return index

    def _copy(self, entry: indexes.Entry, algorithm: str) -> indexes.Entry:
        options = self._options
        if algorithm:
            options = options.evolve(compression=algorithm, force=True, level=None)
        elif options.add_compression:
            # The original must not come out as the very form that is to be added.
            options = options.evolve(force=True)
        copier = Copier(self._to, options, self._progress, self._cache, self._signer)
        artifact = self._artifact(entry.digest)
        if artifact is not None:
            data = copier.image(artifact, instance=True)
        else:
            with _source(self._rt, self._list, entry.digest, options) as source:
                image = source.image(source.manifest(entry.digest))
                data = copier.image(image, instance=True)
        return _entry(entry, data)

    def _artifact(self, digest: str) -> OutImage | None:
        """An artifact that was added to this list as files."""
        artifacts = self._list.artifacts
        text = artifacts["manifests"].get(digest)
        if text is None:
            return None
        data = text.encode()
        parsed = manifest.parse(data)
        assert parsed.config is not None
        config = b"".join(_chunks(artifacts, parsed.config.digest)())
        layers = [OutLayer(listed, _chunks(artifacts, listed.digest)) for listed in parsed.layers]
        return OutImage(data, config, layers, parsed.config, artifact=True)

    def _kind(self, index: indexes.Index) -> str:
        asked = self._options.list_kind
        if manifest.DOCKER_MANIFEST not in self._to.kinds:
            return manifest.OCI_INDEX
        if asked:
            return asked
        oci = any(e.media_type == manifest.OCI_MANIFEST for e in index.entries)
        return manifest.OCI_INDEX if oci else index.natural_type()


def _chunks(artifacts: dict[str, dict[str, str]], digest: str) -> Callable[[], Iterable[bytes]]:
    """The content of a blob that an artifact refers to: written down, or a file."""

    def read() -> Iterator[bytes]:
        if digest in artifacts["blobs"]:
            yield binascii.a2b_base64(artifacts["blobs"][digest] or "")
            return
        path = artifacts["detached"].get(digest)
        if path is None:
            raise PolypodError(f"the manifest list does not say where blob {digest} is")
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    return read


def _source(rt: Runtime, found: ManifestList, digest: str, options: PushOptions) -> Source:
    """Where an instance can be read: in the store, whatever its name became, else as noted."""
    image = instance_image(rt, digest)
    if image is not None:
        return _Local(rt, image)
    name = found.instances.get(digest)
    if name is None:
        raise PolypodError(
            f"manifest list {found.id} does not say where its instance {digest} is: add it again"
        )
    if name.startswith("containers-storage:"):
        raise NoSuchImage(
            f"the instance {digest} of manifest list {found.id} is no longer in local storage: "
            "pull or build it again, or remove it from the list"
        )
    return open_named(rt, name, options.access)


class _Local(StoreSource):
    """An image of the store by one of its manifests."""

    def manifest(self, digest: str = "") -> bytes:
        return manifest_by_digest(self._rt, self.record, digest)


def _entry(entry: indexes.Entry, data: bytes) -> indexes.Entry:
    """The list's entry for an image as it is at the destination."""
    document = loads(data)
    annotations = dict(entry.annotations)
    layers = document.get("layers") or []
    zstd = bool(layers) and all(
        convert.algorithm_of(str(layer.get("mediaType"))) == "zstd" for layer in layers
    )
    if zstd:
        annotations[ZSTD_MARK] = "true"
    else:
        annotations.pop(ZSTD_MARK, None)
    return indexes.Entry(
        manifest.sha256(data),
        len(data),
        manifest.media_type(document),
        entry.platform,
        annotations=annotations,
        artifact_type=entry.artifact_type,
        features=entry.features,
        urls=entry.urls,
        data=entry.data,
    )


def _platform(entry: indexes.Entry) -> tuple[str, ...]:
    return tuple(str(entry.platform.get(key) or "") for key in ("os", "architecture", "variant"))


def _is_zstd(entry: indexes.Entry) -> bool:
    marks = entry.annotations
    return marks.get(ZSTD_MARK) == "true" or any(key.startswith(CHUNKED) for key in marks)
