"""Namespace modes: what ``--pid``, ``--ipc``, ``--uts``, ``--cgroupns``, ``--network`` mean.

A mode is one string: ``private``, ``host``, ``container:ID``, ``ns:PATH``, and for
some kinds more (ipc: ``shareable``, ``none``; network: ``bridge``, ``none``). In
a stored container each is one of these and container IDs are full.
"""

from __future__ import annotations

import os

from ..errors import InvalidState, UsageError
from ..model.container import Namespaces, NetworkOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.container import Container, ContainerCreate, ContainerState
    from ..model.settings import Settings
    from ..oci.host_facts import HostFacts

    FindContainer = Callable[[str], Container]  # name, ID or ID prefix -> container
    FindState = Callable[[str], tuple[Container, ContainerState]]

#: kind of namespace -> its file in /proc/PID/ns
PROC_NAMES = {
    "pid": "pid",
    "ipc": "ipc",
    "uts": "uts",
    "cgroup": "cgroup",
    "user": "user",
    "network": "net",
}


def check_mode(kind: str, mode: str) -> str:
    """Return the mode, with "" as private; raise ``UsageError`` when the kind has no such mode."""
    if mode in ("", "private"):
        return "private"
    if mode == "host" or (kind == "ipc" and mode in ("shareable", "none")):
        return mode
    prefix, colon, value = mode.partition(":")
    if colon and prefix in ("container", "ns"):
        if not value:
            raise UsageError(f"namespace mode {prefix} of --{kind} requires a value")
        if prefix == "ns" and not os.path.exists(value):
            raise UsageError(
                f"cannot find specified {kind.upper()} namespace path: {value}: "
                "no such file or directory"
            )
        return mode
    raise UsageError(f"unrecognized namespace mode {mode} passed")


def resolve_namespaces(
    request: ContainerCreate, settings: Settings, facts: HostFacts, find: FindContainer | None
) -> tuple[Namespaces, NetworkOptions, tuple[str, ...]]:
    """Return the modes, the network options with its mode, and the IDs of containers joined."""
    asked, configured = request.namespaces, settings.containers
    joined: list[str] = []

    def settle(kind: str, mode: str, default: str) -> str:
        mode = check_mode(kind, mode or default)
        if mode.startswith("container:"):
            return _join(kind, mode[10:], find, joined)
        return mode

    cgroup_default = configured.cgroupns
    if facts.cgroup_version == 1 and "containers.cgroupns" not in settings.origin:
        # Runtimes of the v1 days mount the cgroup namespace's root in wrong places.
        cgroup_default = "host"
    user = _user_mode(asked, configured.userns)
    namespaces = Namespaces(
        pid=settle("pid", asked.pid, configured.pidns),
        ipc=settle("ipc", asked.ipc, configured.ipcns),
        uts=settle("uts", asked.uts, configured.utsns),
        cgroup=settle("cgroup", asked.cgroup, cgroup_default),
        user=user if user == "host" else settle("user", user, "host"),
        uid_map=asked.uid_map,
        gid_map=asked.gid_map,
    )
    network = _network(request.network, settings, find, joined)
    _check_combination(request, namespaces, network)
    return namespaces, network, tuple(dict.fromkeys(joined))


def _join(kind: str, wanted: str, find: FindContainer | None, joined: list[str]) -> str:
    if find is None:
        raise UsageError(f"looking up container to share {kind} namespace with: no containers here")
    other = find(wanted)
    if kind == "ipc" and other.namespaces.ipc == "private":
        raise UsageError(
            f"joining IPC of container {other.id} is not allowed: non-shareable IPC "
            "(hint: use IpcMode:shareable for the donor container)"
        )
    joined.append(other.id)
    return "container:" + other.id


def _user_mode(asked: Namespaces, configured: str) -> str:
    mode = asked.user or configured or "host"
    if mode in ("host", "") and not (asked.uid_map or asked.gid_map):
        return "host"
    if mode.startswith(("container:", "ns:")):
        return mode
    name = "--uidmap" if mode == "host" else f"--userns={mode}"
    raise UsageError(
        f"{name} is not supported: the root file system cannot be shifted to other user IDs yet; "
        "use --userns=host"
    )


def _network(
    options: NetworkOptions, settings: Settings, find: FindContainer | None, joined: list[str]
) -> NetworkOptions:
    mode = options.mode or ("bridge" if options.networks else settings.containers.netns)
    if mode in ("", "default", "private", "bridge"):
        networks = options.networks
        if not networks:
            from ..model.container import NetworkAttachment

            networks = {settings.network.default_network: NetworkAttachment()}
        return options.evolve(mode="bridge", networks=networks)
    if mode.startswith("container:"):
        mode = _join("net", mode[10:], find, joined)
    elif mode.startswith("ns:"):
        if not os.path.exists(mode[3:]):
            raise UsageError(
                f"cannot find specified network namespace path: {mode[3:]}: "
                "no such file or directory"
            )
    elif mode not in ("none", "host"):
        raise UsageError(
            f'network mode "{mode}" is not supported; use bridge, none, host, container:ID, '
            "ns:PATH or the name of a network"
        )
    if options.networks:
        raise UsageError(
            "networks and static ip/mac address can only be used with Bridge mode networking"
        )
    return options.evolve(mode=mode)


def _check_combination(
    request: ContainerCreate, namespaces: Namespaces, network: NetworkOptions
) -> None:
    if request.hostname and namespaces.uts != "private":
        raise UsageError(
            "cannot set hostname when running in the host UTS namespace: invalid configuration"
        )
    if request.resources.shm_size >= 0 and namespaces.ipc in ("host", "none"):
        raise UsageError(f"cannot set shmsize when running in the {namespaces.ipc} IPC Namespace")
    if network.mode.startswith("container:") and request.network.add_hosts:
        raise UsageError(
            "cannot set extra host entries when the container is joined to another containers "
            "network namespace: invalid configuration"
        )


def joined_paths(container: Container, find: FindState) -> dict[str, str]:
    """Return the namespace files of running containers that this one joins, by kind.

    With another's IPC namespace its /dev/shm is mounted in this one's run_dir (under the key
    ``shm``); :func:`release_joined` undoes that. ``find`` gives container and state by ID. Raises
    ``InvalidState`` when one is not running.
    """
    modes = container.namespaces.to_dict()
    modes["network"] = container.network.mode
    paths: dict[str, str] = {}
    for kind, file in PROC_NAMES.items():
        mode = modes.get(kind, "")
        if not mode.startswith("container:"):
            continue
        other, state = find(mode[10:])
        if state.status not in ("created", "running", "paused") or not state.pid:
            raise InvalidState(
                f"cannot get namespace path unless container {other.id} is running: "
                f"start {other.name} first"
            )
        paths[kind] = f"/proc/{state.pid}/ns/{file}"
        if kind == "ipc":
            if other.namespaces.ipc != "none":
                paths["shm"] = _share_shm(container, state.pid)
        elif kind == "uts":
            paths["hostname"] = other.hostname
    return paths


def _share_shm(container: Container, pid: int) -> str:
    from ..kit.mount_copy import copy_mount

    release_joined(container)
    target = f"{container.run_dir}/shm"
    os.makedirs(target, 0o700, exist_ok=True)
    copy_mount(pid, "/dev/shm", target)
    return target


def release_joined(container: Container) -> None:
    """Unmount what :func:`joined_paths` mounted; safe to repeat."""
    from ..kit.mounts import MNT_DETACH, umount

    umount(f"{container.run_dir}/shm", MNT_DETACH)
