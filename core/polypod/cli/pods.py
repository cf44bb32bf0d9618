"""Pods, of which there are none yet: how commands answer for them.

Scripts written for podman clean up with ``pod rm --all --force --ignore`` and look
with ``pod ps``; both have a true answer without pods. Whatever would need one fails.
"""

from __future__ import annotations

from ..errors import NoSuchPod, PolypodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Context


def check_pods(
    args: list[str], *, all: bool, latest: bool = False, id_files: Iterable[str] = ()
) -> None:
    """Refuse contradictory or missing selections, with podman's words."""
    if all and latest:
        raise UsageError("--all and --latest cannot be used together")
    if args and (all or latest):
        raise UsageError(f"--{'all' if all else 'latest'} and pod names cannot be used together")
    if not args and not all and not latest and not tuple(id_files):
        raise UsageError("you must provide at least one pod name or id")


def report_missing(
    ctx: Context, args: list[str], *, latest: bool = False, id_files: Iterable[str] = (),
    ignore: bool = False,
) -> int:  # fmt: skip
    """Answer for each pod that was named: it is not there. Returns 0, or raises."""
    if ignore:
        return 0
    names = [*args, *(_read(path) for path in id_files)]
    if latest:
        raise NoSuchPod("unable to get latest pod: no such pod")
    for name in names[:-1]:
        ctx.err(f"Error: {_missing(name)}")
    if names:
        raise NoSuchPod(_missing(names[-1]))
    return 0


def _missing(name: str) -> str:
    return f"no pod with name or ID {name} found: no such pod"


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except OSError as error:
        raise PolypodError(f"reading pod ID file: open {path}: {error.strerror}") from error
