"""``pull``: brings an image into the store from where a transport points.

Registries (``docker://`` or no transport at all), ``docker-archive:``, ``oci-archive:``, ``oci:``,
``dir:`` and ``containers-storage:``.
"""

from __future__ import annotations

from ..errors import ImageDetached, NoSuchImage, PolypodError, UsageError
from .events import emit
from .images_copy import quiet
from .images_lookup import lookup
from .pull_options import PullOptions, check_options, check_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image
    from .progress import Progress
    from .runtime import Runtime

    Report = Callable[[str], None] | Progress

__all__ = ["PullOptions", "check_policy", "ensure_image", "pull"]

_ARCHIVES = ("docker-archive", "oci-archive", "oci", "dir")
_OTHER = ("docker-daemon", "ostree", "sif", "tarball", "atomic")


def ensure_image(
    rt: Runtime,
    name: str,
    policy: str = "missing",
    progress: Report = quiet,
    options: PullOptions | None = None,
) -> tuple[Image, str]:
    """The image for ``run`` and ``create``, and the name that it is known by.

    The local one if the policy allows, else a pulled one; ``policy`` counts, not
    that of ``options``. Raises ``NoSuchImage`` in podman's words when it is
    absent and must not be pulled.
    """
    policy = check_policy(policy)
    options = check_options((options or PullOptions()).evolve(policy=policy))
    if not _transport(name) and policy != "always" and not options.custom_platform:
        try:
            found = lookup(rt, name)
        except NoSuchImage as error:
            # Another image of that name is not what was asked for.
            if policy == "never" or (policy == "missing" and isinstance(error, ImageDetached)):
                raise
        else:
            if policy != "newer":
                return found
    if _transport(name) in ("", "docker"):
        return _one(rt, name, options, progress)
    image = lookup(rt, pull(rt, name, options, progress)[0])[0]
    return image, image.names[0] if image.names else image.id


def pull(
    rt: Runtime,
    source: str,
    options: PullOptions | str = "always",
    progress: Report = quiet,
) -> list[str]:
    """Pull one source; returns the image IDs.

    ``options`` may be the policy alone, which counts for registries only.
    """
    if isinstance(options, str):
        options = PullOptions(policy=options)
    options = check_options(options)
    transport = _transport(source)
    if transport in ("", "docker"):
        if not options.all_tags:
            return [_one(rt, source, options, progress)[0].id]
        from .pull_registry import all_tags

        return [_one(rt, name, options, progress)[0].id for name in all_tags(source, options)]
    if options.all_tags:
        raise UsageError(f"pulling all tags is not supported for {transport} transport")
    rest = source.partition(":")[2]
    if transport == "containers-storage":
        return [lookup(rt, rest.rpartition("]")[2])[0].id]
    if transport in _OTHER:
        raise PolypodError(f"{source}: the {transport} transport is not supported")
    from .pull_archives import pull_archive

    ids = pull_archive(rt, transport, rest, options, progress)
    for image_id in ids:
        emit(rt, "image", "pull", id=image_id, name=source)
    return ids


def _transport(source: str) -> str:
    name, colon, rest = source.partition(":")
    if not colon:
        return ""
    if name == "docker":
        # docker:latest is an image of that name.
        return name if rest.startswith("//") else ""
    return name if name in (*_ARCHIVES, "containers-storage", *_OTHER) else ""


def _one(rt: Runtime, name: str, options: PullOptions, progress: Report) -> tuple[Image, str]:
    from .pull_registry import pull_name

    try:
        image, known_as, _ = pull_name(rt, name, options, progress)
    except PolypodError as error:
        if not isinstance(error, NoSuchImage):
            emit(rt, "image", "pull-error", name=name, error=str(error))
        raise
    emit(rt, "image", "pull", id=image.id, name=name)
    return image, known_as
