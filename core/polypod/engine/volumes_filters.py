"""Filters of ``volume ls`` and ``volume prune``.

Values of one key are alternatives; different keys must all match. ``label`` is the
exception: all of its values must match.
"""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.volume import Volume
    from .runtime import Runtime

    Test = Callable[[Volume], bool]

KEYS = (
    "after", "anonymous", "dangling", "driver", "label", "label!", "name", "opt", "scope", "since",
    "until",
)  # fmt: skip
PRUNE_KEYS = ("after", "anonymous", "label", "label!", "since", "until")


def select(
    rt: Runtime, volumes: list[Volume], filters: list[str], *, pruning: bool = False
) -> list[Volume]:
    """The volumes that pass all filters. Raises ``UsageError`` in podman's words."""
    tests = [
        _test(rt, key, values, pruning) for key, values in split(filters).items() if key != "all"
    ]
    return [volume for volume in volumes if all(test(volume) for test in tests)]


def split(filters: list[str]) -> dict[str, list[str]]:
    """``key=value`` texts by key; ``key!=value`` has the key ``key!``."""
    found: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"filter input must be in the form of filter=value: {text} is invalid")
        found.setdefault(key, []).append(value)
    return found


def _test(rt: Runtime, key: str, values: list[str], pruning: bool) -> Test:
    if key not in (PRUNE_KEYS if pruning else KEYS):
        raise UsageError(f'"{key}" is an invalid volume filter')
    if key in ("after", "since"):
        moment = max(rt.records.volumes.find(value).created for value in values)
        return lambda volume: volume.created > moment
    if key == "name":
        return _matches_name(values)
    if key == "driver":
        return lambda volume: volume.driver in values
    if key == "scope":
        return lambda volume: "local" in values
    if key in ("label", "label!"):
        return _labels(values, key == "label")
    if key == "opt":
        return lambda volume: any(_has(volume.options, value) for value in values)
    if key == "until":
        return _until(values)
    return _yes_or_no(rt, key, values)


def _matches_name(values: list[str]) -> Test:
    import re

    try:
        patterns = [re.compile(value) for value in values]
    except re.error as error:
        raise UsageError(f"filter name={values[0]} is no regular expression: {error}") from error
    return lambda volume: any(pattern.search(volume.name) for pattern in patterns)


def _labels(values: list[str], wanted: bool) -> Test:
    from .images_filters import matches_label

    if wanted:
        return lambda volume: all(matches_label(volume.labels, value) for value in values)
    return lambda volume: not any(matches_label(volume.labels, value) for value in values)


def _has(options: dict[str, str], text: str) -> bool:
    key, _, value = text.partition("=")
    return key in options and (not value or options[key] == value)


def _until(values: list[str]) -> Test:
    from .images_time import until

    if len(values) != 1:
        raise UsageError("specify exactly one timestamp for until")
    limit = until(values[0])
    return lambda volume: volume.created < limit


def _yes_or_no(rt: Runtime, key: str, values: list[str]) -> Test:
    wanted = set()
    for value in values:
        if value.lower() not in ("true", "1", "false", "0"):
            raise UsageError(
                f'"{value}" is not a valid value for the "{key}" filter - must be true or false'
            )
        wanted.add(value.lower() in ("true", "1"))
    if key == "anonymous":
        return lambda volume: volume.anonymous in wanted
    used = rt.records.all_users("volume")
    return lambda volume: (volume.name not in used) in wanted
