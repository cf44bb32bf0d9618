"""``volume rm``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove volumes; exit 1 when one is not there, 2 when one is in use."""
    from ...engine.volumes_admin import remove_volume
    from ...errors import NoSuchVolume, PolypodError, UsageError

    if bool(args) == opts.all:
        raise UsageError("choose either one or more volumes or all")
    if opts.changed("time") and not opts.force:
        raise UsageError("--force option must be specified to use the --time option")
    timeout = opts.time if opts.changed("time") else None
    names = [volume.name for volume in ctx.rt.records.volumes.all()] if opts.all else args
    code = 0
    for name in names:
        try:
            removed = remove_volume(ctx.rt, name, force=opts.force, timeout=timeout)
        except NoSuchVolume as error:
            if not opts.force:
                ctx.err(f"Error: {error}")
                code = 1
        except PolypodError as error:
            ctx.err(f"Error: {error}")
            code = error.exit_code
        else:
            ctx.out(removed)
    return code


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
        Flag(
            "time",
            "t",
            "int",
            default=10,
            usage="Seconds to wait for running containers to stop before killing the container",
            aliases=("timeout",),
        ),
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
