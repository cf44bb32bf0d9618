"""``plugin inspect``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print all that is known about plugins, as JSON or through a template."""
    from ...assembly.report import Survey
    from ...errors import NotFound
    from ..render import format_rows, is_json, to_json

    survey = Survey(ctx.flags)
    found = []
    for name in args:
        details = survey.inspect(name)
        if not details:
            raise NotFound(f"no plugin named {name!r} is installed; see '{ctx.prog} plugin ls'")
        found += details
    if opts.changed("format") and not is_json(opts.format):
        ctx.out(format_rows(found, opts.format, name="plugin inspect"), end="")
    else:
        ctx.out(to_json(found), end="")
    return 0


COMMAND = Command(
    "plugin inspect",
    "Display what is known about one or more plugins",
    run,
    usage="[options] [GROUP.]NAME [[GROUP.]NAME...]",
    long=(
        "Displays group, name, contract, package, status, the hooks that a plugin implements, and"
        " each key of its table in polypod.conf with its value and the file that set it."
    ),
    flags=(Flag("format", "f", type="string", usage="Change the output to JSON or a Go template"),),
    examples=("plugin inspect sqlite", "plugin inspect state.sqlite --format '{{.Status}}'"),
    min_args=1,
)
