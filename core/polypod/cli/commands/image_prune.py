"""``image prune``: removes images that nobody needs."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_KEYS = ("label", "label!", "until")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Ask, prune and print the IDs."""
    from ...engine.images_remove import prune
    from ...errors import UsageError

    for text in opts.filter:
        key = text.partition("=")[0]
        if "=" not in text:
            raise UsageError(f"invalid filter {text}: must be in the format filter=value")
        if key not in _KEYS and key != "dangling":
            raise UsageError(
                f'invalid image filter "{key}": must be in the format '
                '"filter=value or filter!=value"'
            )
    if not opts.force and not _confirmed(ctx, opts.all):
        return 0
    removed = prune(ctx.rt, all=opts.all, external=opts.external, filters=opts.filter)
    ctx.out("".join(f"{report.id}\n" for report in removed), end="")
    return 0


def _confirmed(ctx: Context, all: bool) -> bool:
    import sys

    from ...errors import UsageError

    what = (
        "all images without at least one container associated with them" if all
        else "all dangling images"
    )  # fmt: skip
    ctx.out(f"WARNING! This command removes {what}.")
    ctx.out("Are you sure you want to continue? [y/N] ", end="")
    answer = sys.stdin.readline()
    if not answer:
        raise UsageError("EOF")
    return answer[:1] in ("y", "Y")


COMMAND = Command(
    path="image prune",
    summary="Remove unused images",
    usage="[options]",
    long="Removes dangling or unused images from local storage.",
    flags=(
        Flag(
            "all", "a",
            usage="Remove all images not in use by containers, not just dangling ones",
        ),
        Flag("build-cache", usage="Remove persistent build cache (there is none: nothing builds)"),
        Flag(
            "external",
            usage="Remove images even when they are used by external containers "
            "(e.g., by build containers)",
        ),
        Flag(
            "filter", type="array", usage="Provide filter values (e.g. 'label=<key>=<value>')",
            complete="values:label=,label!=,until=",
        ),
        Flag("force", "f", usage="Do not prompt for confirmation"),
    ),
    examples=("image prune", "image prune --all --force"),
    max_args=0,
    run=run,
)  # fmt: skip
