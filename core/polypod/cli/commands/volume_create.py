"""``volume create``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Create a volume and print its name."""
    from ...engine.volumes_admin import create_volume

    volume = create_volume(
        ctx.rt,
        args[0] if args else "",
        driver=opts.driver,
        labels=_pairs(opts.label, "labels"),
        options=_pairs(opts.opt, "options"),
        uid=opts.uid if opts.changed("uid") else None,
        gid=opts.gid if opts.changed("gid") else None,
        ignore=opts.ignore,
    )
    ctx.out(volume.name)
    return 0


def _pairs(texts: list[str], what: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, _, value = text.partition("=")
        if not key:
            from ...errors import UsageError

            raise UsageError(f"unable to process {what}: invalid format {text!r}, use KEY=VALUE")
        pairs[key] = value
    return pairs


COMMAND = Command(
    path="volume create",
    summary="Create a new volume",
    usage="[options] [NAME]",
    long='If using the default driver, "local", the volume will be created on the host in the '
    "volumes directory under container storage.",
    flags=(
        Flag("driver", "d", "string", default="local", usage="Specify volume driver name"),
        Flag("gid", type="int", usage="Set the GID of the volume owner"),
        Flag("ignore", usage="Don't fail if volume already exists"),
        Flag("label", "l", "array", usage="Set metadata for a volume (default [])"),
        Flag("opt", "o", "array", usage="Set driver specific options (default [])"),
        Flag("uid", type="int", usage="Set the UID of the volume owner"),
    ),
    examples=(
        "volume create myvol",
        "volume create",
        "volume create --label foo=bar myvol",
        "volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=2M myvol",
    ),
    max_args=1,
    run=run,
)
