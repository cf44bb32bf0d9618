"""Memory, CPU, PID and block I/O limits."""

from __future__ import annotations

from ..errors import UsageError
from ..model.container import Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .parse import Options

_RATES = ("read-bps", "read-iops", "write-bps", "write-iops")


def resources_from(opts: Options) -> Resources:
    """The limits of a request."""
    weight = 0
    if opts.blkio_weight:
        if not opts.blkio_weight.isdigit():
            raise UsageError(f"invalid value for blkio-weight: {opts.blkio_weight}")
        weight = int(opts.blkio_weight)
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
        cgroup_conf=_pairs(opts.cgroup_conf),
        cpu_rt_period=opts.cpu_rt_period,
        cpu_rt_runtime=opts.cpu_rt_runtime,
        blkio_weight=weight,
        blkio_weight_device=tuple(opts.blkio_weight_device),
        device_limits={
            name: tuple(values)
            for name in _RATES
            if (values := getattr(opts, "device_" + name.replace("-", "_")))
        },
        device_cgroup_rules=tuple(opts.device_cgroup_rule),
    )


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
