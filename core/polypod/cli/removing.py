"""What ``network rm`` and ``volume rm`` share: --time, and going on after an error."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from .command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..errors import NotFound
    from .context import Context
    from .parse import Options


def time_flag() -> Flag:
    """--time, which --force needs when it removes containers."""
    return Flag(
        "time",
        "t",
        "int",
        default=10,
        usage="Seconds to wait for running containers to stop before killing the container",
        aliases=("timeout",),
    )


def stop_timeout(opts: Options) -> int | None:
    """The seconds of --time, None for each container's own; refused without --force."""
    if not opts.changed("time"):
        return None
    if not opts.force:
        raise UsageError("--force option must be specified to use the --time option")
    seconds: int = opts.time
    return seconds


def remove_each(
    ctx: Context,
    names: Iterable[str],
    remove: Callable[[str], str],
    *,
    missing: type[NotFound],
    force: bool,
) -> int:
    """Remove things one by one and print what ``remove`` returns for each.

    The code is the last error's; 1 for ``missing``, which is no error with ``force``.
    """
    code = 0
    for name in names:
        try:
            removed = remove(name)
        except missing as error:
            if not force:
                ctx.err(f"Error: {error}")
                code = 1
        except PolypodError as error:
            ctx.err(f"Error: {error}")
            code = error.exit_code
        else:
            ctx.out(removed)
    return code
