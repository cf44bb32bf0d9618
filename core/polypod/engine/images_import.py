"""``import``: makes an image of one layer from a tarball of a root file system."""

from __future__ import annotations

import os
import time

from ..errors import PolypodError, StorageError
from ..oci import image_changes, image_config, manifest
from ..oci.archive_image import Origin
from .events import emit
from .images_copy import io_reason, quiet
from .images_names import add_name, full_tag
from .trust import check_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from ..model.image import Layer
    from .runtime import Runtime


class ImportOptions:
    """What the image is to be: instructions, message, platform, name."""

    __slots__ = ("changes", "message", "platform", "reference", "signature_policy")

    def __init__(
        self,
        *,
        reference: str = "",
        changes: list[str] | None = None,
        message: str = "",
        platform: tuple[str, str, str] = ("", "", ""),
        signature_policy: str = "",
    ) -> None:
        self.reference = reference
        self.changes = changes or []
        self.message = message
        self.platform = platform  # os, architecture, variant; "" = the host's
        self.signature_policy = signature_policy  # instead of the host's policy.json


def import_path(
    rt: Runtime, source: str, options: ImportOptions, progress: Callable[[str], None] = quiet
) -> str:
    """Import a file, an http(s) URL or ``-`` (stdin); returns the image ID (64 hex digits)."""
    if source.startswith(("http://", "https://")):
        from .images_download import download

        progress(f'Downloading from "{source}"')
        with download(source, temp_dir(rt)) as file:
            return _named(rt, source, file, options, progress)
    if source == "-":
        with os.fdopen(os.dup(0), "rb", buffering=0) as file:
            return _named(rt, "-", file, options, progress)
    try:
        opened = open(source, "rb", buffering=0)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f'error opening file "{source}": open {source}: {reason}') from None
    with opened as file:
        # As podman has it: the same file gives the same image ID each time.
        created = image_config.timestamp_ns(os.fstat(file.fileno()).st_mtime_ns)
        return _named(rt, source, file, options, progress, created)


def _named(
    rt: Runtime,
    source: str,
    file: IO[bytes],
    options: ImportOptions,
    progress: Callable[[str], None],
    created: str = "",
) -> str:
    """Import, and let errors say what was imported."""
    try:
        return import_stream(rt, file, options, progress, created)
    except StorageError as error:
        raise type(error)(f'importing "{source}": {error}') from None
    except OSError as error:
        raise StorageError(f'importing "{source}": {io_reason(rt, error)}') from error


def temp_dir(rt: Runtime) -> str:
    """Where big temporary files go: TMPDIR, or the configured image_copy_tmp_dir."""
    configured = rt.settings.engine.image_copy_tmp_dir or "/var/tmp"
    if configured == "storage":
        configured = os.path.join(rt.graphroot, "tmp")
        os.makedirs(configured, 0o700, exist_ok=True)
    return os.environ.get("TMPDIR") or configured


def import_stream(
    rt: Runtime,
    stream: IO[bytes],
    options: ImportOptions,
    progress: Callable[[str], None] = quiet,
    created: str = "",
) -> str:
    """Import from an open tar stream, compressed or not; returns the image ID.

    ``created`` is the image's time of creation (RFC 3339), now when empty. The
    name and the instructions are checked, and policy.json asked, before anything is read.
    """
    config = image_changes.apply_changes({}, options.changes)
    if options.reference:
        full_tag(options.reference)
    progress("Getting image source signatures")
    check_origin(Origin(transport="tarball"), b"", options.signature_policy)
    layer = rt.store.put_layer("", stream)  # type: ignore[arg-type]
    progress(f"Copying blob {layer.compressed_digest or layer.diff_digest}")
    try:
        stamp = created or image_config.timestamp_ns(time.time_ns())
        image_id = _finish(rt, layer, config, options, stamp, progress)
    except BaseException:
        _drop(rt, layer)
        raise
    progress("Storing signatures")
    if options.reference:
        add_name(rt, image_id, options.reference)
    emit(rt, "image", "import", id=image_id, name=options.reference)
    return image_id


def _finish(
    rt: Runtime,
    layer: Layer,
    changed: dict[str, object],
    options: ImportOptions,
    created: str,
    progress: Callable[[str], None],
) -> str:
    config = image_config.new_config(
        config=changed,
        diff_id=layer.diff_digest,
        created=created,
        comment=options.message or "imported from tarball",
        platform=options.platform,
    )
    digest = manifest.sha256(config)
    progress(f"Copying config {digest}")
    progress("Writing manifest to image destination")
    rt.store.create_image(
        digest.partition(":")[2],
        names=[],
        top_layer=layer.id,
        config=config,
        manifest=_manifest(layer, config),
        created=created,
    )
    return digest.partition(":")[2]


# containers/storage's numbers for how a layer's blob was compressed. OCI has no media type
# for bzip2 and xz: such a layer is stated as what it unpacks to.
_SUFFIXES = {2: "+gzip", 4: "+zstd"}


def _manifest(layer: Layer, config: bytes) -> bytes:
    described = manifest.Descriptor(
        media_type=manifest.OCI_CONFIG, digest=manifest.sha256(config), size=len(config)
    )
    suffix = _SUFFIXES.get(layer.compression, "") if layer.compressed_digest else ""
    blob = manifest.Descriptor(
        media_type=manifest.OCI_LAYER + suffix,
        digest=layer.compressed_digest if suffix else layer.diff_digest,
        size=layer.compressed_size if suffix else layer.diff_size,
    )
    return manifest.oci_manifest(described, [blob], {})


def _drop(rt: Runtime, layer: Layer) -> None:
    try:
        rt.store.delete_layer(layer.id)
    except StorageError:
        # An image uses it: the same tarball was imported before.
        return
