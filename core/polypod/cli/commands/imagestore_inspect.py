"""``imagestore inspect``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print all that is known about stores."""
    from ...engine.imagestores import inspect_store
    from ..render import format_rows, is_json, to_json

    rows = [inspect_store(ctx.rt, name) for name in args]
    if not opts.format or is_json(opts.format):
        ctx.out(to_json(rows, 5), end="")
        return 0
    text = format_rows(
        rows, opts.format, headings={}, noheading=True, default=False,
        name="inspect", type_name="imagestores.inspectReporter",
    )  # fmt: skip
    ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="imagestore inspect",
    summary="Display what is known about one or more image stores",
    usage="[options] NAME [NAME...]",
    long="Displays state, way, images and users of image stores as JSON.",
    flags=(
        Flag(
            "format",
            "f",
            type="string",
            usage="Format the output to JSON or using a Go template",
            complete="format:Containers,ID,ImageNames,Images,Kind,Name,Origin,Path,ReadOnly,Reason,Required,"
            "ShareLayers,State,Users,Way,Why",
        ),
    ),
    examples=("imagestore inspect usb", "imagestore inspect --format '{{.Way}}: {{.Why}}' usb"),
    min_args=1,
    complete_args="imagestores...",
    run=run,
)
