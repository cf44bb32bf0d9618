"""The ``linux`` part of a runtime spec: namespaces, cgroup, devices, masks, sysctls, seccomp."""

from __future__ import annotations

import os
import posixpath

from ..errors import UsageError
from . import seccomp
from .spec_devices import spec_devices
from .spec_resources import spec_resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container
    from ..model.settings import Settings
    from .host_facts import HostFacts

MASKED = (
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
    "/proc/interrupts",
)
READ_ONLY = (
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
_CPUS = "/sys/devices/system/cpu"
DEFAULT_CGROUP_PARENT = "/libpod_parent"
DEFAULT_SLICE = "machine.slice"
DEFAULT_ROOTLESS_SLICE = "user.slice"


def spec_linux(
    container: Container,
    settings: Settings,
    facts: HostFacts,
    *,
    bounding: list[str],
    netns: str,
    ns_paths: dict[str, str],
    warnings: list[str],
) -> dict[str, Any]:
    """Return the ``linux`` object.

    ``netns`` is the network namespace that the engine has made ("" lets the runtime
    make one), ``ns_paths`` the namespace files of joined containers by kind.
    """
    nodes, rules = spec_devices(container, settings, facts)
    linux: dict[str, Any] = {
        "namespaces": spec_namespaces(container, netns, ns_paths),
        "resources": spec_resources(container, facts, rules, warnings),
    }
    if nodes:
        linux["devices"] = nodes
    path = cgroups_path(container, settings, facts)
    if path:
        linux["cgroupsPath"] = path
    if container.sysctls:
        linux["sysctl"] = dict(container.sysctls)
    masked, read_only = spec_masks(container, facts)
    if masked:
        linux["maskedPaths"] = masked
    if read_only:
        linux["readonlyPaths"] = read_only
    profile = spec_seccomp(container, settings, facts, bounding)
    if profile is not None:
        linux["seccomp"] = profile
    propagation = root_propagation(container)
    if propagation:
        linux["rootfsPropagation"] = propagation
    if container.process.personality:
        linux["personality"] = {"domain": container.process.personality}
    return linux


def spec_namespaces(
    container: Container, netns: str, ns_paths: dict[str, str]
) -> list[dict[str, str]]:
    """Return ``linux.namespaces``."""
    modes = container.namespaces
    result = [{"type": "mount"}]
    for kind, mode in (
        ("pid", modes.pid),
        ("network", container.network.mode),
        ("ipc", modes.ipc),
        ("uts", modes.uts),
        ("cgroup", modes.cgroup),
        ("user", modes.user),
    ):
        if mode == "host" or (kind == "user" and not mode):
            continue
        path = ""
        if mode.startswith("ns:"):
            path = mode[3:]
        elif mode.startswith("container:"):
            path = ns_paths[kind]
        elif kind == "network":
            path = netns
        result.append({"type": kind, "path": path} if path else {"type": kind})
    return result


def cgroups_path(container: Container, settings: Settings, facts: HostFacts) -> str:
    """Return ``linux.cgroupsPath`` in the form that the cgroup manager of the runtime takes."""
    if container.cgroups == "disabled":
        return ""
    if container.cgroups == "split":
        return f"{_own_cgroup()}/libpod-payload-{container.id}"
    parent = container.cgroup_parent
    if settings.engine.cgroup_manager == "systemd":
        slice_name = posixpath.basename(parent) or (
            DEFAULT_ROOTLESS_SLICE if facts.rootless else DEFAULT_SLICE
        )
        return f"{slice_name}:libpod:{container.id}"
    if facts.rootless and not parent:
        return ""
    return f"{parent or DEFAULT_CGROUP_PARENT}/libpod-{container.id}"


def _own_cgroup() -> str:
    """The cgroup of this process: v2's, else that of the memory controller."""
    found = ""
    with open("/proc/self/cgroup", encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if not controllers or "memory" in controllers.split(","):
                found = path
                if controllers:
                    break
    if found in ("", "/"):
        raise UsageError(
            "could not find cgroup mount for --cgroups=split: not in a cgroup of its own"
        )
    return found


def spec_masks(container: Container, facts: HostFacts) -> tuple[list[str], list[str]]:
    """Return (maskedPaths, readonlyPaths)."""
    security = container.security
    masked: list[str] = []
    read_only: list[str] = []
    if not security.privileged:
        patterns = [part for entry in security.unmask for part in entry.split(":")]
        masked = [path for path in (*MASKED, *_thermal()) if not _unmasked(path, patterns)]
        read_only = [path for path in READ_ONLY if not _unmasked(path, patterns)]
    if container.lifecycle.systemd == "always" and facts.cgroup_version == 1:
        # Through it a container could have the host run a program.
        masked.append("/sys/fs/cgroup/systemd/release_agent")
    for entry in security.mask:
        masked.extend(path for path in entry.split(":") if path.startswith("/"))
    return list(dict.fromkeys(masked)), read_only


def _thermal() -> list[str]:
    """Per-CPU throttling counters, which tell a container about its neighbours."""
    try:
        names = os.listdir(_CPUS)
    except OSError:
        return []
    paths = (f"{_CPUS}/{name}/thermal_throttle" for name in names if name[3:].isdigit())
    return [path for path in paths if os.path.exists(path)]


def _unmasked(path: str, patterns: list[str]) -> bool:
    for pattern in patterns:
        if pattern.lower() == "all" or pattern == path:
            return True
        if any(char in pattern for char in "*?["):
            # Users rarely write patterns, and fnmatch brings re with it.
            from fnmatch import fnmatchcase

            parts, wanted = path.split("/"), pattern.split("/")
            if len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
                return True
    return False


def spec_seccomp(
    container: Container, settings: Settings, facts: HostFacts, bounding: list[str]
) -> dict[str, Any] | None:
    """Return ``linux.seccomp``, or ``None`` for an unconfined container."""
    asked = container.security.seccomp_profile
    if asked == "unconfined" or (container.security.privileged and not asked):
        return None
    path = asked or seccomp.default_path(settings.containers.seccomp_profile)
    if path == "unconfined" or not path or not facts.seccomp:
        return None
    return seccomp.load(path, facts.arch, frozenset(bounding))


def root_propagation(container: Container) -> str:
    """Mounts that pass events on need a root that does; "" leaves the runtime's default."""
    found = ""
    for mount in container.mounts:
        for option in mount.options:
            if option in ("shared", "rshared"):
                return "shared"
            if option in ("slave", "rslave"):
                found = "rslave"
    return found
