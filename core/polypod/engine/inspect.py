"""``inspect`` of a container: podman's document (libpod/define InspectContainerData, by its JSON keys)."""

from __future__ import annotations

from .inspect_host import host_config
from .inspect_network import network_settings
from .signals import signal_name
from .states import shown
from .sync import refresh
from .volumes_time import rfc3339

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, ContainerState, Mount
    from .runtime import Runtime

NEVER = "0001-01-01T00:00:00Z"
OCI_VERSION = "1.0.2"


def inspect_container(rt: Runtime, container_id: str, *, size: bool = False) -> dict[str, Any]:
    """Everything about one container; ``size`` adds SizeRw and SizeRootFs in bytes."""
    container = rt.records.containers.get(container_id)
    state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
    argv = container.argv
    document: dict[str, Any] = {
        "Id": container.id,
        "Created": rfc3339(container.created),
        "Path": argv[0] if argv else "",
        "Args": list(argv[1:]),
        "State": _state(rt, container, state),
        "Image": container.image.id,
        "ImageDigest": _image_digest(rt, container),
        "ImageName": container.image.name,
        "Rootfs": container.image.rootfs,
        "Pod": container.pod,
        **_paths(container),
        "OCIRuntime": _runtime(container),
        "Name": container.name,
        "RestartCount": state.restart_count,
        "Driver": rt.driver_name,
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": container.security.apparmor_profile,
        **_capabilities(rt, container),
        "ExecIDs": _exec_ids(container),
        "GraphDriver": _graph_driver(rt, container, state),
        "Mounts": _mounts(rt, container),
        "Dependencies": list(container.depends),
        "NetworkSettings": network_settings(container, state),
        "Namespace": "",
        "IsInfra": container.is_infra,
        "IsService": False,
        "KubeExitCodePropagation": "invalid",
        "lockNumber": 0,
        "Config": _config(container),
        "HostConfig": host_config(rt, container),
        "UseImageHosts": container.network.no_hosts,
        "UseImageHostname": container.network.no_hostname,
    }
    if size:
        document.update(_sizes(rt, container))
    return document


def _runtime(container: Container) -> str:
    """The runtime as it was asked for: a path stays a path."""
    asked = container.create_command
    return container.runtime_path if container.runtime_path in _runtime_flags(asked) else container.runtime


def _runtime_flags(command: tuple[str, ...]) -> set[str]:
    given = {word.partition("=")[2] for word in command if word.startswith("--runtime=")}
    return given | {after for word, after in zip(command, command[1:], strict=False) if word == "--runtime"}


def _state(rt: Runtime, container: Container, state: ContainerState) -> dict[str, Any]:
    return {
        "OciVersion": OCI_VERSION,
        "Status": shown(state.status),
        "Running": state.status in ("running", "paused"),
        "Paused": state.status == "paused",
        "Restarting": False,
        "OOMKilled": state.oom_killed,
        "Dead": False,
        "Pid": state.pid if state.status in ("running", "paused", "created", "stopping") else 0,
        "ConmonPid": state.conmon_pid,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": rfc3339(state.started_at) if state.started_at else NEVER,
        "FinishedAt": rfc3339(state.finished_at) if state.finished_at else NEVER,
        "CgroupPath": _cgroup(rt, container, state),
        "CheckpointedAt": NEVER,
        "RestoredAt": NEVER,
        "StoppedByUser": state.stopped_by_user,
    }


def _cgroup(rt: Runtime, container: Container, state: ContainerState) -> str:
    from ..oci.spec_linux import cgroups_path
    from .resolve import facts

    return cgroups_path(container, rt.settings, facts(rt)) if state.pid else ""


def _image_digest(rt: Runtime, container: Container) -> str:
    from ..errors import PolypodError

    if not container.image.id:
        return ""
    try:
        return rt.store.image(container.image.id).digest
    except PolypodError:  # removed, or its store is away
        return ""


def _paths(container: Container) -> dict[str, str]:
    run, static = container.run_dir, container.bundle
    return {
        "ResolvConfPath": f"{run}/resolv.conf",
        "HostnamePath": f"{run}/hostname",
        "HostsPath": f"{run}/hosts",
        "StaticDir": static,
        "OCIConfigPath": f"{static}/config.json",
        "ConmonPidFile": container.lifecycle.conmon_pidfile or f"{run}/conmon.pid",
        "PidFile": container.lifecycle.pidfile or f"{run}/pidfile",
    }


def _capabilities(rt: Runtime, container: Container) -> dict[str, list[str]]:
    from ..oci.spec_process import spec_capabilities
    from .resolve import facts

    found = spec_capabilities(container, rt.settings, facts(rt))
    return {
        "EffectiveCaps": sorted(found.get("effective", ())),
        "BoundingCaps": sorted(found.get("bounding", ())),
    }


def _exec_ids(container: Container) -> list[str]:
    import os

    from .exec import exec_dir

    try:
        return sorted(os.listdir(exec_dir(container)))
    except FileNotFoundError:
        return []


def _graph_driver(rt: Runtime, container: Container, state: ContainerState) -> dict[str, Any]:
    from ..errors import PolypodError

    data: dict[str, str] = {}
    if container.image.id:
        try:
            layer = rt.store.container_layer(container.id)
            diff = rt.storage_driver.diff_path(layer)
            data["UpperDir"] = diff
            if state.mountpoint:
                data["MergedDir"] = state.mountpoint
            if diff.endswith("/diff"):
                data["WorkDir"] = diff.removesuffix("diff") + "work"
        except PolypodError:
            data = {}  # the layer is damaged or gone: everything else can still be shown
    return {"Name": rt.driver_name, "Data": data}


def _mounts(rt: Runtime, container: Container) -> list[dict[str, Any]]:
    import os

    found = []
    for mount in container.mounts:
        if mount.type == "image":
            found.append(_image_mount(mount))
        if mount.type not in ("bind", "volume"):
            continue
        options = [o for o in mount.options if o not in ("ro", "rw", "z", "Z", "U")]
        if "rbind" not in options and "bind" not in options:
            options.append("rbind")
        propagation = next((o for o in options if o.endswith(("private", "shared", "slave"))), "rprivate")
        entry: dict[str, Any] = {"Type": mount.type}
        if mount.type == "volume":
            entry["Name"] = mount.name
            entry["Source"] = os.path.join(rt.volume_path, mount.name, "_data")
        else:
            entry["Source"] = mount.source
        entry.update(
            {
                "Destination": mount.destination,
                "Driver": "local" if mount.type == "volume" else "",
                "Mode": next((o for o in mount.options if o in ("z", "Z")), ""),
                "Options": [o for o in options if o != propagation],
                "RW": "ro" not in mount.options,
                "Propagation": propagation,
            }
        )
        if mount.subpath:
            entry["SubPath"] = mount.subpath
        found.append(entry)
    return found


def _image_mount(mount: Mount) -> dict[str, Any]:
    entry = {
        "Type": "image",
        "Source": mount.source,
        "Destination": mount.destination,
        "Driver": "",
        "Mode": "",
        "Options": [],
        "RW": "rw" in mount.options,
        "Propagation": "",
    }
    return {**entry, "SubPath": mount.subpath} if mount.subpath else entry


def _config(container: Container) -> dict[str, Any]:
    process, lifecycle = container.process, container.lifecycle
    environment = {**process.env}
    environment.setdefault("HOME", "/root")
    environment["HOSTNAME"] = container.hostname
    document: dict[str, Any] = {
        "Hostname": container.hostname,
        "Domainname": "",
        "User": process.user,
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": process.terminal,
        "OpenStdin": process.stdin,
        "StdinOnce": False,
        "Env": [f"{key}={value}" for key, value in environment.items()],
        "Cmd": list(process.command) or None,
        "Image": container.image.name,
        "Volumes": None,
        "WorkingDir": process.workdir or "/",
        "Entrypoint": list(process.entrypoint or ()) or None,
        "OnBuild": None,
        "Labels": container.labels or None,
        "Annotations": _annotations(container),
        "StopSignal": signal_name(lifecycle.stop_signal),
        "HealthcheckOnFailureAction": "none",
        "CreateCommand": list(container.create_command),
    }
    if process.timezone:
        document["Timezone"] = process.timezone
    if lifecycle.systemd == "always":
        document["SystemdMode"] = True
    document.update(
        {
            "Umask": process.umask or "0022",
            "Timeout": lifecycle.timeout,
            "StopTimeout": lifecycle.stop_timeout,
            "Passwd": process.passwd,
            "sdNotifyMode": lifecycle.sdnotify,
            "ExposedPorts": {port if "/" in port else port + "/tcp": {} for port in container.network.expose},
        }
    )
    return document


def _annotations(container: Container) -> dict[str, str]:
    from ..oci.runtime_spec import spec_annotations

    return spec_annotations(container)


def _sizes(rt: Runtime, container: Container) -> dict[str, int]:
    if not container.image.id:
        return {"SizeRw": 0, "SizeRootFs": 0}
    written = rt.store.container_size(container.id)
    return {
        "SizeRw": written,
        "SizeRootFs": written + rt.store.image_size(rt.store.image(container.image.id)),
    }
