"""Who needs whom: the keys of the ``ref`` bucket.

A reference is an empty record ``KIND:NAME:USER``: user (a container ID) needs the
volume, network, container or image NAME. It is written and deleted in the same
batch as its user, so it is never stale, and "is it in use" is one prefix listing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..ports.state import StatePort

BUCKET = "ref"


def key(kind: str, name: str, user: str) -> str:
    """The record's key; ``:`` cannot be part of a name or an ID."""
    return f"{kind}:{name}:{user}"


def of_container(container: Container) -> list[str]:
    """Keys of everything a container needs."""
    keys = [key("container", needed, container.id) for needed in container.depends]
    keys += [
        key("volume", mount.name, container.id)
        for mount in container.mounts
        if mount.type == "volume" and mount.name
    ]
    keys += [key("network", name, container.id) for name in container.network.networks]
    if container.image.id:
        keys.append(key("image", container.image.id, container.id))
    return list(dict.fromkeys(keys))


def users(state: StatePort, kind: str, name: str) -> list[str]:
    """IDs of the containers that need the object."""
    prefix = key(kind, name, "")
    return [found[len(prefix) :] for found, _, _ in state.list(BUCKET, prefix)]


def all_users(state: StatePort, kind: str) -> dict[str, list[str]]:
    """Every object of a kind that is needed, with its users."""
    result: dict[str, list[str]] = {}
    for found, _, _ in state.list(BUCKET, f"{kind}:"):
        _, name, user = found.split(":", 2)
        result.setdefault(name, []).append(user)
    return result
