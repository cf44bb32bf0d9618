"""``pod kill``: there are no pods yet."""

from __future__ import annotations

from ..command import Command, Flag
from ..pods import check_pods, report_missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Refuse a wrong signal, then say which pods are not there."""
    from ...engine.signals import parse_signal

    check_pods(args, all=opts.all, latest=opts.latest)
    parse_signal(opts.signal)
    return report_missing(ctx, args, latest=opts.latest)


COMMAND = Command(
    path="pod kill",
    summary="Send the specified signal or SIGKILL to containers in pod",
    usage="[options] POD [POD...]",
    long="Signals the first processes of a pod's containers. Pods are not supported yet.",
    flags=(
        Flag("all", "a", usage="Kill all containers in all pods"),
        Flag("latest", "l", usage="Act on the latest pod polypod is aware of"),
        Flag("signal", "s", "string", default="KILL", usage="Signal to send to the containers"),
    ),
    examples=("pod kill --signal TERM mypod",),
    run=run,
)
