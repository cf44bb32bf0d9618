"""--filter of container lists: several values of one key are alternatives, labels must all match."""

from __future__ import annotations

from ..errors import NotFound, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .listing import Row
    from .runtime import Runtime

    Match = Callable[[Row], bool]

_STATES = (
    "created", "configured", "exited", "initialized", "paused", "removing", "running", "stopped",
    "stopping", "unknown",
)  # fmt: skip


def parse(texts: list[str]) -> dict[str, list[str]]:
    """``key=value`` texts by key; ``label!=x`` gives the key ``label!``."""
    found: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f'invalid filter argument "{text}": filters take the form KEY=VALUE')
        found.setdefault(key, []).append(value)
    return found


def matcher(rt: Runtime, texts: list[str], rows: list[Row]) -> Match:
    """One function for all filters; ``rows`` are all containers, for before and since."""
    tests: list[Match] = []
    for key, values in parse(texts).items():
        maker = _MAKERS.get(key)
        if maker is None:
            raise UsageError(f"{key} is an invalid filter")
        tests.append(maker(rt, values, rows))
    return lambda row: all(test(row) for test in tests)


def prune_matcher(rt: Runtime, texts: list[str]) -> Match:
    """The filters that ``container prune`` knows."""
    for key in parse(texts):
        if key not in ("label", "label!", "until"):
            raise UsageError(f"{key} is an invalid filter")
    return matcher(rt, texts, [])


def _id(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    import re

    def compiled(value: str) -> re.Pattern[str]:
        plain = all(c in "0123456789abcdefABCDEF" for c in value)
        return re.compile("^" + value.lower() if plain else value.lower())

    patterns = [compiled(value) for value in values]
    return lambda row: any(pattern.search(row.id) for pattern in patterns)


def _regex(values: list[str]) -> Callable[[str], bool]:
    import re

    try:
        patterns = [re.compile(value) for value in values]
    except re.error as error:
        raise UsageError(f"invalid regular expression in filter: {error}") from None
    return lambda text: any(pattern.search(text) for pattern in patterns)


def _name(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    found = _regex([value.replace("/", "") for value in values])
    return lambda row: found(row.name)


def _label(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    return lambda row: all(has_label(row.labels, value) for value in values)


def _no_label(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    return lambda row: not all(has_label(row.labels, value) for value in values)


def has_label(labels: dict[str, str], wanted: str) -> bool:
    """``key`` or ``key=value``, with ``*`` in the key."""
    key, equals, value = wanted.partition("=")
    if "*" in key:
        import fnmatch

        names = [name for name in labels if fnmatch.fnmatchcase(name, key)]
    else:
        names = [key] if key in labels else []
    return any(not equals or labels[name] == value for name in names)


def _exited(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    try:
        codes = {int(value) for value in values}
    except ValueError:
        raise UsageError(f"exited code out of range {values[0]!r}: invalid syntax") from None
    return lambda row: row.state == "exited" and row.exit_code in codes


def _status(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    for value in values:
        if value not in _STATES:
            raise UsageError(f"unknown container state: {value}: invalid argument")
    words = {{"stopped": "exited", "configured": "created"}.get(value, value) for value in values}
    return lambda row: row.state in words


def _ancestor(rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    found = _regex(values)
    wanted = set()
    for value in values:
        try:
            wanted.add(rt.store.find_image(value).id)
        except NotFound:
            continue

    def match(row: Row) -> bool:
        image = row.config.get("image", {})
        name = image.get("name", "")
        return (
            image.get("id") in wanted
            or any(value in image.get("id", "") for value in values)
            or (bool(name) and found(name))
        )

    return match


def _reference_time(values: list[str], rows: list[Row]) -> float:
    times = []
    for value in values:
        found = [row for row in rows if row.name == value or row.id.startswith(value)]
        if not found:
            raise NotFound(f'no container with name or ID "{value}" found: no such container')
        times.append(found[0].created)
    return min(times)


def _before(_rt: Runtime, values: list[str], rows: list[Row]) -> Match:
    moment = _reference_time(values, rows)
    return lambda row: row.created < moment


def _since(_rt: Runtime, values: list[str], rows: list[Row]) -> Match:
    moment = _reference_time(values, rows)
    return lambda row: row.created > moment


def _volume(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    wanted = [value.partition(":") for value in values]

    def match(row: Row) -> bool:
        for mount in row.config.get("mounts", ()):
            source = mount.get("name") or mount.get("source", "")
            for name, _, destination in wanted:
                if destination:
                    if (source, mount["destination"]) == (name, destination):
                        return True
                elif name in (source, mount["destination"]):
                    return True
        return False

    return match


def _until(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    from .images_time import until as parse_moment

    if len(values) != 1:
        raise UsageError("specify exactly one timestamp for until")
    moment = parse_moment(values[0])
    return lambda row: row.created < moment


def _network(rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    names = set(values)
    modes = {value for value in values if value.startswith("container:")}
    if modes != names:
        for network in rt.network.list():
            if any(network.id.startswith(value) or network.name == value for value in names):
                names.add(network.name)
    joined = {"container:" + rt.records.containers.find(value[10:]) for value in modes}

    def match(row: Row) -> bool:
        network = row.config.get("network", {})
        return network.get("mode") in joined or not names.isdisjoint(network.get("networks", ()))

    return match


def _restart_policy(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    known = ("none", "no", "always", "on-failure", "unless-stopped")
    bad = [value for value in values if value not in known]
    if bad:
        word = "policy" if len(bad) == 1 else "policies"
        raise UsageError(f"{', '.join(bad)} invalid restart {word}")
    words = {"no" if value == "none" else value for value in values}
    return lambda row: row.config.get("lifecycle", {}).get("restart", "no") in words


def _command(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    found = _regex(values)
    return lambda row: bool(row.command) and found(row.command[0])


def _none(_rt: Runtime, _values: list[str], _rows: list[Row]) -> Match:
    return lambda _row: False


def _start_on_boot(_rt: Runtime, values: list[str], _rows: list[Row]) -> Match:
    wanted = values[-1].lower() in ("1", "t", "true")

    def match(row: Row) -> bool:
        policy = row.config.get("lifecycle", {}).get("restart", "no")
        starts = policy == "always" or (
            policy == "unless-stopped" and not row.changing.get("stopped_by_user")
        )
        return starts == wanted

    return match


_MAKERS: dict[str, Callable[[Runtime, list[str], list[Row]], Match]] = {
    "id": _id,
    "name": _name,
    "label": _label,
    "label!": _no_label,
    "exited": _exited,
    "status": _status,
    "ancestor": _ancestor,
    "before": _before,
    "since": _since,
    "volume": _volume,
    "until": _until,
    "network": _network,
    "restart-policy": _restart_policy,
    "command": _command,
    # No container has a health check or a pod yet, so none matches.
    "health": _none,
    "pod": _none,
    "should-start-on-boot": _start_on_boot,
}
