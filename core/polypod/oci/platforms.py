"""Platforms: which image of an index runs where (image-spec image-index.md, and podman's rules)."""

from __future__ import annotations

from ..errors import UsageError
from . import image_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .manifest import Descriptor, Manifest

#: What users and other tools call an architecture, and its name and variant in images.
_ALIASES = {
    "x86_64": ("amd64", ""), "x86-64": ("amd64", ""), "i386": ("386", ""), "i686": ("386", ""),
    "aarch64": ("arm64", ""), "armhf": ("arm", "v7"), "armel": ("arm", "v6"),
}  # fmt: skip
#: Variants from the newest down: each runs what is made for those after it.
_VARIANTS = {
    "arm": ("v8", "v7", "v6", "v5"),
    "arm64": ("v9", "v8"),
    "amd64": ("v4", "v3", "v2", "v1"),
}
# What an image without a variant is made for.
_PLAIN = {("arm64", "v8"): "", ("amd64", "v1"): ""}


def parse_platform(text: str) -> tuple[str, str, str]:
    """``os[/arch[/variant]]`` as (os, architecture, variant), "" for what is left out."""
    parts = text.split("/")
    if len(parts) > 3 or not any(parts):
        raise UsageError(f'invalid platform "{text}": use OS/ARCH[/VARIANT], such as linux/arm64')
    system, architecture, variant = (*parts, "", "")[:3]
    return system.lower(), architecture.lower(), variant.lower()


def normalized(architecture: str, variant: str) -> tuple[str, str]:
    """Architecture and variant as images have them: ``aarch64`` is ``arm64``."""
    name, own = _ALIASES.get(architecture.lower(), (architecture.lower(), ""))
    return name, variant.lower() or own


def wanted(system: str, architecture: str, variant: str) -> tuple[str, str, str]:
    """The platform that is meant, with the host's for what was not said."""
    own_system, own_architecture, own_variant = image_config.host_platform()
    if not architecture:
        return system or own_system, own_architecture, variant or own_variant
    name, variant = normalized(architecture, variant)
    if not variant and name == own_architecture:
        variant = own_variant
    return system or own_system, name, variant


def _variants(architecture: str, variant: str) -> Iterator[str]:
    """Variants that will do, the best first."""
    known = _VARIANTS.get(architecture, ())
    if not variant:
        yield ""
        # As podman has it for arm; elsewhere what runs on most machines comes first.
        yield from known if architecture == "arm" else reversed(known)
        return
    start = known.index(variant) if variant in known else 0
    yield from known[start:] if variant in known else (variant,)
    yield ""


def choose(index: Manifest, system: str, architecture: str, variant: str) -> Descriptor:
    """The entry of an index for a platform; "" stands for the host's.

    Of several variants the newest is taken that the wanted one can run. Entries without a
    platform come last. Raises ``ValueError`` in podman's words when nothing fits.
    """
    system, architecture, variant = wanted(system, architecture, variant)
    for candidate in _variants(architecture, variant):
        for entry in index.manifests:
            if entry.platform and _facts(entry.platform) == (system, architecture, candidate):
                return entry
    for entry in index.manifests:
        if not entry.platform:
            return entry
    kind = "manifest list" if "docker" in index.media_type else "image index"
    raise ValueError(
        f'no image found in {kind} for architecture "{architecture}", variant "{variant}", OS "{system}"'
    )


def _facts(platform: dict[str, Any]) -> tuple[str, str, str]:
    architecture = str(platform.get("architecture", ""))
    variant = str(platform.get("variant", ""))
    return str(platform.get("os", "")), architecture, variant


def mismatch(document: dict[str, Any], system: str, architecture: str, variant: str) -> str:
    """podman's warning when an image's config is not for the platform that was meant, else ""."""
    expected = wanted(system, architecture, variant)
    own = _facts(document)
    if not own[1]:
        return ""
    own = (own[0] or expected[0], *normalized(own[1], own[2]))
    if own[:2] == expected[:2] and plain(own[1:]) in [
        plain((own[1], candidate)) for candidate in _variants(expected[1], expected[2])
    ]:
        return ""
    return (
        f"image platform ({shown(own)}) does not match the expected platform ({shown(expected)})"
    )


def plain(architecture: tuple[str, ...]) -> tuple[str, ...]:
    """An architecture and its variant, "" for the one that all have."""
    name, variant = architecture
    return name, _PLAIN.get((name, variant), variant)


def shown(platform: tuple[str, str, str]) -> str:
    """``os/arch[/variant]``."""
    return "/".join(filter(None, platform))
