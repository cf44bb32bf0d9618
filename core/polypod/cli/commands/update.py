"""``update``."""

from __future__ import annotations

from ..command import Command
from ..container_flags import FLAGS
from ..resource_flags import UPDATABLE
from ..selecting import latest_flag, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_OTHERS = ("env", "restart", "ulimit", "unsetenv")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Change a container and print its ID."""
    from ...engine.resolve_limits import parse_ulimit
    from ...engine.update import Update, update
    from ...errors import UsageError
    from ..create_request import environment, parse_restart
    from ..resource_flags import changed_resources

    if bool(args) == opts.latest:
        raise UsageError("update requires a name, id, or the \"--latest\" flag" if not args else
                         "--latest and containers cannot be used together")  # fmt: skip
    restart, retries = parse_restart(opts.restart) if opts.changed("restart") else (None, 0)
    wanted = Update(
        resources=changed_resources(opts),
        restart=restart,
        restart_retries=retries,
        env=environment([], opts.env),
        unset_env=tuple(opts.unsetenv),
        ulimits=tuple(parse_ulimit(text) for text in opts.ulimit),
    )
    ((_, container_id),) = select(ctx, args, latest=opts.latest)
    ctx.out(update(ctx.rt, container_id, wanted).id)
    return 0


COMMAND = Command(
    "update",
    "Update an existing container",
    run,
    usage="[options] CONTAINER",
    long="Updates the configuration of an existing container: its limits at once, all else from its next start.",
    flags=(
        *(flag for flag in FLAGS if flag.name in UPDATABLE or flag.name in _OTHERS),
        latest_flag(),
    ),
    examples=("update --cpus=5 ctrID", "update --memory 512m --restart always ctrID"),
    max_args=1,
    complete_args="containers",
)
