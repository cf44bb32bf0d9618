"""Filters of ``network ls`` and ``network prune``.

Values of one key are alternatives; different keys must all match. ``label`` is the
exception: all of its values must match.
"""

from __future__ import annotations

from ..errors import UsageError
from .volumes_filters import split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.network import Network
    from .runtime import Runtime

    Test = Callable[[Network], bool]

_PRUNE_KEYS = ("label", "label!", "until")


def select(
    rt: Runtime, networks: list[Network], filters: list[str], *, pruning: bool = False
) -> list[Network]:
    """The networks that pass all filters. Raises ``UsageError`` in podman's words."""
    tests = [_test(rt, key, values, pruning) for key, values in split(filters).items()]
    return [network for network in networks if all(test(network) for test in tests)]


def _test(rt: Runtime, key: str, values: list[str], pruning: bool) -> Test:
    name = key.lower()
    if pruning and name not in _PRUNE_KEYS:
        raise UsageError(f'invalid filter "{key}"')
    if name == "name":
        import re

        patterns = [re.compile(value) for value in values]
        return lambda network: any(pattern.search(network.name) for pattern in patterns)
    if name == "driver":
        return lambda network: network.driver in values
    if name == "id":
        return lambda network: any(network.id.startswith(value.lower()) for value in values)
    if name in ("label", "label!"):
        return _labels(values, name == "label")
    if name == "until":
        return _until(values)
    if name == "dangling":
        return _dangling(rt, values)
    raise UsageError(f'invalid filter "{key}"')


def _labels(values: list[str], wanted: bool) -> Test:
    from .images_filters import matches_label

    if wanted:
        return lambda network: all(matches_label(network.labels, value) for value in values)
    return lambda network: not any(matches_label(network.labels, value) for value in values)


def _until(values: list[str]) -> Test:
    from ..oci.image_config import parse_time
    from .images_time import until

    if len(values) != 1:
        raise UsageError("specify exactly one timestamp for until")
    limit = until(values[0])
    return lambda network: parse_time(network.created) < limit


def _dangling(rt: Runtime, values: list[str]) -> Test:
    if len(values) != 1:
        raise UsageError('got more than one value for filter key "dangling"')
    value = values[0].lower()
    if value not in ("true", "1", "t", "false", "0", "f"):
        raise UsageError(f'invalid dangling filter value "{values[0]}"')
    used = rt.records.all_users("network")
    wanted = value in ("true", "1", "t")
    default = rt.settings.network.default_network
    return lambda network: (network.name not in used and network.name != default) == wanted
