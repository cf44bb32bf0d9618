"""``pod rm``: there are no pods yet, so only named ones are an error."""

from __future__ import annotations

from ..command import Command, Flag
from ..pods import check_pods, report_missing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Say which pods are not there; ``--all`` and ``--ignore`` have nothing to do."""
    check_pods(args, all=opts.all, latest=opts.latest, id_files=opts.pod_id_file)
    if opts.changed("time") and not opts.force:
        from ...errors import UsageError

        raise UsageError("the --force option must be specified to use the --time option")
    return report_missing(
        ctx, args, latest=opts.latest, id_files=opts.pod_id_file, ignore=opts.ignore
    )


COMMAND = Command(
    path="pod rm",
    summary="Remove one or more stopped pods and their containers",
    usage="[options] POD [POD...]",
    long="Removes pods and their containers. Pods are not supported yet, so there are none.",
    flags=(
        Flag("all", "a", usage="Remove all pods"),
        Flag("force", "f", usage="Stop and remove the containers of the pods first"),
        Flag("ignore", "i", usage="Ignore errors when a specified pod is missing"),
        Flag("latest", "l", usage="Remove the latest pod polypod is aware of"),
        Flag("pod-id-file", type="array", usage="Read the pod ID from the file", complete="files"),
        Flag("time", "t", "int", usage="Seconds to wait for pods to stop before killing them"),
    ),
    examples=("pod rm --all --force", "pod rm --ignore mypod"),
    aliases=("remove",),
    run=run,
)
