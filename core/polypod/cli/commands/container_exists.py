"""``container exists``."""

from __future__ import annotations

from ...errors import NoSuchContainer
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Exit 0 when the container exists, 1 when not."""
    try:
        ctx.rt.records.containers.find(args[0])
    except NoSuchContainer:
        return 0 if opts.external and _external(ctx, args[0]) else 1
    return 0


def _external(ctx: Context, name: str) -> bool:
    from ...engine.external import find_external

    try:
        find_external(ctx.rt, name)
    except NoSuchContainer:
        return False
    return True


COMMAND = Command(
    "container exists",
    "Check if a container exists in local storage",
    run,
    usage="[options] CONTAINER",
    long="If the named container exists in local storage, exits with 0, otherwise the exit code will be 1.",
    flags=(Flag("external", usage="Check external storage containers as well as polypod containers"),),
    examples=("container exists --external containerID", "container exists myctr || polypod run --name myctr IMAGE"),
    min_args=1,
    max_args=1,
    complete_args="containers",
)  # fmt: skip
