"""Which image of an index is taken, for the engine's use cases; the rules are oci's."""

from __future__ import annotations

from ..errors import PolypodError
from ..oci import platforms
from ..oci.platforms import mismatch, normalized, parse_platform, shown, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.manifest import Descriptor, Manifest

__all__ = ["choose", "mismatch", "normalized", "parse_platform", "shown", "wanted"]


def choose(index: Manifest, system: str, architecture: str, variant: str) -> Descriptor:
    """:func:`polypod.oci.platforms.choose`; raises ``PolypodError`` when nothing fits."""
    try:
        return platforms.choose(index, system, architecture, variant)
    except ValueError as error:
        raise PolypodError(str(error)) from None
