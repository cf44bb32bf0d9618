"""From a stored container to the OCI runtime spec that crun, runc or youki reads.

The document is made anew at each start: the root's users, the host's devices and
the namespaces of other containers may have changed.
"""

from __future__ import annotations

import os

from .spec_linux import spec_linux
from .spec_mounts import spec_mounts
from .spec_process import spec_process
from .users import UserDatabase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.container import Container
    from ..model.settings import Settings
    from .host_facts import HostFacts
    from .users import ExecUser

OCI_VERSION = "1.0.2"
_TRUE = "TRUE"
_PASSWD_FILES = ("/etc/passwd", "/etc/group")


def user_database(container: Container, rootfs: str) -> UserDatabase:
    """Return the users of the container's root, as seen through the user's own mounts."""
    overrides = {}
    for mount in container.mounts:
        if mount.type in ("bind", "volume"):
            for path in _PASSWD_FILES:
                if mount.destination == path:
                    overrides[path] = mount.source
                elif mount.destination == "/etc":
                    overrides.setdefault(path, mount.source + path[4:])
    return UserDatabase(rootfs, overrides)


def generate(
    container: Container,
    rootfs: str,
    facts: HostFacts,
    settings: Settings,
    *,
    binds: Mapping[str, str] | None = None,
    netns: str = "",
    ns_paths: Mapping[str, str] | None = None,
    init_path: str = "",
    console: tuple[int, int] | None = None,
    database: UserDatabase | None = None,
    user: ExecUser | None = None,
    warnings: list[str] | None = None,
) -> dict[str, Any]:
    """Return the runtime spec (config.json) of a resolved container.

    ``rootfs`` is its mounted root. ``binds`` maps destinations to files of the engine,
    as ``engine.etc_files`` gives them. ``netns`` is the path of the network namespace
    of a bridged container. ``ns_paths`` comes from ``engine.namespaces.joined_paths``.
    ``init_path`` is the host's init binary (``engine.init_binary``) when
    ``container.process.init``. ``database`` and ``user`` save reading passwd twice.
    Limits that the host cannot hold are dropped and told in ``warnings``. Raises
    ``UsageError`` (a user, device or option is no good) and ``ConfigError`` (a profile).
    """
    ns_paths = dict(ns_paths or {})
    told = warnings if warnings is not None else []
    if database is None:
        database = user_database(container, rootfs)
    if user is None:
        user = database.resolve(container.process.user)
    hostname = _hostname(container, facts, ns_paths)
    process = spec_process(
        container,
        settings,
        facts,
        database=database,
        user=user,
        hostname=hostname,
        console=console,
    )
    spec: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": process,
        "root": {"path": rootfs},
        "mounts": spec_mounts(
            container,
            facts,
            rootfs=rootfs,
            user=user,
            binds=dict(binds or {}),
            ns_paths=ns_paths,
            init_path=init_path,
        ),
        "annotations": spec_annotations(container),
        "linux": spec_linux(
            container,
            settings,
            facts,
            bounding=process["capabilities"]["bounding"],
            netns=netns,
            ns_paths=ns_paths,
            warnings=told,
        ),
    }
    if container.security.read_only:
        spec["root"]["readonly"] = True
    if container.namespaces.uts == "private":
        spec["hostname"] = container.hostname
    return _with_hooks(container, spec)


def _with_hooks(container: Container, spec: dict[str, Any]) -> dict[str, Any]:
    if not any(map(os.path.isdir, container.hooks_dirs)):
        return spec
    from .hooks import add_hooks

    return add_hooks(container, spec)


def _hostname(container: Container, facts: HostFacts, ns_paths: dict[str, str]) -> str:
    """What the HOSTNAME variable says: the name in the UTS namespace that the process is in."""
    mode = container.namespaces.uts
    if mode == "private":
        return container.hostname
    if mode.startswith("container:"):
        return ns_paths.get("hostname", container.hostname)
    return facts.hostname


def spec_annotations(container: Container) -> dict[str, str]:
    """Return the annotations: the user's, and those by which tools know podman's containers."""
    result = dict(container.annotations)
    if container.lifecycle.remove:
        result["io.podman.annotations.autoremove"] = _TRUE
    if container.security.privileged:
        result["io.podman.annotations.privileged"] = _TRUE
    if container.process.init:
        result["io.podman.annotations.init"] = _TRUE
    if container.network.publish_all:
        result["io.podman.annotations.publish-all"] = _TRUE
    signal = str(container.lifecycle.stop_signal)
    result["org.opencontainers.image.stopSignal"] = signal
    result["org.systemd.property.KillSignal"] = signal
    if container.lifecycle.stop_timeout > 0:
        result["org.systemd.property.TimeoutStopUSec"] = (
            f"uint64 {container.lifecycle.stop_timeout * 1000000}"
        )
    result.setdefault("io.container.manager", "libpod")
    return result
