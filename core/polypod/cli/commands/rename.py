"""``rename``."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Rename a container."""
    from ...engine.rename import rename

    rename(ctx.rt, ctx.rt.records.containers.find(args[0]), args[1])
    return 0


COMMAND = Command(
    "rename",
    "Rename an existing container",
    run,
    usage="CONTAINER NAME",
    long="The rename command allows you to rename an existing container",
    examples=("rename containerA newName",),
    min_args=2,
    max_args=2,
    complete_args="containers",
)
