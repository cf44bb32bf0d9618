"""``volume import``: a tar into a volume."""

from __future__ import annotations

from ..command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Extract a file, or stdin for ``-`` or nothing, over the volume's content."""
    import os

    from ...engine.volumes_import import import_volume
    from ...errors import PolypodError, UsageError

    source = args[1] if len(args) > 1 else "-"
    if source == "-" and os.isatty(0):
        raise UsageError("cannot read from terminal, use command-line redirection or name a file")
    name = ctx.rt.records.volumes.find(args[0]).name
    try:
        fd = os.dup(0) if source == "-" else os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise PolypodError(f"unable open input file: open {source}: {reason}") from None
    with os.fdopen(fd, "rb", buffering=0) as stream:
        import_volume(ctx.rt, name, stream)  # type: ignore[arg-type]
    return 0


COMMAND = Command(
    path="volume import",
    summary="Import a tarball contents into a volume",
    usage="VOLUME [SOURCE]",
    long="Puts the content of a tar archive, compressed or not, over that of an existing volume.\n"
    "  Files that the archive does not name stay.",
    examples=(
        "volume import myvol myvol.tar",
        "polypod volume export oldvol | polypod volume import newvol -",
    ),
    min_args=1,
    max_args=2,
    complete_args="volumes files",
    run=run,
)
