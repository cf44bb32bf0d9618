"""``volume rm``."""

from __future__ import annotations

from ...errors import NoSuchVolume, UsageError
from ..command import Command, Flag
from ..removing import remove_each, stop_timeout, time_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove volumes; exit 1 when one is not there, 2 when one is in use."""
    from ...engine.volumes_admin import remove_volume

    if bool(args) == opts.all:
        raise UsageError("choose either one or more volumes or all")
    timeout = stop_timeout(opts)
    names = [volume.name for volume in ctx.rt.records.volumes.all()] if opts.all else args

    def remove(name: str) -> str:
        return remove_volume(ctx.rt, name, force=opts.force, timeout=timeout)

    return remove_each(ctx, names, remove, missing=NoSuchVolume, force=opts.force)


COMMAND = Command(
    path="volume rm",
    summary="Remove one or more volumes",
    usage="[options] VOLUME [VOLUME...]",
    long="Remove one or more existing volumes.\n\n"
    "  By default only volumes that are not being used by any containers will be removed. To "
    "remove the volumes anyways, use the --force flag.",
    flags=(
        Flag("all", "a", usage="Remove all volumes"),
        Flag(
            "force",
            "f",
            usage="Remove a volume by force, even if it is being used by a container",
        ),
        time_flag(),
    ),
    examples=(
        "volume rm myvol1 myvol2",
        "volume rm --all",
        "volume rm --force myvol",
    ),
    aliases=("remove",),
    complete_args="volumes...",
    run=run,
)
