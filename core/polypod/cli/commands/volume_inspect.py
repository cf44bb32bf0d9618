"""``volume inspect``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the volumes as a JSON list, or each through a template; unknown ones are told."""
    from ...engine.volumes_admin import volume_document
    from ...errors import NoSuchVolume, UsageError
    from ..render import is_json, render_one, to_json
    from ..volume_rows import template_row

    if bool(args) == opts.all:
        raise UsageError("provide one or more volume names or use --all")
    missing: list[str] = []
    if opts.all:
        found = ctx.rt.records.volumes.all()
    else:
        found = []
        for name in args:
            try:
                found.append(ctx.rt.records.volumes.find(name))
            except NoSuchVolume:
                missing.append(name)
    if is_json(opts.format):
        ctx.out(to_json([volume_document(volume) for volume in found], 5), end="")
    else:
        for volume in found:
            text = render_one(
                template_row(volume),
                opts.format,
                name="inspect",
                type_name="define.InspectVolumeData",
            )
            ctx.out(text, end="")
    for name in missing:
        ctx.err(f"Error: inspecting object: no such volume {name}")
    return 125 if missing else 0


COMMAND = Command(
    path="volume inspect",
    summary="Display detailed information on one or more volumes",
    usage="[options] VOLUME [VOLUME...]",
    long="Display detailed information on one or more volumes. Use a Go template to change the "
    "format from JSON.",
    flags=(
        Flag("all", "a", usage="Inspect all volumes"),
        Flag(
            "format",
            "f",
            "string",
            default="json",
            usage="Format volume output using Go template",
            complete="format:.Anonymous,.CreatedAt,.Driver,.GID,.Labels,.MountCount,.Mountpoint,"
            ".Name,.NeedsChown,.NeedsCopyUp,.Options,.Scope,.UID",
        ),
    ),
    examples=(
        "volume inspect myvol",
        "volume inspect --all",
        "volume inspect --format '{{.Driver}} {{.Scope}}' myvol",
    ),
    complete_args="volumes...",
    run=run,
)
