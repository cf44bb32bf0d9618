"""``unmount``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import check_args, latest_flag, report, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Unmount containers and print what was typed."""
    from ...engine.containers_mount import find, mounted, unmount
    from ...errors import InvalidState, PolypodError

    check_args(args, all=opts.all, latest=opts.latest)
    targets = args
    if opts.latest:
        targets = [id for _, id in select(ctx, [], latest=True)]
    if opts.all:
        targets = [one["id"] for one in mounted(ctx.rt)]
    errors: list[Exception] = []
    for name in targets:
        try:
            unmount(ctx.rt, find(ctx.rt, name), force=opts.force)
            ctx.out(name)
        except PolypodError as error:
            if not (opts.all and isinstance(error, InvalidState)):  # running ones keep their mounts
                errors.append(error)
    return report(ctx, errors)


COMMAND = Command(
    "unmount",
    "Unmount working container's root filesystem",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long=(
        "Takes one user off each container's mount; the last one takes the mount down, and with --force"
        " each does. The root of a running container stays mounted."
    ),
    flags=(
        Flag("all", "a", usage="Unmount all of the currently mounted containers"),
        Flag("force", "f", usage="Force the complete unmount of the specified mounted containers"),
        latest_flag(),
    ),
    examples=("unmount ctrID", "unmount ctrID1 ctrID2 ctrID3", "unmount --all"),
    aliases=("umount",),
    complete_args="containers...",
)
