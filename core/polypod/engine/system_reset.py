"""``system reset``: an engine's roots as they were before its first command.

Only what polypod and podman put there is removed, by name: a root that is the wrong directory
loses nothing else.
"""

from __future__ import annotations

import os

from ..errors import PolypodError
from ..kit import mounts
from ..kit.atomic import remove_tree
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .runtime import Runtime

#: What a storage driver's directories are called: NAME and NAME-layers.
_PARTS = ("layers", "images", "containers", "locks")
_STORE = ("storage.lock", "userns.lock", "mounts", "tmp", "cache", "defaultNetworkBackend")
_ENGINE = ("polypod", "libpod", "volumes", "artifacts", "networks", "secrets", "db.sql", "userns")
_RUN = ("polypod", "libpod", "netns", "networks")


class ResetPlan(Struct):
    """What a reset would remove: the roots, and the containers of other engines by ID and name."""

    graphroot: str
    runroot: str
    imagestore: str = ""
    external: tuple[tuple[str, str], ...] = ()


def plan(rt: Runtime) -> ResetPlan:
    """Look, and change nothing."""
    own = set(rt.records.containers.ids())
    external = [
        (record["id"], (record.get("names") or [""])[0])
        for record in rt.store.containers()
        if record["id"] not in own
    ]
    store = rt.settings.storage.imagestore
    return ResetPlan(
        graphroot=rt.graphroot, runroot=rt.runroot, imagestore=store, external=tuple(external)
    )


def reset(rt: Runtime) -> list[str]:
    """Stop and remove all containers, then images, networks, volumes, artifacts and the state.

    Returns what could not be done, a line each; the rest is done all the same. Networks in a
    directory that all engines of the host share stay when ``--root`` chose another store.
    """
    errors: list[str] = []
    _attempt(errors, "removing containers", lambda: _containers(rt, errors))
    if "root" not in rt.flags or rt.settings.network.config_dir.startswith(rt.graphroot + "/"):
        _attempt(errors, "removing networks", lambda: _networks(rt, errors))
    _attempt(errors, "removing volumes", lambda: _volumes(rt, errors))
    rt.close()
    roots = [root for root in (rt.graphroot, rt.runroot, rt.settings.storage.imagestore) if root]
    for path in list(_doomed(rt, roots)):
        if _unmount(path, errors):
            _attempt(errors, f"removing {path}", lambda path=path: remove_tree(path))  # type: ignore[misc]
    for root in roots:
        _drop_empty(root)
    return errors


def _attempt(errors: list[str], doing: str, action: Callable[[], None]) -> None:
    try:
        action()
    except (PolypodError, OSError) as error:
        errors.append(f"{doing}: {error}")


def _containers(rt: Runtime, errors: list[str]) -> None:
    from .images_remove import container_remover
    from .remove import remove

    for id in rt.records.containers.ids():
        def gone(id: str = id) -> None:
            if id in rt.records.containers.ids():  # not removed together with one before it
                remove(rt, id, force=True, volumes=True, timeout=0, depend=True)

        _attempt(errors, f"removing container {id}", gone)
    remove_any = container_remover(rt)
    for record in rt.store.containers():
        id = record["id"]
        _attempt(errors, f"removing container {id}", lambda id=id: remove_any(id))  # type: ignore[misc]


def _networks(rt: Runtime, errors: list[str]) -> None:
    from .networks import remove_network

    for network in rt.network.list():
        if network.name != rt.settings.network.default_network:
            _attempt(
                errors,
                f"removing network {network.name}",
                lambda name=network.name: _ignore(remove_network(rt, name, force=True)),  # type: ignore[misc]
            )


def _ignore(_value: object) -> None:
    return None


def _volumes(rt: Runtime, errors: list[str]) -> None:
    """Volumes whose data may lie outside the graphroot, or is mounted."""
    from .volumes_admin import remove_volume

    for volume in rt.records.volumes.all():
        _attempt(
            errors,
            f"removing volume {volume.name}",
            lambda name=volume.name: _ignore(remove_volume(rt, name, force=True)),  # type: ignore[misc]
        )


def _unmount(path: str, errors: list[str]) -> bool:
    """Take down every mount at and below a path, the innermost first; whether all are gone."""
    from ..store.probing import mount_types

    base, before = os.path.realpath(path), len(errors)
    for point, _ in mount_types():
        if point == base or point.startswith(base + "/"):
            _attempt(
                errors,
                f"unmounting {point}",
                lambda point=point: _ignore(mounts.umount(point, mounts.MNT_DETACH)),  # type: ignore[misc]
            )
    return len(errors) == before


def _doomed(rt: Runtime, roots: list[str]) -> Iterator[str]:
    """The paths to delete."""
    drivers = {rt.driver_name}.union(*(_drivers(root) for root in roots))
    parts = [f"{driver}-{part}" for driver in drivers for part in _PARTS]
    for root in roots:
        names = {*_STORE, *drivers, *parts}
        if root == rt.graphroot:
            names.update(_ENGINE)
        elif root == rt.runroot:
            names.update(_RUN)
        yield from (f"{root}/{name}" for name in _listed(root) if name in names)
    for path, known in ((rt.static_dir, "polypod"), (rt.tmp_dir, "polypod"), (rt.volume_path, "volumes")):
        if os.path.basename(path) == known and os.path.lexists(path):
            yield path


def _listed(root: str) -> list[str]:
    try:
        return sorted(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _drivers(root: str) -> set[str]:
    """The drivers that have written to a root, by their tables; a name alone may be anybody's."""
    found = set()
    for name in _listed(root):
        driver, _, part = name.rpartition("-")
        table = f"{root}/{name}/{part}"
        if driver and part in _PARTS and any(os.path.lexists(table + end) for end in (".json", ".lock")):
            found.add(driver)
    return found


def _drop_empty(root: str) -> None:
    try:
        os.rmdir(root)
    except OSError:
        return  # something else lies in it, or it is a mount point: not ours
