"""Finds an image of the local store by whatever a user may call it. Hot: ``run IMAGE`` comes here.

The order is libimage's: full ID or ``sha256:ID``; the names that a short name may
stand for; an ID prefix; a name that ends in the short one.
"""

from __future__ import annotations

from ..errors import NoSuchImage, UsageError
from ..oci import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.image import Image
    from .runtime import Runtime

TRANSPORT = "containers-storage:"


def lookup(rt: Runtime, name: str) -> tuple[Image, str]:
    """The image and the full name (or ID) by which it was found; raises ``NoSuchImage``."""
    try:
        return find(rt.store.images(), name)
    except NoSuchImage:
        rt.store.refuse_detached(lambda images: find(images, name)[0], name)
        raise


def lookup_instance(rt: Runtime, name: str) -> tuple[Image, str]:
    """:func:`lookup`, but of a manifest list the local image for this host's platform."""
    image, resolved = lookup(rt, name)
    return of_platform(rt, image), resolved


def of_platform(
    rt: Runtime, image: Image, platform: tuple[str, str, str] = ("", "", "")
) -> Image:
    """The image itself, or of a manifest list its image for ``(os, architecture, variant)``.

    "" stands for this host's. ``NoSuchImage`` when the list has none, or it is not in the store.
    """
    if image.top_layer:
        return image
    from .manifests import instance, is_list

    return instance(rt, image, platform) if is_list(rt, image) else image


def exists(rt: Runtime, name: str) -> bool:
    """Whether the image is there; a malformed name raises ``UsageError``."""
    try:
        lookup(rt, name)
    except NoSuchImage:
        return False
    return True


def find(images: list[Image], name: str) -> tuple[Image, str]:
    """:func:`lookup` in a list that the caller has read already."""
    name = name.removeprefix(TRANSPORT)
    digits = name.removeprefix("sha256:")
    if name.startswith("sha256:") and not reference.is_id(digits):
        raise UsageError(f"{name}: invalid format: no 64-byte hexadecimal value")
    if reference.is_id(digits):
        for image in images:
            if image.id == digits:
                return image, name
        raise NoSuchImage(f"{name}: image not known")
    try:
        wanted = reference.parse(name)
    except UsageError as error:
        raise UsageError(f'parsing reference "{name}": {error}') from None
    found = _by_names(images, wanted) or _by_prefix(images, name) or _by_suffix(images, wanted)
    if found is None:
        raise NoSuchImage(f"{name}: image not known")
    return found


def _by_names(images: list[Image], wanted: reference.Reference) -> tuple[Image, str] | None:
    # Of stores that have the same name, the first one counts: the writable one.
    owners = {name: image for image in reversed(images) for name in image.names}
    if not owners:
        return None
    for candidate in _candidates(owners, wanted):
        full = str(candidate)
        if full in owners:
            return owners[full], full
        if candidate.digest:
            image = _by_digest(images, candidate)
            if image is not None:
                return image, full
    return None


def _candidates(
    owners: dict[str, Image], wanted: reference.Reference
) -> Iterator[reference.Reference]:
    """What the name may stand for; files are read only as far as they can matter."""
    if not reference.is_short(wanted):
        yield from reference.candidates(wanted)
        return
    from ..oci import image_shortnames

    alias = image_shortnames.alias(wanted.name)
    yield from reference.candidates(wanted, alias)[:-1]
    # Where one name alone ends in the short one, the search list cannot choose another.
    ending = f"/{reference.with_tag(wanted)}"
    several = sum(name.endswith(ending) for name in owners) > 1
    if wanted.digest or several or reference.is_hex(wanted.name):
        yield from reference.candidates(wanted, "", image_shortnames.search_registries())
    yield reference.candidates(wanted)[-1]


def _by_digest(images: list[Image], candidate: reference.Reference) -> Image | None:
    """An image of that manifest digest that has a name in the same repository."""
    for image in images:
        if candidate.digest in digests(image):
            for name in image.names:
                if reference.parse(name).name == candidate.name:
                    return image
    return None


def digests(image: Image) -> tuple[str, ...]:
    """All manifest digests by which the image is known."""
    return image.digests or ((image.digest,) if image.digest else ())


def _by_prefix(images: list[Image], name: str) -> tuple[Image, str] | None:
    if not reference.is_hex(name):
        return None
    matches = [image for image in images if image.id.startswith(name)]
    # As in containers/storage, an ambiguous prefix finds nothing.
    return (matches[0], name) if len({image.id for image in matches}) == 1 else None


def _by_suffix(images: list[Image], wanted: reference.Reference) -> tuple[Image, str] | None:
    """An image whose repository ends in the short name: ``a/b`` finds ``quay.io/x/a/b``."""
    if not reference.is_short(wanted):
        return None
    full = reference.with_tag(wanted)
    for image in images:
        for name in image.names:
            stored = reference.parse(name)
            if not f"/{stored.name}".endswith(f"/{full.name}"):
                continue
            if full.digest and full.digest in digests(image):
                return image, f"{stored.name}@{full.digest}"
            if full.tag and stored.tag == full.tag:
                return image, name
    return None
