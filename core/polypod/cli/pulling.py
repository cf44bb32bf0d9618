"""Images that ``run`` and ``create`` take straight from an archive or a directory."""

from __future__ import annotations

import os

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerCreate
    from .context import Context
    from .parse import Options

# What a source may be without a registry.
_FILES = ("docker-archive", "oci-archive", "oci", "dir")


def check_authfile(path: str) -> None:
    """Refuse an ``--authfile`` that cannot be opened, before anything is done."""
    try:
        os.stat(path)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise UsageError(f"credential file is not accessible: faccessat {path}: {reason}") from error


def with_local_image(ctx: Context, opts: Options, request: ContainerCreate) -> ContainerCreate:
    """Copy the image of ``docker-archive:FILE`` and its like into the store, and say so."""
    if request.rootfs or request.image.partition(":")[0] not in _FILES:
        return request
    from ..engine.images_copy import quiet
    from ..engine.images_lookup import lookup
    from ..engine.images_pull import pull
    from ..errors import NoSuchImage

    try:
        ctx.rt.store.find_image(request.image)
    except NoSuchImage:
        image_id = pull(ctx.rt, request.image, progress=quiet if opts.quiet else ctx.err)[0]
        image = lookup(ctx.rt, image_id)[0]
        return request.evolve(image=image.names[0] if image.names else image.id)
    return request  # an image of that name and tag, such as oci:latest
