"""From a stored container to a bundle on disk: root mounted, files written, spec generated."""

from __future__ import annotations

import os

from ..kit.log import warning
from ..oci.runtime_spec import generate, user_database
from . import etc_files
from .cleanup import runtime_of
from .namespaces import joined_paths
from .resolve import facts
from .resolve_workdir import ensure_workdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, ContainerState
    from .runtime import Runtime

#: Mounts that something is done for on the host before the runtime makes them.
_PREPARED = ("volume", "image", "overlay", "artifact")


def prepare_rootfs(rt: Runtime, container: Container) -> str:
    """Mount the root file system and return its path."""
    if container.image.id:
        return rt.store.mount_container(container.id)
    if container.image.rootfs_overlay:
        from .mounts import mount_rootfs_overlay

        return mount_rootfs_overlay(container)
    return container.image.rootfs


def write_bundle(
    rt: Runtime, container: Container, state: ContainerState, rootfs: str
) -> dict[str, Any]:
    """Write the engine's files and config.json; return the spec."""
    os.makedirs(container.run_dir, 0o700, exist_ok=True)
    if any(m.subpath or m.type in _PREPARED for m in container.mounts):
        from .mounts import prepare_mounts

        container = prepare_mounts(rt, container, rootfs)
    database = user_database(container, rootfs)
    if container.process.host_users:
        from .etc_passwd import add_host_users

        database = add_host_users(container, rootfs, database)
    user = database.resolve(container.process.user)
    ensure_workdir(container, rootfs, user)
    host = facts(rt)
    binds = etc_files.prepare(
        container,
        rt.settings,
        host,
        rootfs=rootfs,
        database=database,
        user=user,
        engine_version=rt.version,
        shared_run_dir=_shared_run_dir(rt, container),
    )
    if container.network.mode != "bridge":
        etc_files.write_etc_files(rt, container, state)
    warnings: list[str] = []
    spec = generate(
        container,
        rootfs,
        host,
        rt.settings,
        binds=binds,
        netns=state.netns,
        ns_paths=joined_paths(container, _finder(rt)),
        init_path=_init_path(rt, container),
        console=_console(container),
        database=database,
        user=user,
        warnings=warnings,
    )
    for message in warnings:
        warning(message)
    runtime_of(rt, container).adapt(spec, host.cache_dir)
    rt.observers.amend_spec(container, spec)
    _write_spec(container.bundle, spec)
    return spec


def _init_path(rt: Runtime, container: Container) -> str:
    if not container.process.init:
        return ""
    from .init_binary import init_binary

    return init_binary(container, rt.settings)


def _console(container: Container) -> tuple[int, int] | None:
    if not container.process.terminal:
        return None
    from ..kit.tty import window_size

    for fd in (0, 1, 2):
        if os.isatty(fd):
            return window_size(fd)
    return None


def _finder(rt: Runtime):  # type: ignore[no-untyped-def]
    records = rt.records.containers
    return lambda id: (records.get(id), records.state(id)[0])


def _shared_run_dir(rt: Runtime, container: Container) -> str:
    mode = container.network.mode
    return rt.run_dir(mode[10:]) if mode.startswith("container:") else ""


def _write_spec(bundle: str, spec: dict[str, Any]) -> None:
    """config.json, readable by its owner alone: it holds the environment."""
    from ..kit.fastjson import dumps

    path = os.path.join(bundle, "config.json")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, dumps(spec).encode())
    finally:
        os.close(fd)
