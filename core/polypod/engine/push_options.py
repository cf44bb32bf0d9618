"""What a push can be told."""

from __future__ import annotations

from ..errors import UsageError
from ..model.struct import Struct
from ..oci import compress, convert
from ..registry.access import Access
from .sign import SignOptions

FORMATS = {"": "", "oci": "oci", "v2s2": "v2s2", "docker": "v2s2"}


class PushOptions(Struct):
    """How an image is written elsewhere; the meaning of podman-push(1)'s flags.

    ``format`` is "" (as the image is), ``oci`` or ``v2s2``. ``compression`` is "" (gzip, and
    whatever the destination has already), ``gzip``, ``zstd`` or ``zstd:chunked``. ``force``
    refuses layers that the destination has in another compression. ``compress`` concerns
    ``dir:`` only. ``add_compression`` and ``all`` concern manifest lists.
    """

    access: Access = Access()
    format: str = ""
    compression: str = ""
    level: int | None = None
    force: bool = False
    compress: bool = False
    remove_signatures: bool = False
    sign: SignOptions = SignOptions()
    all: bool = True
    add_compression: tuple[str, ...] = ()

    def checked(self) -> PushOptions:
        """The same with canonical words; ``UsageError`` for a value that does not exist."""
        if self.format == "v2s1":
            raise UsageError(
                "the format v2s1 is not supported: registries have dropped it; use v2s2 or oci"
            )
        if self.format not in FORMATS:
            raise UsageError(
                f'unknown format "{self.format}". Choose one of the supported formats: '
                "'oci' or 'v2s2'"
            )
        if self.compression:
            compress.check(self.compression, self.level)
        for name in self.add_compression:
            compress.check(name, None)
        return self.evolve(format=FORMATS[self.format])

    @property
    def kind(self) -> str:
        """The media type of manifests that was asked for, "" for none."""
        return convert.FORMATS.get(self.format, "")

    @property
    def list_kind(self) -> str:
        """The media type of lists that was asked for, "" for none."""
        return convert.LISTS.get(self.format, "")
