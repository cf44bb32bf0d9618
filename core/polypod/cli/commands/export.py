"""``export``: a container's root file system as a tar."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Write the tar to a file or to stdout."""
    import os

    from ...engine.export import export, export_file
    from ...errors import UsageError

    if not opts.output and os.isatty(1):
        raise UsageError("refusing to export to terminal. Use -o flag or redirect")
    if ":" in opts.output:
        raise UsageError(f"invalid filename (should not contain ':') \"{opts.output}\"")
    container = ctx.rt.records.containers.find(args[0])
    if opts.output:
        export_file(ctx.rt, container, opts.output)
    else:
        export(ctx.rt, container, 1)
    return 0


COMMAND = Command(
    path="export",
    summary="Export container's filesystem contents as a tar archive",
    usage="[options] CONTAINER",
    long="Exports a container's root file system, without its volumes, as a tar archive.",
    flags=(
        Flag(
            "output", "o", type="string", complete="files",
            usage="Write to a specified file (default: stdout, which must be redirected)",
        ),
    ),
    examples=("export ctrID > myCtr.tar", 'export --output="myCtr.tar" ctrID'),
    min_args=1,
    max_args=1,
    complete_args="containers",
    run=run,
)  # fmt: skip
