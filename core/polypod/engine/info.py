"""Facts about the host, the store and the parts in use, in the shape of podman's ``info``."""

from __future__ import annotations

import os

from ..oci.host_facts import HostFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry.conf import Registry
    from .runtime import Runtime

BUILDAH_VERSION = "1.42.0"  # the one that podman 5.7 is built on; scripts read the field
LOG_DRIVERS = ("k8s-file", "json-file", "none", "passthrough")


def info(rt: Runtime, version: dict[str, Any], storage_conf: str = "") -> dict[str, Any]:
    """Return podman's info document.

    ``version`` is the version report, ``storage_conf`` the storage.conf in force. A part
    that cannot be asked is described by what is known, and its error is logged.
    """
    from .info_packages import packages

    host = _host(rt)
    found = packages(_paths(host))
    for tool in (host["conmon"], host["ociRuntime"], host["pasta"], host["networkBackendInfo"]):
        path = tool.get("path") or tool.get("executable", "")
        tool["package"] = tool.get("package") or (found.get(path, "Unknown") if path else "")
    dns = host["networkBackendInfo"].get("dns")
    if dns:
        dns["package"] = dns.get("package") or found.get(dns.get("path", ""), "Unknown")
    return {
        "host": host,
        "store": _store(rt, storage_conf),
        "registries": _registries(),
        "plugins": _plugins(rt),
        "version": version,
    }


def _paths(host: dict[str, Any]) -> list[str]:
    tools = (
        host["conmon"], host["ociRuntime"], host["pasta"], host["networkBackendInfo"],
        host["networkBackendInfo"].get("dns", {}),
    )  # fmt: skip
    return [path for tool in tools if (path := tool.get("path") or tool.get("executable", ""))]


def _host(rt: Runtime) -> dict[str, Any]:
    facts = HostFacts()
    memory = _table("/proc/meminfo")
    settings = rt.settings
    return {
        "arch": facts.arch,
        "buildahVersion": BUILDAH_VERSION,
        "cgroupManager": settings.engine.cgroup_manager,
        "cgroupVersion": f"v{facts.cgroup_version}",
        "cgroupControllers": sorted(facts.controllers),
        "conmon": _monitor(rt),
        "cpus": len(os.sched_getaffinity(0)),
        "cpuUtilization": _cpu(),
        "databaseBackend": rt.composition.state_name,
        "distribution": _distribution(),
        "eventLogger": settings.engine.events_logger,
        "hostname": facts.hostname,
        "idMappings": _id_mappings(facts.rootless),
        "kernel": os.uname().release,
        "logDriver": settings.containers.log_driver,
        "memFree": memory.get("MemFree", 0),
        "memTotal": memory.get("MemTotal", 0),
        "networkBackend": rt.composition.network_name,
        "networkBackendInfo": _network(rt),
        "ociRuntime": _runtime(rt),
        "os": "linux",
        "rootlessNetworkCmd": settings.network.default_rootless_network_cmd,
        "serviceIsRemote": False,
        "security": _security(rt, facts),
        "pasta": _pasta(),
        "swapFree": memory.get("SwapFree", 0),
        "swapTotal": memory.get("SwapTotal", 0),
        "uptime": _uptime(),
        "variant": "",
        "linkmode": "dynamic",
    }


def _monitor(rt: Runtime) -> dict[str, str]:
    facts = _ask("monitor", lambda: rt.monitor.info())
    return {"path": facts.get("path", ""), "version": facts.get("version", "")}


def _runtime(rt: Runtime) -> dict[str, str]:
    def ask() -> dict[str, str]:
        features = rt.oci.features()
        return {"path": features.path, "version": features.version}

    found = _ask("runtime", ask)
    path = found.get("path", "")
    version = _output([path, "--version"]) if path else ""
    return {
        "name": rt.composition.runtime_name,
        "path": path,
        "version": version or found.get("version", ""),
    }


def _network(rt: Runtime) -> dict[str, Any]:
    facts = dict(_ask("network", lambda: rt.network.info()))
    result: dict[str, Any] = {"backend": facts.get("backend", rt.composition.network_name)}
    for key in ("version", "package", "path"):
        if facts.get(key):
            result[key] = facts[key]
    dns = {
        "version": facts.get("dns_version", ""),
        "package": facts.get("dns_package", ""),
        "path": facts.get("dns", ""),
    }
    result["dns"] = {key: value for key, value in dns.items() if value}
    return result


def _ask(part: str, question: Any) -> dict[str, str]:
    """Ask a driver about itself; a broken one must not hide all the other facts."""
    from ..errors import PolypodError
    from ..kit.log import warning

    try:
        answer: dict[str, str] = question()
    except PolypodError as error:
        warning(f"{part}: {error}")
        return {}
    return answer


def _pasta() -> dict[str, str]:
    from shutil import which

    path = which("pasta") or ""
    version = _output([path, "--version"]) if path else ""
    return {"executable": path, "version": version}


def _output(command: list[str]) -> str:
    import subprocess

    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


def _security(rt: Runtime, facts: HostFacts) -> dict[str, Any]:
    from ..oci.seccomp import default_path

    containers = rt.settings.containers
    capabilities = sorted(
        name if name.startswith("CAP_") else f"CAP_{name}"
        for name in map(str.upper, containers.default_capabilities)
    )
    return {
        "apparmorEnabled": facts.apparmor,
        "capabilities": ",".join(capabilities),
        "rootless": facts.rootless,
        "seccompEnabled": facts.seccomp,
        "seccompProfilePath": default_path(containers.seccomp_profile),
        "selinuxEnabled": facts.selinux,
    }


def _id_mappings(rootless: bool) -> dict[str, Any]:
    if not rootless:
        return {"gidmap": None, "uidmap": None}
    return {"gidmap": _id_map("/proc/self/gid_map"), "uidmap": _id_map("/proc/self/uid_map")}


def _id_map(path: str) -> list[dict[str, int]]:
    rows = [[int(word) for word in line.split()] for line in _text(path).splitlines()]
    return [{"container_id": row[0], "host_id": row[1], "size": row[2]} for row in rows]


def _distribution() -> dict[str, str]:
    pairs = (line.partition("=") for line in _text("/etc/os-release").splitlines())
    release = {key: value.strip("\"'") for key, _, value in pairs}
    found = {
        "distribution": release.get("ID", "unknown"),
        "variant": release.get("VARIANT_ID", ""),
        "version": release.get("VERSION_ID", "unknown"),
        "codename": release.get("VERSION_CODENAME", ""),
    }
    return {key: value for key, value in found.items() if value}


def _cpu() -> dict[str, float]:
    ticks = [int(word) for word in _text("/proc/stat").split("\n", 1)[0].split()[1:]]
    if len(ticks) < 4 or not sum(ticks):
        return {"userPercent": 0.0, "systemPercent": 0.0, "idlePercent": 0.0}
    total = sum(ticks)
    return {
        "userPercent": round(ticks[0] / total * 100, 2),
        "systemPercent": round(ticks[2] / total * 100, 2),
        "idlePercent": round(ticks[3] / total * 100, 2),
    }


def _uptime() -> str:
    seconds = float(_text("/proc/uptime").split()[0])
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{int(hours)}h {int(minutes)}m {rest:.2f}s"
    return text if hours < 24 else f"{text} (Approximately {seconds / 86400:.2f} days)"


def _table(path: str) -> dict[str, int]:
    """Rows such as ``MemFree:  123 kB`` as bytes."""
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) == 3}


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _store(rt: Runtime, storage_conf: str) -> dict[str, Any]:
    storage = rt.settings.storage
    driver = rt.composition.storage_name
    options: dict[str, Any] = dict(storage.options)
    stores = list(storage.additional)
    key = f"{driver}.imagestore"
    if key in options:
        # Given several times, each names one more read-only store; podman shows the last.
        given = str(options[key]).split(",")
        stores += [path for path in given if path not in stores]
        options[key] = given[-1]
    if stores:
        options[f"{driver}.additionalImageStores"] = stores
    if storage.imagestore:
        options[key] = storage.imagestore
    space = _space(rt.graphroot)
    return {
        "configFile": storage_conf,
        "containerStore": _containers(rt),
        "graphDriverName": driver,
        "graphOptions": options,
        "graphRoot": rt.graphroot,
        "graphRootAllocated": space[0],
        "graphRootUsed": space[1],
        "graphStatus": dict(rt.storage_driver.info()),
        "imageCopyTmpDir": os.environ.get("TMPDIR") or rt.settings.engine.image_copy_tmp_dir,
        "imageStore": {"number": len(rt.store.image_records.all())},
        **_image_stores(rt),
        "runRoot": rt.runroot,
        "volumePath": rt.volume_path,
        "transientStore": storage.transient_store,
    }


def _image_stores(rt: Runtime) -> dict[str, Any]:
    """Image stores beside the writable one; podman has no such list."""
    if rt.imagestores is None:
        return {}
    from .imagestores import list_stores

    keys = ("Name", "ID", "Path", "State", "Way", "Origin")
    return {"imageStores": [{key: row[key] for key in keys} for row in list_stores(rt)]}


def _space(path: str) -> tuple[int, int]:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    stat = os.statvfs(path)
    return stat.f_blocks * stat.f_frsize, (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def _containers(rt: Runtime) -> dict[str, int]:
    rows, damaged = rt.records.containers.rows()
    statuses = [str(state.get("status", "")) for _, state in rows]
    running = statuses.count("running")
    paused = statuses.count("paused")
    return {
        "number": len(rows) + len(damaged),
        "paused": paused,
        "running": running,
        "stopped": len(rows) - running - paused,
    }


def _registries() -> dict[str, Any]:
    from ..oci.image_shortnames import has_tables, search_registries

    search = search_registries()
    found: dict[str, Any] = {"search": list(search)} if search else {}
    if has_tables():
        from ..registry.conf import load

        found.update({table.prefix: _registry(table) for table in load().registries})
    return dict(sorted(found.items()))


def _registry(table: Registry) -> dict[str, Any]:
    """A table of registries.conf as podman reports it."""
    mirrors = [
        {
            "Location": mirror.location,
            "Insecure": mirror.insecure,
            "PullFromMirror": "" if mirror.pull == "all" or table.by_digest else mirror.pull,
        }
        for mirror in table.mirrors
    ]
    return {
        "Prefix": table.prefix,
        "Location": table.location,
        "Insecure": table.insecure,
        "PullFromMirror": "",
        "Mirrors": mirrors or None,
        "Blocked": table.blocked,
        "MirrorByDigestOnly": table.by_digest,
    }


def _network_drivers(rt: Runtime) -> list[str]:
    from ..errors import PolypodError

    try:
        return [name for name in rt.network.info().get("drivers", "").split(",") if name]
    except PolypodError:
        return []  # the network's part of the report says why


def _plugins(rt: Runtime) -> dict[str, Any]:
    """Podman's lists of drivers, and under ``drivers`` which plugin does which part here."""
    composition = rt.composition
    return {
        "volume": ["local", *sorted(rt.settings.engine.volume_plugins)],
        "network": _network_drivers(rt),
        "log": list(LOG_DRIVERS),
        "authorization": None,
        "drivers": {
            "state": composition.state_name,
            "runtime": composition.runtime_name,
            "network": composition.network_name,
            "storage": composition.storage_name,
            "monitor": composition.monitor_name,
        },
    }
