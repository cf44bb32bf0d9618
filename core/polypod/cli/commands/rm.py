"""``rm``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import SKIP, check_args, each, is_known, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove containers; exit 1 when one is not there, 2 when one runs or is needed."""
    from ...engine.remove import remove
    from ...errors import InUse, InvalidState, NoSuchContainer, UsageError

    if opts.changed("time") and not opts.force:
        raise UsageError("--force option must be specified to use the --time option")
    check_args(args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter)
    errors: list[Exception] = []
    ignore = opts.ignore or opts.force
    targets = select(
        ctx, args, all=opts.all, latest=opts.latest, cidfiles=opts.cidfile, filters=opts.filter,
        ignore=ignore, errors=errors,
    )  # fmt: skip
    errors[:] = _remove_external(ctx, opts, args, errors)
    gone: set[str] = set()

    def action(container_id: str) -> object:
        if container_id in gone:
            return SKIP
        try:
            removed = remove(
                ctx.rt,
                container_id,
                force=opts.force,
                volumes=opts.volumes,
                timeout=opts.time if opts.changed("time") else None,
                depend=opts.depend or opts.all,
            )
        except NoSuchContainer:
            if ignore or opts.all:
                return SKIP
            raise
        for other in removed[:-1]:
            ctx.out(other)
        gone.update(removed)
        return None

    code = each(ctx, targets, action, errors=errors)
    if opts.all:
        from ...engine.sweep import sweep

        sweep(ctx.rt)
    if any(isinstance(error, InvalidState) for error in errors):
        return 2
    if any(isinstance(error, InUse) for error in errors):
        return 125
    if errors and all(isinstance(error, NoSuchContainer) for error in errors):
        return 1
    return code


def _remove_external(
    ctx: Context, opts: Options, args: list[str], errors: list[Exception]
) -> list[Exception]:
    """Names that are not ours may be another tool's containers in the store."""
    from ...engine.external import find_external, remove_external
    from ...errors import NoSuchContainer, PolypodError

    left: list[Exception] = []
    names = [name for name in args if any(f'"{name}"' in str(error) for error in errors)]
    if opts.force:  # then unknown names left no error
        names = [name for name in args if not is_known(ctx, name)]
    for name in names:
        try:
            remove_external(ctx.rt, find_external(ctx.rt, name), force=opts.force)
            ctx.out(name)
        except NoSuchContainer:
            if not (opts.force or opts.ignore):
                left.append(
                    NoSuchContainer(f'no container with ID or name "{name}" found: no such container')
                )
        except PolypodError as error:
            left.append(error)
    return left + [error for error in errors if not isinstance(error, NoSuchContainer)]


COMMAND = Command(
    "rm",
    "Remove one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long=(
        "Removes one or more containers from the host. The container name or ID can be used.\n\n"
        "  Command does not remove images. Running or unusable containers will not be removed "
        "without the -f option."
    ),
    flags=(
        Flag("all", "a", usage="Remove all containers"),
        Flag("cidfile", type="array", usage="Read the container ID from the file", complete="files"),
        Flag("depend", usage="Remove container and all containers that depend on the selected container"),
        Flag("filter", type="array", usage="Filter output based on conditions given"),
        Flag("force", "f", usage="Force removal of a running or unusable container"),
        Flag("ignore", "i", usage="Ignore errors when a specified container is missing"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("time", "t", "int", default=10, usage="Seconds to wait for stop before killing the container", aliases=("timeout",)),
        Flag("volumes", "v", usage="Remove anonymous volumes associated with the container"),
    ),
    examples=("rm ctrID", "rm mywebserver myflaskserver 860a4b23", "rm --force --all", "rm -f ctrID"),
    complete_args="containers...",
)  # fmt: skip
