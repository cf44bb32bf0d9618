"""``artifact rm``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove artifacts and print their digests."""
    from ...engine.artifacts import remove_artifacts
    from ...errors import UsageError

    if opts.all and args:
        raise UsageError(
            "when using the --all switch, you may not pass any artifact names or digests"
        )
    if not opts.all and not args:
        raise UsageError("at least one artifact name or digest must be specified")
    for digest in remove_artifacts(ctx.rt, args, all=opts.all, ignore=opts.ignore):
        ctx.out(digest.partition(":")[2])
    return 0


COMMAND = Command(
    path="artifact rm",
    summary="Remove one or more OCI artifacts",
    usage="[options] ARTIFACT [ARTIFACT...]",
    long="Remove one or more OCI artifacts from local storage",
    flags=(
        Flag("all", "a", usage="Remove all artifacts"),
        Flag("ignore", "i", usage="Ignore error if artifact does not exist"),
    ),
    examples=(
        "artifact rm quay.io/myimage/myartifact:latest",
        "artifact rm -a",
        "artifact rm c4dfb1609ee2 93fd78260bd1 c0ed59d05ff7",
        "artifact rm -i c4dfb1609ee2",
    ),
    complete_args="artifacts...",
    run=run,
)
