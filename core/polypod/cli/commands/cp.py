"""``cp``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Copy files between containers and the host."""
    from ...engine.cp import archive, copy, extract
    from ...errors import UsageError

    source, target = _parse(args[0]), _parse(args[1])
    if not source[1] or not target[1]:
        raise UsageError(f'invalid arguments "{args[0]}", "{args[1]}": you must specify paths')
    if args[0] == "-":
        import sys

        extract(ctx.rt, sys.stdin.buffer, target, chown=opts.archive)
    elif args[1] == "-":
        try:
            archive(ctx.rt, source, 1)
        except BrokenPipeError:
            return 0  # whoever reads has seen enough
    elif not source[0] and not target[0]:
        raise UsageError('container "" does not exist')
    else:
        copy(ctx.rt, source, target, chown=opts.archive, overwrite=opts.overwrite)
    return 0


def _parse(text: str) -> tuple[str, str]:
    """``[CONTAINER:]PATH``; what begins with a dot or a slash is a path of the host."""
    if text[:1] in (".", "/"):
        return "", text
    name, colon, path = text.partition(":")
    return (name, path) if colon else ("", text)


COMMAND = Command(
    "cp",
    "Copy files/folders between a container and the local filesystem",
    run,
    usage="[options] [CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
    long=(
        "Copy the contents of SRC_PATH to the DEST_PATH.\n\n"
        "  You can copy from the container's file system to the local machine or the reverse, from the"
        " local filesystem to the container. If \"-\" is specified for either the SRC_PATH or DEST_PATH,"
        " you can also stream a tar archive from STDIN or to STDOUT. The CONTAINER can be a running or"
        " stopped container. The SRC_PATH or DEST_PATH can be a file or a directory."
    ),
    flags=(
        Flag(
            "archive",
            "a",
            default=True,
            usage="Chown copied files to the primary uid/gid of the destination container",
        ),
        Flag("extract", hidden=True, usage="Deprecated"),
        Flag("overwrite", usage="Allow to overwrite directories with non-directories and vice versa"),
        Flag("pause", default=True, hidden=True, usage="Deprecated"),
    ),
    examples=("cp /myapp/app.conf ctrID:/myapp/app.conf", "cp ctrID:/var/log/. logs", "cp - ctrID:/srv < data.tar"),
    min_args=2,
    max_args=2,
    complete_args="copy copy",
)  # fmt: skip
