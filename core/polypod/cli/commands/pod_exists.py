"""``pod exists``: answers with the exit code."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Return 1: there are no pods yet."""
    return 1


COMMAND = Command(
    path="pod exists",
    summary="Check if a pod exists in local storage",
    usage="POD",
    long="If the named pod exists, the exit code is 0, otherwise 1. Pods are not supported yet.",
    examples=("pod exists mypod || echo no such pod",),
    min_args=1,
    max_args=1,
    run=run,
)
