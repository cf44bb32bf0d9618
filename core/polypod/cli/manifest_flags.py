"""Flags that the ``manifest`` commands and ``push`` share, and what they mean."""

from __future__ import annotations

from ..errors import UsageError
from .command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.manifests_add import Marks
    from .parse import Options

INSECURE = Flag(
    "insecure", hidden=True,
    usage="Neither require HTTPS nor verify certificates when accessing the registry",
)  # fmt: skip
PLATFORM = (
    Flag("annotation", type="array", complete="none",
         usage="Set an annotation for the specified image"),
    Flag("arch", type="string", aliases=("override-arch",), complete="none",
         usage="Override the architecture of the specified image"),
    Flag("features", type="slice", complete="none",
         usage="Override the features of the specified image"),
    Flag("os", type="string", aliases=("override-os",), complete="none",
         usage="Override the OS of the specified image"),
    Flag("os-version", type="string", complete="none",
         usage="Override the OS version of the specified image"),
    Flag("variant", type="string", aliases=("override-variant",), complete="none",
         usage="Override the Variant of the specified image"),
)  # fmt: skip


def pairs(values: Sequence[str], wording: str) -> dict[str, str]:
    """``key=value`` texts as a dict; ``wording`` is the error for one without "=", with ``{}``."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(wording.format(text))
        found[key] = value
    return found


def marks_of(opts: Options, os_features: Sequence[str] = ()) -> Marks:
    """What to write on an instance."""
    from ..engine.manifests_add import Marks

    return Marks(
        annotations=pairs(opts.annotation, 'no value given for annotation "{}"'),
        arch=opts.arch,
        os=opts.os,
        variant=opts.variant,
        os_version=opts.os_version,
        os_features=os_features,
        features=opts.features,
    )
