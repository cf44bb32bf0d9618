"""Memory, CPU, PID and block I/O limits."""

from __future__ import annotations

from ..errors import UsageError
from ..model.container import Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .parse import Options

_RATES = ("read-bps", "read-iops", "write-bps", "write-iops")


def resources_from(opts: Options) -> Resources:
    """The limits of a request."""
    return Resources(
        memory=_size(opts.memory, "memory"),
        memory_swap=-1 if opts.memory_swap == "-1" else _size(opts.memory_swap, "memory"),
        memory_reservation=_size(opts.memory_reservation, "memory"),
        memory_swappiness=opts.memory_swappiness,
        cpus=opts.cpus,
        cpu_period=opts.cpu_period,
        cpu_quota=opts.cpu_quota,
        cpu_shares=opts.cpu_shares,
        cpuset_cpus=opts.cpuset_cpus,
        cpuset_mems=opts.cpuset_mems,
        pids_limit=opts.pids_limit if opts.changed("pids-limit") else None,
        oom_kill_disable=opts.oom_kill_disable,
        oom_score_adj=opts.oom_score_adj if opts.changed("oom-score-adj") else None,
        shm_size=_size(opts.shm_size, "shm-size") if opts.changed("shm-size") else -1,
        shm_size_systemd=_size(opts.shm_size_systemd, "shm-size-systemd") if opts.shm_size_systemd else -1,
        cgroup_conf=_pairs(opts.cgroup_conf),
        cpu_rt_period=opts.cpu_rt_period,
        cpu_rt_runtime=opts.cpu_rt_runtime,
        blkio_weight=_weight(opts.blkio_weight),
        blkio_weight_device=tuple(opts.blkio_weight_device),
        device_limits=_device_limits(opts),
        device_cgroup_rules=tuple(opts.device_cgroup_rule),
    )


#: Flags whose value is the field of the same name.
_PLAIN = (
    "memory-swappiness", "cpus", "cpu-period", "cpu-quota", "cpu-shares", "cpuset-cpus", "cpuset-mems",
    "pids-limit", "cpu-rt-period", "cpu-rt-runtime",
)  # fmt: skip
_SIZES = ("memory", "memory-swap", "memory-reservation")
#: The flags of ``update``, as ``create`` has them.
UPDATABLE = (*_PLAIN, *_SIZES, "blkio-weight", "blkio-weight-device", *(f"device-{name}" for name in _RATES))


def changed_resources(opts: Options) -> dict[str, Any]:
    """The fields of :class:`Resources` whose flags were given."""
    found: dict[str, Any] = {}
    for flag in _PLAIN:
        if opts.changed(flag):
            found[flag.replace("-", "_")] = getattr(opts, flag.replace("-", "_"))
    for flag in _SIZES:
        if opts.changed(flag):
            text = getattr(opts, flag.replace("-", "_"))
            found[flag.replace("-", "_")] = -1 if text == "-1" else _size(text, "memory")
    if opts.changed("blkio-weight"):
        found["blkio_weight"] = _weight(opts.blkio_weight)
    if opts.changed("blkio-weight-device"):
        found["blkio_weight_device"] = tuple(opts.blkio_weight_device)
    limits = _device_limits(opts)
    if limits:
        found["device_limits"] = limits
    return found


def _weight(text: str) -> int:
    if text and not text.isdigit():
        raise UsageError(f"invalid value for blkio-weight: {text}")
    return int(text or 0)


def _device_limits(opts: Options) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(_rate(name, text) for text in values)
        for name in _RATES
        if (values := getattr(opts, "device_" + name.replace("-", "_")))
    }


def _rate(name: str, text: str) -> str:
    """``/dev/sda:10mb`` with the rate in bytes; numbers of operations have no unit."""
    path, colon, rate = text.rpartition(":")
    if not colon or name.endswith("iops"):
        return text
    return f"{path}:{_size(rate, f'device-{name}')}"


def _size(text: str, flag: str) -> int:
    if not text:
        return 0
    from .units import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise UsageError(f"invalid value for {flag}: {error}") from None


def _pairs(texts: list[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise UsageError("--cgroup-conf must be formatted KEY=VALUE")
    return dict(text.split("=", 1) for text in texts)  # type: ignore[misc]
