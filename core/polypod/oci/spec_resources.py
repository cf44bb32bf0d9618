"""The ``linux.resources`` of a runtime spec; limits that the host cannot hold are left out."""

from __future__ import annotations

import os
import stat

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, Resources
    from .host_facts import HostFacts

_DEFAULT_PERIOD = 100000  # microseconds
_THROTTLES = {
    "read-bps": "throttleReadBpsDevice",
    "write-bps": "throttleWriteBpsDevice",
    "read-iops": "throttleReadIOPSDevice",
    "write-iops": "throttleWriteIOPSDevice",
}


def spec_resources(
    container: Container,
    facts: HostFacts,
    device_rules: list[dict[str, Any]],
    warnings: list[str],
) -> dict[str, Any]:
    """Return ``linux.resources``; what had to be dropped is told in ``warnings``."""
    asked = container.resources
    result: dict[str, Any] = {}
    if not facts.rootless:
        result["devices"] = device_rules
    if container.cgroups == "disabled":
        return result
    for key, value, controller in (
        ("memory", _memory(asked, facts, warnings), "memory"),
        ("cpu", _cpu(asked, facts, warnings), "cpu"),
        ("blockIO", _block_io(asked, facts, warnings), "io"),
        ("pids", _pids(asked, facts), "pids"),
        ("unified", dict(asked.cgroup_conf), ""),
    ):
        if not value:
            continue
        if controller and not _has(facts, controller):
            if key != "pids":
                # pids_limit has a default, which nobody asked for.
                warnings.append(
                    f"{controller} limits are dropped: the host has no such cgroup controller"
                )
            continue
        if key == "unified" and facts.cgroup_version == 1:
            raise UsageError("cgroup-conf is only supported on cgroup v2 hosts")
        result[key] = value
    return result


def _has(facts: HostFacts, controller: str) -> bool:
    if controller == "io" and facts.cgroup_version == 1:
        controller = "blkio"
    return controller in facts.controllers


def _memory(asked: Resources, facts: HostFacts, warnings: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if asked.memory:
        result["limit"] = asked.memory
    if asked.memory_swap:
        if facts.swap_limit:
            result["swap"] = asked.memory_swap
        else:
            warnings.append(
                "Your kernel does not support swap limit capabilities or the cgroup is not "
                "mounted. Memory limited without swap."
            )
    if asked.memory_reservation:
        result["reservation"] = asked.memory_reservation
    if asked.memory_swappiness >= 0:
        if facts.cgroup_version == 2:
            raise UsageError("cannot set memory-swappiness with cgroup v2")
        result["swappiness"] = asked.memory_swappiness
    if asked.oom_kill_disable:
        if facts.cgroup_version == 2:
            raise UsageError("cannot use --oom-kill-disable with cgroup v2")
        result["disableOOMKiller"] = True
    return result


def _cpu(asked: Resources, facts: HostFacts, warnings: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    period, quota = asked.cpu_period, asked.cpu_quota
    if asked.cpus:
        if period or quota:
            raise UsageError("--cpu-period and --cpu-quota cannot be set together with --cpus")
        period, quota = _DEFAULT_PERIOD, int(asked.cpus * _DEFAULT_PERIOD)
    for key, value in (
        ("shares", asked.cpu_shares),
        ("period", period),
        ("quota", quota),
        ("cpus", asked.cpuset_cpus),
        ("mems", asked.cpuset_mems),
    ):
        if value:
            result[key] = value
    if asked.cpu_rt_period or asked.cpu_rt_runtime:
        if facts.cgroup_version == 2:
            warnings.append("Realtime period and runtime are not supported on cgroups V2 systems")
        else:
            result["realtimePeriod"] = asked.cpu_rt_period
            result["realtimeRuntime"] = asked.cpu_rt_runtime
    return result


def _pids(asked: Resources, facts: HostFacts) -> dict[str, Any]:
    limit = asked.pids_limit
    if not limit or limit < 0:
        return {}
    if facts.rootless and facts.cgroup_version == 1:
        return {}
    return {"limit": limit}


def _block_io(asked: Resources, facts: HostFacts, warnings: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if asked.blkio_weight or asked.blkio_weight_device:
        devices = [_device(text, "weight") for text in asked.blkio_weight_device]
        if not facts.blkio_weight:
            warnings.append("blkio weight is dropped: the kernel does not support it")
        else:
            if asked.blkio_weight:
                result["weight"] = asked.blkio_weight
            if devices:
                result["weightDevice"] = devices
    for name, limits in asked.device_limits.items():
        if limits:
            result[_THROTTLES[name]] = [_device(text, "rate") for text in limits]
    return result


def _device(text: str, key: str) -> dict[str, Any]:
    path, _, value = text.rpartition(":")
    try:
        info = os.stat(path)
        number = info.st_rdev
        if not stat.S_ISBLK(info.st_mode):
            raise UsageError(f"{path}: not a block device")
        return {"major": os.major(number), "minor": os.minor(number), key: int(value)}
    except (OSError, ValueError) as error:
        raise UsageError(
            f"invalid device limit {text}: use PATH:NUMBER of an existing device"
        ) from error
