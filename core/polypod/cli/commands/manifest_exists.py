"""``manifest exists``: answers with the exit code."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Return 0 when the list is there, 1 when not."""
    from ...engine.manifests import exists

    return 0 if exists(ctx.rt, args[0]) else 1


COMMAND = Command(
    path="manifest exists",
    summary="Check if a manifest list exists in local storage",
    usage="MANIFEST",
    long="If the manifest list exists in local storage, the exit code is 0, otherwise 1.",
    examples=("manifest exists mylist", "manifest exists mylist && echo there"),
    min_args=1,
    max_args=1,
    complete_args="images",
    run=run,
)
