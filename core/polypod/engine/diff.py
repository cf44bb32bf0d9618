"""``diff``: what a container or an image has changed in its file system."""

from __future__ import annotations

from ..errors import NoSuchContainer, NoSuchImage, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime

# What the engine itself puts into every container is no change of the container's.
_ENGINES = frozenset((
    "/dev", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/proc", "/run",
    "/run/.containerenv", "/run/notify", "/run/podman-init", "/run/secrets", "/sys",
))  # fmt: skip


def diff(
    rt: Runtime, ref: str, other: str = "", *, kinds: tuple[str, ...] = ("image", "container")
) -> list[tuple[str, str]]:
    """Changes as ``(kind, path)``, kind being A (added), C (changed) or D (deleted), in order of paths.

    Compared with ``other``, by default with the layer below. Both are names or IDs of what
    ``kinds`` allows; images go first. Raises ``NotFound``.
    """
    from ..store.changes import changes

    top = _layer(rt, ref, kinds)
    below = _layer(rt, other, kinds) if other else None
    return [(kind, path) for kind, path in changes(rt.store, top, below) if path not in _ENGINES]


def _layer(rt: Runtime, ref: str, kinds: tuple[str, ...]) -> str:
    """The top layer of what a name or ID stands for."""
    from .images_lookup import lookup_instance

    failure: NotFound | None = None
    if "image" in kinds:
        try:
            return lookup_instance(rt, ref)[0].top_layer
        except NoSuchImage as error:
            failure = error
    if "container" in kinds:
        try:
            return _container_layer(rt, ref)
        except NoSuchContainer as error:
            failure = failure or error
    if len(kinds) > 1:
        raise NotFound(f"{ref}: no such container, image or layer")
    assert failure is not None
    raise failure


def _container_layer(rt: Runtime, ref: str) -> str:
    from .external import find_external

    try:
        id = rt.records.containers.find(ref)
    except NoSuchContainer:
        return rt.store.container_layer(find_external(rt, ref))  # buildah's, for one
    container = rt.records.containers.get(id)
    if container.image.store:
        from .imagestores import require

        require(rt, container)
    return rt.store.container_layer(id)
