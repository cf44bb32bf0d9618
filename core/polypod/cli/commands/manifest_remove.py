"""``manifest remove``: takes an instance out of a list."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove and print the list's ID."""
    from ...engine.manifests import remove_instance

    ctx.out(remove_instance(ctx.rt, args[0], args[1]))
    return 0


COMMAND = Command(
    path="manifest remove",
    summary="Remove an item from a manifest list or image index",
    usage="LIST IMAGE",
    long="Removes an item from a manifest list or image index, by its digest.",
    examples=(
        "manifest remove mylist:v1.11 "
        "sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736",
    ),
    min_args=2,
    max_args=2,
    complete_args="images none",
    run=run,
)
