"""``load``: images from an archive or a directory."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Load and print what was loaded."""
    from ...engine.images_copy import quiet
    from ...engine.images_load import load_path, load_stream

    progress = quiet if opts.quiet else ctx.err
    if opts.input:
        names = load_path(ctx.rt, opts.input, progress, opts.signature_policy)
    else:
        import os

        from ...errors import UsageError

        if os.isatty(0):
            raise UsageError(
                "cannot read from terminal, use command-line redirection or the --input flag"
            )
        stdin = os.fdopen(os.dup(0), "rb", buffering=0)
        names = load_stream(ctx.rt, stdin, "stdin", progress, opts.signature_policy)
    ctx.out("".join(f"Loaded image: {name}\n" for name in names), end="")
    return 0


COMMAND = Command(
    path="load",
    summary="Load image(s) from a tar archive",
    usage="[options]",
    long="Loads images into local storage: archives of docker save and of OCI layouts, compressed\n"
    "  or not, and directories in the OCI layout or the dir format.",
    flags=(
        Flag(
            "input", "i", type="string", usage="Read from specified archive file (default: stdin)",
            complete="files",
        ),
        Flag("quiet", "q", usage="Suppress the output"),
        Flag("signature-policy", type="string", hidden=True),
    ),
    examples=("load -i image.tar", "load < image.tar.gz", "load -i ./layout-directory"),
    max_args=0,
    run=run,
)  # fmt: skip
