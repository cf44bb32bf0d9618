"""``manifest inspect``: shows a local list, or one in a registry."""

from __future__ import annotations

from ..command import Command, Flag
from ..manifest_flags import INSECURE
from ..registry_flags import AUTHFILE, TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the list as JSON."""
    from ...engine.manifests_add import inspect
    from ...kit.fastjson import dumps
    from ...oci.manifest import DOCKER_MANIFEST
    from ..registry_flags import access_of

    document = inspect(ctx.rt, args[0], access_of(ctx, opts))
    if document["mediaType"] == DOCKER_MANIFEST:
        ctx.err(f"WARN: the manifest type {DOCKER_MANIFEST} is not a manifest list but a single image")
    ctx.out(dumps(document, indent=4))
    return 0


COMMAND = Command(
    path="manifest inspect",
    summary="Display the contents of a manifest list or image index",
    usage="[options] IMAGE",
    long="Displays the contents of a manifest list or image index, in local storage or a registry.",
    flags=(
        AUTHFILE,
        INSECURE,
        TLS_VERIFY,
        Flag("verbose", "v", hidden=True, usage="Added for Docker compatibility"),
    ),
    examples=("manifest inspect localhost/list",),
    min_args=1,
    max_args=1,
    complete_args="images",
    run=run,
)
