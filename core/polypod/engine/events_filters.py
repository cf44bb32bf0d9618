"""The filters of ``events``."""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..model.event import Event

    Test = Callable[[Event], bool]

#: Filters by an object: of this type, and its name or the beginning of its ID.
OBJECTS = ("artifact", "container", "image", "network", "pod", "volume")


def matcher(filters: Sequence[str]) -> Test:
    """A test that all keys of ``key=value`` filters pass, each with one of its values.

    Raises ``UsageError`` for a key that is none.
    """
    groups: dict[str, list[Test]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        groups.setdefault(key.lower(), []).append(_test(text, key if equals else "", value))
    return lambda event: all(any(test(event) for test in tests) for tests in groups.values())


def _test(text: str, key: str, value: str) -> Test:
    name = key.lower()
    if name in OBJECTS:
        return lambda event: event.type == name and _is(event, value)
    if name in ("event", "status"):
        wanted = "died" if value == "die" else value  # Docker's word
        return lambda event: event.status == wanted
    if name == "type":
        return lambda event: event.type == value
    if name == "label":
        return lambda event: _has_label(event, value)
    raise UsageError(f"failed to parse event filters: {key or text} is an invalid filter")


def _is(event: Event, value: str) -> bool:
    if event.type == "volume":  # a prefix of the name, as Docker has it
        return event.name.startswith(value)
    return event.name == value or event.id.startswith(value)


def _has_label(event: Event, value: str) -> bool:
    key, equals, wanted = value.partition("=")
    found = event.attributes.get(key)
    return found is not None and (not equals or found == wanted)
