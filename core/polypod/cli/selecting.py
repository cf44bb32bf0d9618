"""Which containers a command means: names, --all, --latest, --cidfile, --filter."""

from __future__ import annotations

from ..errors import NoSuchContainer, PolypodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .command import Flag
    from .context import Context

    Target = tuple[str, str]  # (as the user typed it, full ID)


def check_args(
    args: list[str], *, all: bool = False, latest: bool = False, cidfiles: Iterable[str] = (),
    filters: Iterable[str] = (),
) -> None:
    """Refuse contradictory or missing selections, with podman's words."""
    if all and latest:
        raise UsageError("--all and --latest cannot be used together")
    if args and all:
        raise UsageError("no arguments are needed with --all")
    if args and latest:
        raise UsageError("--latest and containers cannot be used together")
    if cidfiles and (all or latest):
        raise UsageError("--all, --latest, and --cidfile cannot be used together")
    if not args and not all and not latest and not cidfiles and not filters:
        raise UsageError("you must provide at least one name or id")


def select(
    ctx: Context,
    args: list[str],
    *,
    all: bool = False,
    latest: bool = False,
    cidfiles: Iterable[str] = (),
    filters: Iterable[str] = (),
    ignore: bool = False,
    statuses: tuple[str, ...] = (),
    errors: list[Exception] | None = None,
) -> list[Target]:
    """The containers meant.

    ``statuses`` limits --all and --filter to containers in these states (as shown by ps).
    With ``ignore`` unknown names are passed over; else they go to ``errors``, or are raised.
    """
    records = ctx.rt.records.containers
    targets: list[Target] = []
    for name in (*args, *_read_cidfiles(cidfiles, ignore)):
        try:
            targets.append((name, records.find(name)))
        except NoSuchContainer as error:
            if ignore:
                continue
            if errors is None:
                raise
            errors.append(error)
    if all or filters or latest:
        targets += _listed(ctx, all=all, latest=latest, filters=filters, statuses=statuses)
    return targets


def is_known(ctx: Context, name: str) -> bool:
    """Whether a name, ID or unique beginning of an ID means one of our containers."""
    try:
        ctx.rt.records.containers.find(name)
    except NoSuchContainer:
        return False
    return True


def _read_cidfiles(paths: Iterable[str], ignore: bool) -> list[str]:
    found = []
    for path in paths:
        try:
            with open(path, encoding="ascii") as file:
                found.append(file.read().strip())
        except OSError as error:
            if ignore:
                continue
            raise UsageError(f"reading CIDFile: open {path}: {(error.strerror or '').lower()}") from error
    return found


def _listed(
    ctx: Context, *, all: bool, latest: bool, filters: Iterable[str], statuses: tuple[str, ...]
) -> list[Target]:
    from ..engine.listing import list_containers

    rows = list_containers(ctx.rt, filters=list(filters), all=True)
    if latest:
        newest = max(rows, key=lambda row: row.created, default=None)
        if newest is None:
            raise NoSuchContainer("no containers found: no such container")
        return [(newest.id, newest.id)]
    return [(row.id, row.id) for row in rows if not statuses or row.state in statuses]


def only_matching(ctx: Context, targets: list[Target], filters: Iterable[str]) -> list[Target]:
    """Of containers named one by one, those that pass the filters."""
    from ..engine.listing import list_containers

    passing = {row.id for row in list_containers(ctx.rt, filters=list(filters), all=True)}
    return [target for target in targets if target[1] in passing]


def each(
    ctx: Context,
    targets: Iterable[Target],
    action: Callable[[str], object],
    *,
    show: Callable[[str, str], str] | None = None,
    errors: list[Exception] | None = None,
    quiet: bool = False,
) -> int:
    """Do something to each container; go on after an error, and report all of them.

    What was typed is printed for each success. The exit code is the last error's.
    """
    failures = errors if errors is not None else []
    for typed, container_id in targets:
        try:
            done = action(container_id)
        except PolypodError as error:
            failures.append(error)
            continue
        if not quiet and done is not SKIP:
            ctx.out(show(typed, container_id) if show else typed)
    return report(ctx, failures)


#: An action returns this when it did nothing that is worth a line.
SKIP = object()


def report(ctx: Context, failures: list[Exception]) -> int:
    """All errors on stderr; the exit code of the last one, 0 without any."""
    code = 0
    for error in failures:
        ctx.err(f"Error: {error}")
        code = getattr(error, "exit_code", 125)
    return code


def latest_flag() -> Flag:
    """--latest, the same everywhere."""
    from .command import Flag

    return Flag("latest", "l", usage="Act on the latest container polypod is aware of")
