"""``volume export``: a volume's content as a tar."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Write the tar to a file or to stdout."""
    import os

    from ...engine.volumes_export import export_volume, export_volume_file
    from ...errors import UsageError

    if not opts.output and os.isatty(1):
        raise UsageError(
            "cannot write to terminal, use command-line redirection or the --output flag"
        )
    name = ctx.rt.records.volumes.find(args[0]).name
    if opts.output:
        export_volume_file(ctx.rt, name, opts.output)
    else:
        export_volume(ctx.rt, name, 1)
    return 0


COMMAND = Command(
    path="volume export",
    summary="Export volumes",
    usage="[options] VOLUME",
    long="Exports the content of a volume as a tar archive.",
    flags=(
        Flag(
            "output", "o", type="string", complete="files",
            usage="Write to a specified file (default: stdout, which must be redirected)",
        ),
    ),
    examples=("volume export myvol > myvol.tar", "volume export -o myvol.tar myvol"),
    min_args=1,
    max_args=1,
    complete_args="volumes",
    run=run,
)  # fmt: skip
