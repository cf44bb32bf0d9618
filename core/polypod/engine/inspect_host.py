"""The HostConfig of ``inspect``: what the container asked of the host."""

from __future__ import annotations

from .inspect_network import port_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container
    from .runtime import Runtime


def host_config(rt: Runtime, container: Container) -> dict[str, Any]:
    """Limits, namespaces, security, restart policy."""
    return {
        "Binds": _binds(container),
        "CgroupManager": rt.settings.engine.cgroup_manager,
        "CgroupMode": container.namespaces.cgroup,
        "ContainerIDFile": container.lifecycle.cidfile,
        "LogConfig": _log(container),
        "NetworkMode": container.network.mode or "bridge",
        "PortBindings": port_map(container),
        "RestartPolicy": {
            "Name": container.lifecycle.restart,
            "MaximumRetryCount": container.lifecycle.restart_retries,
        },
        "AutoRemove": container.lifecycle.remove,
        "AutoRemoveImage": container.lifecycle.remove_image,
        "Annotations": {**container.annotations},
        "VolumeDriver": "",
        "VolumesFrom": None,
        **_security(container),
        **_namespaces(container),
        **_limits(container),
    }


def _binds(container: Container) -> list[str]:
    binds = []
    for mount in container.mounts:
        if mount.type in ("bind", "volume"):
            options = [o for o in mount.options if o not in ("ro", "rw")]
            access = "ro" if "ro" in mount.options else "rw"
            if not any(o.endswith(("private", "shared", "slave")) for o in options):
                options.insert(0, "rprivate")
            if "rbind" not in options:
                options.append("rbind")
            source = mount.name or mount.source
            binds.append(f"{source}:{mount.destination}:{','.join((access, *options))}")
    return binds


def _log(container: Container) -> dict[str, Any]:
    size = container.log.max_size
    return {
        "Type": container.log.driver,
        "Config": None,
        "Path": container.log.path,
        "Tag": container.log.tag,
        "Size": _human(size) if size > 0 else "0B",
    }


def _human(size: float) -> str:
    units = ("B", "kB", "MB", "GB", "TB")
    index = 0
    while size >= 1000 and index < len(units) - 1:
        size /= 1000
        index += 1
    return f"{size:.4g}{units[index]}"


def _security(container: Container) -> dict[str, Any]:
    security, network = container.security, container.network
    options = []
    if security.no_new_privileges:
        options.append("no-new-privileges")
    if security.seccomp_profile:
        options.append(f"seccomp={security.seccomp_profile}")
    if security.apparmor_profile:
        options.append(f"apparmor={security.apparmor_profile}")
    options += [f"label={text}" for text in security.label_opts]
    options += [f"mask={path}" for path in security.mask]
    options += [f"unmask={path}" for path in security.unmask]
    return {
        "CapAdd": [_cap(name) for name in security.cap_add],
        "CapDrop": [_cap(name) for name in security.cap_drop],
        "Dns": list(network.dns_servers),
        "DnsOptions": list(network.dns_options),
        "DnsSearch": list(network.dns_search),
        "ExtraHosts": list(network.add_hosts),
        "HostsFile": network.hosts_file,
        "GroupAdd": list(container.process.groups),
        "Privileged": security.privileged,
        "PublishAllPorts": network.publish_all,
        "ReadonlyRootfs": bool(security.read_only),
        "SecurityOpt": options,
        "Tmpfs": {m.destination: ",".join(m.options) for m in container.mounts if m.type == "tmpfs"},
    }


def _cap(name: str) -> str:
    name = name.upper()
    return name if name.startswith("CAP_") or name == "ALL" else "CAP_" + name


def _namespaces(container: Container) -> dict[str, Any]:
    modes = container.namespaces
    return {
        "IpcMode": modes.ipc or "shareable",
        "Cgroup": "",
        "Cgroups": "default" if container.cgroups == "enabled" else container.cgroups,
        "Links": None,
        "PidMode": modes.pid or "private",
        "UTSMode": modes.uts or "private",
        "UsernsMode": "" if modes.user == "host" else modes.user,
        "Runtime": "oci",
        "ConsoleSize": [0, 0],
        "Isolation": "",
        "Init": bool(container.process.init),
    }


def _limits(container: Container) -> dict[str, Any]:
    limits = container.resources
    swap = limits.memory_swap or (limits.memory * 2 if limits.memory else 0)
    period = limits.cpu_period or (100000 if limits.cpus else 0)
    quota = limits.cpu_quota or int(limits.cpus * 100000)
    return {
        "OomScoreAdj": limits.oom_score_adj or 0,
        "ShmSize": max(limits.shm_size, 0),
        "CpuShares": limits.cpu_shares,
        "Memory": limits.memory,
        "NanoCpus": int(limits.cpus * 1e9),
        "CgroupParent": container.cgroup_parent,
        "BlkioWeight": limits.blkio_weight,
        "BlkioWeightDevice": None,
        "BlkioDeviceReadBps": None,
        "BlkioDeviceWriteBps": None,
        "BlkioDeviceReadIOps": None,
        "BlkioDeviceWriteIOps": None,
        "CpuPeriod": period,
        "CpuQuota": quota,
        "CpuRealtimePeriod": limits.cpu_rt_period,
        "CpuRealtimeRuntime": limits.cpu_rt_runtime,
        "CpusetCpus": limits.cpuset_cpus,
        "CpusetMems": limits.cpuset_mems,
        "Devices": [
            {
                "PathOnHost": device.path,
                "PathInContainer": device.container_path or device.path,
                "CgroupPermissions": device.permissions,
            }
            for device in container.devices
        ],
        "DiskQuota": 0,
        "KernelMemory": 0,
        "MemoryReservation": limits.memory_reservation,
        "MemorySwap": swap,
        "MemorySwappiness": max(limits.memory_swappiness, 0),
        "OomKillDisable": limits.oom_kill_disable,
        "PidsLimit": limits.pids_limit or 0,
        "Ulimits": [
            {"Name": "RLIMIT_" + u.name.upper(), "Soft": u.soft, "Hard": u.hard}
            for u in container.ulimits
            if u.name != "host"
        ],
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "CgroupConf": limits.cgroup_conf or None,
    }
