"""An image on its way out: its documents, and its layers as they lie at the source.

Every destination (registry, archive, directory) takes this form; sources make it.
"""

from __future__ import annotations

from . import convert, manifest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .manifest import Descriptor


class OutLayer:
    """One layer, or one blob of an artifact.

    ``listed`` is how the image's manifest describes it. ``chunks()`` gives the bytes that
    the source has: with ``plain`` the uncompressed tar (digest ``diff_id``, ``plain_size``
    bytes, -1 when unknown), else the very bytes that ``listed`` describes. ``known`` are other
    forms that the same content is known to have, the likeliest first.
    """

    __slots__ = ("chunks", "diff_id", "known", "listed", "plain", "plain_size")

    def __init__(
        self,
        listed: Descriptor,
        chunks: Callable[[], Iterable[bytes]],
        *,
        plain: bool = False,
        diff_id: str = "",
        plain_size: int = -1,
        known: Iterable[Descriptor] = (),
    ) -> None:
        self.listed = listed
        self.chunks = chunks
        self.plain = plain
        self.diff_id = diff_id
        self.plain_size = plain_size
        self.known = list(known)

    @property
    def digest(self) -> str:
        """The digest of what ``chunks()`` gives."""
        return self.diff_id if self.plain else self.listed.digest

    @property
    def size(self) -> int:
        """The number of bytes that ``chunks()`` gives, -1 when unknown."""
        return self.plain_size if self.plain else self.listed.size

    @property
    def algorithm(self) -> str:
        """How ``chunks()`` is compressed, "" for a plain tar and for blobs of other kinds."""
        return "" if self.plain else convert.algorithm_of(self.listed.media_type)

    def checked(self) -> Iterator[bytes]:
        """The bytes; raises ``ValueError`` at their end when they are not those of ``digest``."""
        import hashlib

        name, _, digits = self.digest.partition(":")
        digest = hashlib.new(name)
        for chunk in self.chunks():
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != digits:
            found = f"{name}:{digest.hexdigest()}"
            if self.plain:
                raise ValueError(f"layer {self.digest} was changed: its files give {found}")
            raise ValueError(f"blob {self.digest} is damaged: its content is {found}")


class OutImage:
    """One image or artifact. ``config`` is the config blob, ``names`` full references.

    ``signatures()`` gives the signatures of the manifest that the source has.
    The layers of an ``artifact`` are something else than an image's: they are copied as they are.
    """

    __slots__ = (
        "config", "is_artifact", "layers", "listed_config", "manifest", "names", "signatures",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes,
        config: bytes,
        layers: list[OutLayer],
        listed_config: Descriptor,
        names: Iterable[str] = (),
        artifact: bool = False,
    ) -> None:
        self.manifest = data
        self.config = config
        self.layers = layers
        self.listed_config = listed_config
        self.names = list(names)
        self.signatures: Callable[[], list[bytes]] = list
        known = ("", manifest.OCI_CONFIG, manifest.DOCKER_CONFIG)
        self.is_artifact = artifact or listed_config.media_type not in known

    @property
    def kind(self) -> str:
        """The manifest's media type."""
        return manifest.parse(self.manifest).media_type
