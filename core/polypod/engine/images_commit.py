"""``commit``: makes an image from what a container has written."""

from __future__ import annotations

import time

from ..errors import NoSuchImage, StorageError, UsageError
from ..model.image import Layer
from ..oci import image_changes, image_config, manifest
from ..oci.reference import is_hex, normalize
from ..store.foreign import Pieces
from .events import emit, emit_container
from .images_copy import quiet
from .images_lookup import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model.container import Container
    from ..model.image import Image
    from .runtime import Runtime


class CommitOptions:
    """What becomes of the container's content; ``format`` is ``oci`` or ``docker``."""

    __slots__ = (
        "author", "changes", "config", "format", "include_volumes", "message", "pause", "squash",
    )  # fmt: skip

    def __init__(
        self,
        *,
        author: str = "",
        message: str = "",
        changes: list[str] | None = None,
        config: dict[str, Any] | None = None,
        format: str = "oci",
        pause: bool = False,
        squash: bool = False,
        include_volumes: bool = False,
    ) -> None:
        self.author = author
        self.message = message
        self.changes = changes or []
        self.config = config or {}  # laid over the image's config
        self.format = format
        self.pause = pause
        self.squash = squash
        self.include_volumes = include_volumes


def commit(
    rt: Runtime,
    container_id: str,
    name: str,
    options: CommitOptions,
    progress: Callable[[str], None] = quiet,
) -> str:
    """Commit a container (full ID) to an image, named unless ``name`` is ""; returns its ID."""
    if options.format not in ("oci", "docker"):
        raise UsageError(f'unrecognized image format "{options.format}"')
    if options.message and options.format != "docker":
        raise UsageError("messages are only compatible with the docker image format (-f docker)")
    container = rt.records.containers.get(container_id)
    if container.image.rootfs:
        raise UsageError("cannot commit a container that uses an exploded rootfs")
    image_changes.apply_changes({}, options.changes)
    target = _target(rt, name)
    base = rt.store.image(container.image.id)
    progress("Getting image source signatures")
    with _paused(rt, container_id, options.pause):
        layer = _layer(rt, container, base, options.squash)
    progress(f"Copying blob {layer.diff_digest}")
    try:
        image_id = _store(rt, container, base, layer, target, options, progress)
    except BaseException:
        _drop(rt, layer)
        raise
    emit_container(rt, "commit", container)
    emit(rt, "image", "commit", id=image_id, name=target)
    return image_id


def _target(rt: Runtime, name: str) -> str:
    """The full name: a local image's when the name means one, else completed."""
    if not name:
        return ""
    try:
        found = lookup(rt, name)[1]
    except NoSuchImage:
        return str(normalize(name))
    return str(normalize(name)) if is_hex(found) or found.startswith("sha256:") else found


class _Pause:
    def __init__(self, rt: Runtime, container_id: str) -> None:
        self._rt = rt
        self._id = container_id

    def __enter__(self) -> None:
        self._rt.oci.pause(self._id)

    def __exit__(self, *_exc: object) -> None:
        self._rt.oci.resume(self._id)


class _Nothing:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_exc: object) -> None:
        return None


def _paused(rt: Runtime, container_id: str, wanted: bool) -> _Pause | _Nothing:
    if wanted and rt.records.containers.state(container_id)[0].status == "running":
        return _Pause(rt, container_id)
    return _Nothing()


def _layer(rt: Runtime, container: Container, base: Image, squash: bool) -> Layer:
    if squash:
        from ..oci.tarstream_write import write_tree

        root = rt.store.mount_container(container.id)
        try:
            return rt.store.put_layer("", Pieces(write_tree(root)))  # type: ignore[arg-type]
        finally:
            rt.store.unmount_container(container.id)
    own = Layer(id=rt.store.container_layer(container.id), parent=base.top_layer)
    top = base.top_layer
    if base.store:
        from ..store.localize import adopt_layers

        top = adopt_layers(rt.store, base)  # the new image must not need a store that may go
    pieces = Pieces(iter(rt.store.diff(own)))
    return rt.store.put_layer(top, pieces)  # type: ignore[arg-type]


def _store(
    rt: Runtime,
    container: Container,
    base: Image,
    layer: Layer,
    target: str,
    options: CommitOptions,
    progress: Callable[[str], None],
) -> str:
    document = _document(rt, container, base, layer, options)
    from ..kit.fastjson import dumps

    config = dumps(document).encode()
    digest = manifest.sha256(config)
    progress(f"Copying config {digest}")
    progress("Writing manifest to image destination")
    layers = [layer] if options.squash else [*_chain(rt, base), layer]
    rt.store.create_image(
        digest.partition(":")[2],
        names=[target] if target else [],
        top_layer=layer.id,
        config=config,
        manifest=_manifest(config, layers, options.format),
        created=document["created"],
    )
    progress("Storing signatures")
    return digest.partition(":")[2]


def _chain(rt: Runtime, image: Image) -> list[Layer]:
    return list(reversed(rt.store.image_layers(image))) if image.top_layer else []


def _document(
    rt: Runtime, container: Container, base: Image, layer: Layer, options: CommitOptions
) -> dict[str, Any]:
    """The new config: the base image's, what the container was told, and the changes."""
    old = rt.store.image_config(base)
    created = image_config.timestamp_ns(time.time_ns())
    config = _container_config(container, old.get("config") or {}, options)
    config = image_changes.apply_changes({**config, **options.config}, options.changes)
    entry: dict[str, Any] = {"created": created, "created_by": " ".join(container.argv)}
    if options.author:
        entry["author"] = options.author
    # Podman notes there where the container came from.
    entry["comment"] = options.message or f"FROM {container.image.name or base.id}"
    diff_ids = [] if options.squash else image_config.diff_ids(old)
    document: dict[str, Any] = {
        key: old[key] for key in ("architecture", "variant", "os") if old.get(key)
    }
    document["created"] = created
    if options.author or old.get("author"):
        document["author"] = options.author or old["author"]
    if options.message:
        document["comment"] = options.message
    document["config"] = config
    document["rootfs"] = {"type": "layers", "diff_ids": [*diff_ids, layer.diff_digest]}
    document["history"] = [entry] if options.squash else [*(old.get("history") or []), entry]
    return document


def _container_config(
    container: Container, config: dict[str, Any], options: CommitOptions
) -> dict[str, Any]:
    process = container.process
    result = dict(config)
    # The engine's own mark is no part of the image.
    env = {key: value for key, value in process.env.items() if key != "container"}
    settings: dict[str, Any] = {
        "Env": [f"{key}={value}" for key, value in env.items()],
        "Entrypoint": list(process.entrypoint or ()),
        "Cmd": list(process.command),
        "Labels": {**(config.get("Labels") or {}), **container.labels},
        "User": process.user,
        "WorkingDir": process.workdir,
    }
    result.update((key, value) for key, value in settings.items() if value)
    # Both are the container's: with its own entrypoint the image's command is gone.
    for key, value in (("Entrypoint", process.entrypoint), ("Cmd", process.command)):
        if not value:
            result.pop(key, None)
    ports = [*(f"{p.container_port}/{p.protocol}" for p in container.network.ports)]
    if ports:
        result["ExposedPorts"] = {
            **(config.get("ExposedPorts") or {}),
            **{port: {} for port in ports},
        }
    # The image's own volumes are in its config; of the user's the anonymous ones are kept by default.
    places = [
        mount.destination
        for mount in container.mounts
        if options.include_volumes or (mount.anonymous and not mount.from_image)
    ]
    if places:
        result["Volumes"] = {**(config.get("Volumes") or {}), **{place: {} for place in places}}
    return result


def _manifest(config: bytes, layers: list[Layer], format: str) -> bytes:
    docker = format == "docker"
    described = manifest.Descriptor(
        media_type=manifest.DOCKER_CONFIG if docker else manifest.OCI_CONFIG,
        digest=manifest.sha256(config),
        size=len(config),
    )
    kind = manifest.DOCKER_LAYER if docker else manifest.OCI_LAYER
    blobs = [
        manifest.Descriptor(media_type=kind, digest=item.diff_digest, size=item.diff_size)
        for item in layers
    ]
    if docker:
        return manifest.docker_manifest(described, blobs)
    return manifest.oci_manifest(described, blobs, {})


def _drop(rt: Runtime, layer: Layer) -> None:
    try:
        rt.store.delete_layer(layer.id)
    except StorageError:
        return  # an image has it already
