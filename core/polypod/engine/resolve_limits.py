"""Resource limits of a container: what was asked, over what is configured."""

from __future__ import annotations

from ..errors import UsageError
from ..model.container import Ulimit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model.container import Resources
    from ..model.settings import Settings

ULIMIT_NAMES = frozenset(
    (
        "as",
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    )
)
_UNITS = {"": 1, "b": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4, "p": 1000**5}


def parse_ulimit(text: str) -> Ulimit:
    """Parse ``NAME=SOFT[:HARD]`` or ``host``; -1 and ``unlimited`` are unlimited."""
    if text == "host":
        return Ulimit(name="host", soft=0, hard=0)
    name, equals, rest = text.partition("=")
    name = name.lower()
    if not equals or name not in ULIMIT_NAMES:
        reason = f"invalid ulimit type: {name}" if equals else f"invalid ulimit argument: {text}"
        raise UsageError(
            f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: {reason}'
        )
    soft_text, colon, hard_text = rest.partition(":")
    try:
        soft, hard = _limit(soft_text), _limit(hard_text) if colon else _limit(soft_text)
    except ValueError as error:
        raise UsageError(
            f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed'
        ) from error
    if hard != -1 and (soft > hard or soft == -1):
        raise UsageError(
            f'ulimit option "{text}" requires name=SOFT:HARD, failed to be parsed: '
            "ulimit soft limit must be less than or equal to hard limit: "
            f"soft: {_shown(soft)}, hard: {_shown(hard)}"
        )
    return Ulimit(name=name, soft=soft, hard=hard)


def _shown(limit: int) -> str:
    return "-1 (unlimited)" if limit == -1 else str(limit)


def _limit(text: str) -> int:
    value = -1 if text in ("-1", "unlimited") else int(text)
    if value < -1:
        raise ValueError(text)
    return value


def resolve_ulimits(asked: tuple[Ulimit, ...], configured: Iterable[str]) -> tuple[Ulimit, ...]:
    """Merge by name; ``host`` among the asked ones takes the place of the configured ones."""
    merged: dict[str, Ulimit] = {}
    if not any(limit.name == "host" for limit in asked):
        merged = {limit.name: limit for limit in map(parse_ulimit, configured)}
    merged.update((limit.name, limit) for limit in asked)
    return tuple(merged.values())


def parse_size(text: str) -> int:
    """Return bytes from ``65536k`` and the like; units are decimal (go-units FromHumanSize)."""
    lowered = text.strip().lower().removesuffix("b").removesuffix("i")
    digits = lowered.rstrip("kmgtp")
    try:
        return int(float(digits) * _UNITS[lowered[len(digits) :].strip()])
    except (ValueError, KeyError) as error:
        raise UsageError(f"invalid size: '{text}'") from error


def resolve_resources(asked: Resources, settings: Settings) -> Resources:
    """Fill in what containers.conf has defaults for, and check what contradicts itself."""
    configured = settings.containers
    unified = {}
    for line in configured.cgroup_conf:
        key, equals, value = line.partition("=")
        if not equals:
            raise UsageError(f"cgroup_conf {line} from containers.conf invalid, must be name=value")
        unified[key] = value
    unified.update(asked.cgroup_conf)
    swap = asked.memory_swap
    if swap > 0 and asked.memory == 0:
        raise UsageError("you should always set a memory limit when using a memory-swap limit")
    if swap > 0 and swap < asked.memory:
        raise UsageError("minimum memoryswap limit should be larger than memory limit")
    if asked.memory and not swap:
        # As docker has it: memory and swap together are twice the memory.
        swap = asked.memory * 2
    return asked.evolve(
        memory_swap=swap,
        cgroup_conf=unified,
        pids_limit=configured.pids_limit if asked.pids_limit is None else asked.pids_limit,
        oom_score_adj=(
            configured.oom_score_adj if asked.oom_score_adj is None else asked.oom_score_adj
        ),
        shm_size=parse_size(configured.shm_size) if asked.shm_size < 0 else asked.shm_size,
    )
