"""``container clone``: another container like one that is there."""

from __future__ import annotations

from ..errors import InvalidState, NoSuchContainer
from ..model.container import ContainerCreate
from .create import create
from .sync import refresh
from .update import Update, changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, Mount
    from .runtime import Runtime

#: What a stored container and the request for one have in common.
_SAME = (
    "labels", "annotations", "process", "security", "resources", "ulimits", "devices", "namespaces",
    "chroot_dirs", "sysctls", "cgroup_parent", "cgroups", "hooks_dirs", "create_command", "pod",
)  # fmt: skip


def clone(
    rt: Runtime,
    container_id: str,
    *,
    name: str = "",
    image: str = "",
    resources: dict[str, Any] | None = None,
    destroy: bool = False,
    force: bool = False,
) -> Container:
    """Make a container like another one: its settings and volumes, not what it has written.

    ``name`` is by default the other's with ``-clone``; ``image`` and ``resources`` (fields of
    model.container.Resources) take the place of its own. With ``destroy`` the other one goes first,
    with ``force`` also while it runs. Raises what ``create`` raises.
    """
    original = rt.records.containers.get(container_id)
    request = request_of(rt, changed(original, Update(resources=resources or {})))
    request = request.evolve(name=name or _free_name(rt, f"{original.name}-clone"))
    if image:
        request = request.evolve(image=image, rootfs="")
    if destroy:
        from .remove import remove

        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status in ("running", "paused") and not force:
            raise InvalidState(
                f"cannot remove container {container_id} as it is {state.status} - running or paused "
                "containers cannot be removed without force: container state improper"
            )
        made = create(rt, request)
        remove(rt, container_id, force=force)
        return made
    return create(rt, request)


def request_of(rt: Runtime, container: Container) -> ContainerCreate:
    """The request that makes a container like this one; without a name, addresses and files of its own."""
    image = container.image
    network = container.network
    places = {
        key: place.evolve(static_ips=(), static_mac="") for key, place in network.networks.items()
    }
    shared = "host" in (container.namespaces.uts, network.mode)
    own_name = shared or container.hostname in (container.id[:12], container.name)
    return ContainerCreate(
        **{field: getattr(container, field) for field in _SAME},
        image=image.id,
        rootfs=f"{image.rootfs}:O" if image.rootfs_overlay else image.rootfs,
        hostname="" if own_name else container.hostname,
        network=network.evolve(networks=places),
        mounts=tuple(_again(mount) for mount in container.mounts),
        image_volumes="ignore",  # the other's mounts have them already
        log=container.log.evolve(path=""),
        lifecycle=container.lifecycle.evolve(cidfile="", pidfile="", conmon_pidfile=""),
        requires=tuple(id for id in container.depends if id in rt.records.containers.ids()),
    )


def _again(mount: Mount) -> Mount:
    if mount.type != "volume" or not mount.name:
        return mount
    if mount.anonymous:
        return mount.evolve(source="", name="", from_image=False)
    return mount.evolve(source=mount.name, name="")


def _free_name(rt: Runtime, wanted: str) -> str:
    name, number = wanted, 0
    while True:
        try:
            rt.records.containers.find(name)
        except NoSuchContainer:
            return name
        number += 1
        name = f"{wanted}{number}"
