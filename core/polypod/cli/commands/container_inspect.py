"""``container inspect``."""

from __future__ import annotations

from ...errors import UsageError
from ..command import Command
from .inspect import FLAGS, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what is known of containers."""
    if opts.latest and args:
        raise UsageError("--latest and arguments cannot be used together")
    if opts.latest:
        from ..selecting import select

        args = [select(ctx, [], latest=True)[0][1]]
    elif not args:
        raise UsageError("no names or ids specified")
    return show(ctx, opts, args, "container")


COMMAND = Command(
    "container inspect",
    "Display the configuration of a container",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Displays the low-level information on a container identified by name or ID.",
    flags=FLAGS,
    examples=("container inspect myCtr", "container inspect -l --format '{{.Id}} {{.Config.Labels}}'"),
    complete_args="containers...",
)
