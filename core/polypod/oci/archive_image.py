"""An image outside the store: what every archive format is read into.

The formats: :mod:`archive_oci` (layout directory or tar), :mod:`archive_docker`
(``docker save``), :mod:`archive_dir` (containers/image's ``dir:``).
"""

from __future__ import annotations

from ..model.struct import Struct
from . import image_config, image_config_check, manifest
from .archive_files import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any

    from .reference import Reference


class LayerBlob:
    """A layer as it lies in the archive, perhaps compressed.

    ``digest`` is that of the bytes that ``open()`` gives, "" when it is not known;
    ``size`` their number; ``diff_id`` the digest that they must have uncompressed.
    """

    __slots__ = ("diff_id", "digest", "media_type", "open", "size")

    def __init__(
        self,
        *,
        diff_id: str,
        digest: str,
        size: int,
        media_type: str,
        open: Callable[[], IO[bytes]],
    ) -> None:
        self.diff_id = diff_id
        self.digest = digest
        self.size = size
        self.media_type = media_type
        self.open = open


def no_signatures() -> list[bytes]:
    """What the formats that cannot hold signatures have of them."""
    return []


class Origin(Struct):
    """Where an image comes from: what policy.json judges it by, and messages name.

    ``transport`` as in policy.json, "" for none; ``location`` the path of its file or
    directory, "" when it came through a pipe; ``reference`` its full name in a
    registry, without mirrors. ``signatures`` fetches the signatures of the image's manifest, in
    the form of :mod:`polypod.registry.signature_blob`.
    """

    transport: str = ""
    location: str = ""
    reference: Reference | None = None
    signatures: Callable[[], list[bytes]] = staticmethod(no_signatures)


class ArchiveImage:
    """One image of an archive: config, layers, names, and the manifest where the format has one.

    ``on_fork`` is called in a forked process before layers are opened there.
    """

    __slots__ = ("config", "document", "layers", "manifest", "names", "on_fork", "origin")

    def __init__(
        self,
        *,
        config: bytes,
        layers: list[LayerBlob],
        manifest: bytes,
        names: list[str],
        on_fork: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self.document: dict[str, Any] = read_config(config)
        self.layers = layers
        self.manifest = manifest  # b"": to be made when the layers' sizes are known
        self.names = names
        self.on_fork = on_fork
        self.origin = Origin()

    @property
    def id(self) -> str:
        """The image ID: 64 hex digits of the config's digest."""
        return manifest.sha256(self.config).partition(":")[2]

    @property
    def created(self) -> str:
        """RFC 3339 time of creation, "" when the config does not tell."""
        return str(self.document.get("created") or "")


def read_config(data: bytes) -> dict[str, Any]:
    """Decode a config; raise ``FormatError`` for a bad one."""
    try:
        document = image_config.parse_config(data)
        image_config_check.check(document)
    except ValueError as error:
        raise FormatError(f"parsing image config: {error}") from None
    for diff_id in image_config.diff_ids(document):
        if not manifest.is_digest(diff_id):
            raise FormatError(f'image config has an invalid diffID "{diff_id}"')
    return document


def from_manifest(
    data: bytes,
    read: Callable[[str], bytes],
    open_blob: Callable[[str], IO[bytes]],
    names: list[str],
) -> ArchiveImage:
    """Build from a manifest; ``read(digest)`` and ``open_blob(digest)`` give the blobs."""
    try:
        parsed = manifest.parse(data)
    except ValueError as error:
        raise FormatError(f"parsing manifest: {error}") from None
    if parsed.is_index or parsed.config is None:
        raise FormatError("manifest lists other manifests where an image is expected")
    config = read(parsed.config.digest)
    if manifest.sha256(config) != parsed.config.digest:
        raise FormatError(f"config blob does not match its digest {parsed.config.digest}")
    diff_ids = image_config.diff_ids(read_config(config))
    if len(diff_ids) != len(parsed.layers):
        raise FormatError(
            f"manifest has {len(parsed.layers)} layers, but the config lists {len(diff_ids)}"
        )
    layers = [
        LayerBlob(
            diff_id=diff_id,
            digest=layer.digest,
            size=layer.size,
            media_type=layer.media_type,
            open=lambda digest=layer.digest: open_blob(digest),  # type: ignore[misc]
        )
        for diff_id, layer in zip(diff_ids, parsed.layers, strict=True)
    ]
    return ArchiveImage(config=config, layers=layers, manifest=data, names=names)
