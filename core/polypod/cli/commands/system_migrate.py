"""``system migrate``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Move the state to another backend."""
    from ...engine.system_migrate import migrate
    from ...errors import UsageError

    if not opts.to:
        names = ", ".join(ctx.rt.composition.installed["state"])
        raise UsageError(f"system migrate needs --to BACKEND; installed are {names}")
    done = migrate(ctx.rt, opts.to, None if opts.quiet else ctx.err)
    if done.source == done.target:
        ctx.out(f"the state is in backend {done.target} already ({done.records} records)")
    else:
        ctx.out(f"moved {done.records} records from backend {done.source} to {done.target} ({done.path})")
    return 0


COMMAND = Command(
    "system migrate",
    "Move the state to another backend",
    run,
    usage="[options]",
    long=(
        "Copies all records into another state backend, verifies the copy and then switches to"
        " it for all further commands. Can be interrupted and repeated at any time; the old"
        " backend's files stay as they are. An explicit --state-backend still reaches them."
    ),
    flags=(
        Flag("to", type="string", usage="Name of the `backend` to move to", metavar="backend"),
        Flag("quiet", "q", usage="Do not show progress"),
    ),
    examples=("system migrate --to kv", "--state-backend sqlite system migrate --to json"),
    max_args=0,
)
