"""``create``: make a container without starting it."""

from __future__ import annotations

import sys

from ..command import Command
from ..container_flags import FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Create one container and print its ID."""
    from ...engine.create import create
    from ..create_request import create_request, must_pull
    from .run import write_cidfile

    request = create_request(opts, args, tuple(sys.argv))
    if must_pull(ctx, opts, request):
        from ..pulling import with_image

        request = with_image(ctx, opts, request)
    container = create(ctx.rt, request)
    if opts.cidfile:
        write_cidfile(opts.cidfile, container.id)
    ctx.out(container.id)
    return 0


COMMAND = Command(
    "create",
    "Create but do not start a container",
    run,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    long=(
        "Creates a new container from the given image or storage and prepares it for running the "
        "specified command. The container ID is then printed to stdout. You can then start it at "
        "any time with the start command."
    ),
    flags=FLAGS,
    examples=(
        "create alpine ls",
        "create --annotation HELLO=WORLD alpine ls",
        "create -t -i --name myctr alpine ls",
    ),
    interspersed=False,
    min_args=1,
    complete_args="images imagepaths...",
)
