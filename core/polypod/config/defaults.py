"""Defaults of the configuration: podman's, and the only driver names that core knows."""

from __future__ import annotations

import os

#: group -> drivers to try in this order when nothing names one.
DRIVER_PRIORITY = {
    "state": ("sqlite",),
    "runtime": ("crun", "runc", "youki"),
    "network": ("netavark", "host"),
    "storage": ("overlay", "vfs"),
    "monitor": ("conmon",),
}

#: The runtime plugin for an OCI-compatible binary that has no plugin of its own.
GENERIC_RUNTIME = "oci"

#: ``engine.database_backend`` of containers.conf -> state backend.
DATABASE_BACKENDS = {"boltdb": "kv", "sqlite": "sqlite"}

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BIN = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin")
_NIX = "/run/current-system/sw/bin"


def _candidates(name: str, *more: str) -> tuple[str, ...]:
    return (*(f"{folder}/{name}" for folder in (*_BIN, _NIX)), *more)


RUNTIMES = {
    "crun": _candidates("crun"),
    "crun-vm": _candidates("crun-vm"),
    "crun-wasm": _candidates("crun-wasm"),
    "runc": _candidates("runc", "/usr/lib/cri-o-runc/sbin/runc"),
    "kata": (*_candidates("kata-runtime"), "/usr/bin/kata-qemu", "/usr/bin/kata-fc"),
    "runsc": _candidates("runsc"),
    "youki": _candidates("youki"),
    "krun": ("/usr/bin/krun", "/usr/local/bin/krun"),
    "ocijail": ("/usr/local/bin/ocijail",),
    "runj": ("/usr/local/bin/runj",),
}

STORAGE = {
    "root": "/var/lib/containers/storage",
    "runroot": "/run/containers/storage",
}

ENGINE = {
    "runtimes": RUNTIMES,
    "runtime_supports_json": ("crun", "runc", "kata", "runsc", "youki", "krun", "ocijail"),
    "runtime_supports_kvm": ("kata", "kata-runtime", "kata-qemu", "kata-fc", "krun"),
    "runtime_supports_nocgroups": ("crun", "krun"),
    "platform_to_oci_runtime": {
        "wasi/wasm": "crun-wasm",
        "wasi/wasm32": "crun-wasm",
        "wasi/wasm64": "crun-wasm",
    },
    "conmon_path": (
        "/usr/libexec/podman/conmon",
        "/usr/local/libexec/podman/conmon",
        "/usr/local/lib/podman/conmon",
        "/usr/bin/conmon",
        "/usr/sbin/conmon",
        "/usr/local/bin/conmon",
        "/usr/local/sbin/conmon",
        f"{_NIX}/conmon",
    ),
    "conmon_env_vars": (f"PATH={_PATH}",),
    "hooks_dir": ("/usr/share/containers/oci/hooks.d",),
    "cdi_spec_dirs": ("/etc/cdi", "/var/run/cdi"),
    "helper_binaries_dir": (
        "/usr/local/libexec/podman",
        "/usr/local/lib/podman",
        "/usr/libexec/podman",
        "/usr/lib/podman",
    ),
    "compose_providers": (
        "$HOME/.docker/cli-plugins/docker-compose",
        "/usr/local/lib/docker/cli-plugins/docker-compose",
        "/usr/local/libexec/docker/cli-plugins/docker-compose",
        "/usr/lib/docker/cli-plugins/docker-compose",
        "/usr/libexec/docker/cli-plugins/docker-compose",
        "docker-compose",
        "podman-compose",
    ),
}

CONTAINERS = {
    "default_capabilities": (
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_NET_BIND_SERVICE",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ),
    "env": (f"PATH={_PATH}",),
}

_ROOTS = ("/usr/local/libexec", "/usr/libexec", "/usr/local/lib", "/usr/lib")

NETWORK = {
    "netavark_plugin_dirs": tuple(f"{root}/netavark" for root in _ROOTS),
    "cni_plugin_dirs": (*(f"{root}/cni" for root in _ROOTS), "/opt/cni/bin"),
    "default_subnet_pools": tuple(
        {"base": base, "size": 24}
        for base in ("10.89.0.0/16", "10.90.0.0/15", "10.92.0.0/14", "10.96.0.0/11", "10.128.0.0/9")
    ),
}

JOURNALS = ("/run/log/journal", "/var/log/journal")


def uses_systemd() -> bool:
    """Whether systemd is PID 1 here."""
    try:
        with open("/proc/1/comm", encoding="ascii", errors="replace") as file:
            return file.read().strip() == "systemd"
    except OSError:
        return False


def uses_journald() -> bool:
    """Whether the systemd journal exists and can be read."""
    if not uses_systemd():
        return False
    for root in JOURNALS:
        try:
            if any(os.access(entry.path, os.R_OK | os.X_OK) for entry in os.scandir(root)):
                return True
        except OSError:
            continue
    return False


def unified_cgroups() -> bool:
    """Whether the host has cgroup v2 alone."""
    return os.path.exists("/sys/fs/cgroup/cgroup.controllers")
