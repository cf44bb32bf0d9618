"""``plugin check``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Say what is wrong, a line each, and fail when something is; else name what is chosen."""
    from ...assembly.report import Survey
    from ..render import is_json, to_json

    survey = Survey(ctx.flags)
    problems = survey.problems()
    chosen = dict(survey.composition.chosen)
    if opts.changed("format"):
        from ...errors import UsageError

        if not is_json(opts.format):
            raise UsageError(f"plugin check knows --format json, not {opts.format!r}")
        report = {"OK": not problems, "Problems": problems, "Chosen": chosen}
        ctx.out(to_json(report), end="")
    elif problems:
        ctx.err("\n".join(f"Error: {line}" for line in problems))
    else:
        ctx.out("".join(f"{group}: {survey.composition.describe(group)}\n" for group in chosen), end="")
    return 125 if problems else 0


COMMAND = Command(
    "plugin check",
    "Check that the chosen plugins work on this host",
    run,
    usage="[options]",
    long=(
        "Loads every installed plugin, checks it against its contract and its table in"
        " polypod.conf, and puts the engine together from those that are chosen. Exits with 125"
        " and one line a problem when something is wrong."
    ),
    flags=(Flag("format", type="string", usage="Change the output to JSON", complete="format:"),),
    examples=("plugin check", "plugin check --format json", "--state-backend kv plugin check"),
    max_args=0,
)
