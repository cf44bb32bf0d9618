"""What the three ``diff`` commands share."""

from __future__ import annotations

from ..errors import UsageError
from .command import Flag
from .selecting import latest_flag, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context
    from .parse import Options


def flags(*, latest: bool) -> tuple[Flag, ...]:
    """--format, and --latest where containers are meant."""
    own = (Flag("format", type="string", usage="Change the output format (json)", complete="values:json"),)
    return (*own, latest_flag()) if latest else own


def show(ctx: Context, opts: Options, args: list[str], kinds: tuple[str, ...]) -> int:
    """Print the changes."""
    from ..engine.diff import diff
    from .render import is_json, to_json

    if opts.format and not is_json(opts.format):
        raise UsageError("only supported value for '--format' is 'json'")
    changes = diff(ctx.rt, *args, kinds=kinds)
    if not opts.format:
        for kind, path in changes:
            ctx.out(f"{kind} {path}")
        return 0
    words = {"C": "changed", "A": "added", "D": "deleted"}
    found: dict[str, list[str]] = {word: [] for word in words.values()}
    for kind, path in changes:
        found[words[kind]].append(path)
    ctx.out(to_json({word: paths for word, paths in found.items() if paths}, indent=5), end="")
    return 0


def targets(ctx: Context, opts: Options, args: list[str]) -> list[str]:
    """One or two names, or the latest container's ID."""
    if args and opts.latest:
        raise UsageError("--latest and containers cannot be used together")
    if opts.latest:
        return [select(ctx, [], latest=True)[0][1]]
    if not args:
        raise UsageError(f'"{ctx.command_path}" requires a name, id, or the "--latest" flag')
    if len(args) > 2:
        raise UsageError(f"accepts between 1 and 2 arg(s), received {len(args)}")
    return args
