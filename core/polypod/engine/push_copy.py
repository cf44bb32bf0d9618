"""Copies an image to a destination: layers in parallel, each compressed at most once.

A layer that the destination has, in whatever form that will do, is not sent. The manifest
keeps its bytes, and so its digest, where the layers come out as it lists them.
"""

from __future__ import annotations

from ..errors import ManifestRefused, PolypodError
from ..kit.fastjson import dumps, loads
from ..oci import convert, manifest
from ..oci.destination import COMPRESS
from .push_ahead import ahead
from .push_steps import Steps, is_form, relisted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from ..oci.destination import Destination
    from ..oci.manifest import Descriptor
    from ..oci.outgoing import OutImage, OutLayer
    from .progress import Progress
    from .push_cache import BlobCache
    from .push_options import PushOptions
    from .sign import Signer



class Copier:
    """Copies images to one destination; ``close`` is for :meth:`Destination.finish`'s caller."""

    def __init__(
        self,
        destination: Destination,
        options: PushOptions,
        progress: Progress,
        cache: BlobCache | None = None,
        signer: Signer | None = None,
    ) -> None:
        self._to = destination
        self._signer = signer
        self._options = options
        self._progress = progress
        self._cache = cache
        self._stopped = False

    def image(self, image: OutImage, *, instance: bool = False) -> bytes:
        """Copy one image and return the manifest that was written; an ``instance`` is a list's."""
        kind, algorithm = self._forms(image)
        self._progress.line("Getting image source signatures")
        found = self._layers(image, kind, algorithm)
        config = image.listed_config
        self._progress.line(f"Copying config {config.digest}")
        self._to.put_config(image.config, config.digest)
        self._progress.line("Writing manifest to image destination")
        data = self._write(image, kind, found, instance)
        self._signatures(image, data, instance)
        return data

    def _write(
        self, image: OutImage, kind: str, layers: list[Descriptor], instance: bool
    ) -> bytes:
        """Write the manifest; in the other format when this one is refused and none was asked for."""
        data = _manifest(image, kind, layers)
        try:
            self._to.put_manifest(data, kind, instance)
            return data
        except ManifestRefused as refused:
            other = _other(kind)
            if self._options.kind or image.is_artifact or other not in self._to.kinds:
                raise
            try:
                data = _manifest(image, other, [relisted(layer, other) for layer in layers])
                self._to.put_manifest(data, other, instance)
            except (ValueError, ManifestRefused):
                raise refused from None
            return data

    def _signatures(self, image: OutImage, data: bytes, instance: bool) -> None:
        """Store the signatures that the image has, as far as they are still good, and a new one."""
        from .sign import carry, sign

        if not self._options.remove_signatures and self._to.signatures:
            carry(self._to, image, data, instance)
        if self._signer is not None:
            sign(self._signer, self._to, data, instance)

    def _forms(self, image: OutImage) -> tuple[str, str]:
        """The manifest's media type and the compression of layers that come as plain tars."""
        kind, options = image.kind, self._options
        if image.is_artifact:
            return kind, ""
        asked = options.kind if options.kind in self._to.kinds else ""
        algorithm = (options.compression or "gzip") if self._to.layers == COMPRESS else ""
        if asked:
            kind = asked
        elif kind not in self._to.kinds:
            kind = self._to.kinds[0]
        if algorithm.startswith("zstd") and kind == manifest.DOCKER_MANIFEST:
            if asked or manifest.OCI_MANIFEST not in self._to.kinds:
                algorithm = "gzip"  # as podman: Docker's format knows no other
            else:
                kind = manifest.OCI_MANIFEST
        return kind, algorithm

    # Layers

    def _layers(self, image: OutImage, kind: str, algorithm: str) -> list[Descriptor]:
        jobs: dict[str, Callable[[], Descriptor]] = {}
        for layer in image.layers:
            job = _Job(self, layer, kind, algorithm, image.is_artifact)
            jobs.setdefault(layer.digest, job)
        if min(self._to.parallel, len(jobs)) < 2:
            done = {digest: job() for digest, job in jobs.items()}
        else:
            done = self._parallel(jobs)
        return [done[layer.digest] for layer in image.layers]

    def _parallel(self, jobs: dict[str, Callable[[], Descriptor]]) -> dict[str, Descriptor]:
        from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

        with ThreadPoolExecutor(min(self._to.parallel, len(jobs))) as pool:
            try:
                running = {digest: pool.submit(job) for digest, job in jobs.items()}
                finished, rest = wait(running.values(), return_when=FIRST_EXCEPTION)
                if rest:
                    self._stop(rest)
                failed = [future for future in finished if future.exception()]
                for future in failed:
                    future.result()
                return {digest: future.result() for digest, future in running.items()}
            except BaseException:
                self._stop(running.values())
                raise

    def _stop(self, futures: Iterable[Future[Descriptor]]) -> None:
        """One layer failed: the others end at their next piece."""
        self._stopped = True
        for future in futures:
            future.cancel()

    def watched(self, layer: OutLayer, chunks: Iterable[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
        """Pass a layer's pieces on, count them, and end when another layer has failed."""
        for chunk in chunks:
            if self._stopped:
                raise PolypodError(f"copying {layer.digest} was given up")
            advance(len(chunk))
            yield chunk

    def copy_layer(
        self, layer: OutLayer, kind: str, algorithm: str, artifact: bool
    ) -> Descriptor:
        """One layer to the destination; its descriptor there."""
        steps = Steps(self._to.layers, kind, algorithm, self._options, artifact)
        for candidate in self._candidates(layer, steps):
            if self._to.reuse(candidate.digest, candidate.size) or self._to.take_over(
                layer, candidate.digest
            ):
                self._progress.line(f"Copying blob {layer.digest} skipped: already exists")
                return steps.descriptor(layer, candidate)
        return self._send(layer, steps)

    def _candidates(self, layer: OutLayer, steps: Steps) -> list[Descriptor]:
        """Forms of the layer that would do, should the destination have one."""
        own = manifest.Descriptor(
            media_type=layer.listed.media_type if not layer.plain else manifest.OCI_LAYER,
            digest=layer.digest,
            size=layer.size,
            annotations={} if layer.plain else layer.listed.annotations,
        )
        if steps.untouched(layer):
            return [own]
        if not steps.wanted(layer):
            return [own.evolve(digest=layer.diff_id)] if layer.diff_id else []
        known = list(layer.known)
        if self._cache is not None and layer.diff_id:
            known += self._cache.known(layer.diff_id)
        found = [one for one in known if steps.will_do(one)]
        found.sort(key=lambda one: not is_form(steps.wanted(layer), one))
        if layer.plain and not self._options.force:
            found.append(own)
        return list({one.digest: one for one in found}.values())

    def _send(self, layer: OutLayer, steps: Steps) -> Descriptor:
        bar = self._progress.blob(layer.digest, layer.size)
        annotations: dict[str, str] = {}
        restarted = False

        def chunks() -> Iterator[bytes]:
            nonlocal restarted
            advance = bar.advance if not restarted else (lambda _count: None)
            restarted = True
            pieces = self.watched(layer, ahead(layer.checked()), advance)
            return steps.transformed(layer, pieces, annotations)

        try:
            if steps.untouched(layer):
                digest, size = self._to.put(chunks, layer.digest, layer.size)
            elif not steps.wanted(layer):
                digest, size = self._to.put(chunks, layer.diff_id, layer.plain_size)
            else:
                digest, size = self._to.put(chunks)
        except ValueError as error:
            raise PolypodError(f"copying layer {layer.digest}: {error}") from None
        bar.done()
        made = manifest.Descriptor(
            media_type=convert.layer_type(manifest.OCI_MANIFEST, steps.wanted(layer)),
            digest=digest,
            size=size,
            annotations=annotations,
        )
        if self._cache is not None and layer.diff_id and digest != layer.diff_id:
            self._cache.learn(layer.diff_id, made)
        return steps.descriptor(layer, made)


class _Job:
    """One layer's copy as a call without arguments."""

    __slots__ = ("_args", "_copier")

    def __init__(
        self, copier: Copier, layer: OutLayer, kind: str, algorithm: str, artifact: bool
    ) -> None:
        self._copier = copier
        self._args = (layer, kind, algorithm, artifact)

    def __call__(self) -> Descriptor:
        return self._copier.copy_layer(*self._args)


def _other(kind: str) -> str:
    """The other format of an image's manifest."""
    return manifest.DOCKER_MANIFEST if kind == manifest.OCI_MANIFEST else manifest.OCI_MANIFEST


def _manifest(image: OutImage, kind: str, layers: list[Descriptor]) -> bytes:
    """The manifest for the layers as they came out: the old bytes where nothing changed."""
    old = manifest.parse(image.manifest)
    if kind == old.media_type and tuple(layers) == old.layers:
        return image.manifest
    config = image.listed_config.evolve(
        media_type=convert.config_type(kind, image.listed_config.media_type),
        digest=manifest.sha256(image.config),
        size=len(image.config),
    )
    made = loads(convert.build(kind, config, layers, old.annotations))
    if kind != old.media_type:
        return dumps(made).encode()
    document = loads(image.manifest)  # what else it has (subject, artifact type) stays
    document["config"], document["layers"] = made["config"], made["layers"]
    return dumps(document).encode()
