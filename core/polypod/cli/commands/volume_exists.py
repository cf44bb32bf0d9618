"""``volume exists``: answers with the exit code."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Return 0 when the volume is there, 1 when not."""
    from ...engine.volumes_admin import volume_exists

    return 0 if volume_exists(ctx.rt, args[0]) else 1


COMMAND = Command(
    path="volume exists",
    summary="Check if volume exists",
    usage="VOLUME",
    long="If the given volume exists, the exit code is 0, otherwise 1.",
    examples=("volume exists myvol", "volume exists myvol || polypod volume create myvol"),
    min_args=1,
    max_args=1,
    complete_args="volumes",
    run=run,
)
