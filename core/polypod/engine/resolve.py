"""From a request to the container that will be stored: image, names, volumes, ports, runtime."""

from __future__ import annotations

import os

from ..errors import UsageError
from ..model.container import Container, ImageSource
from .ids import random_name
from .resolve_container import resolve_container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerCreate
    from ..model.image import Image
    from ..oci.host_facts import HostFacts
    from .runtime import Runtime


def resolve(
    rt: Runtime, request: ContainerCreate, container_id: str, image: Image | None
) -> Container:
    """Resolve everything that can be resolved before the container is stored."""
    config = rt.store.image_config(image) if image is not None else None
    source = None
    if image is not None:
        source = ImageSource(
            id=image.id,
            name=_image_name(request.image, image),
            raw=request.image,
            **_store(rt, image),  # type: ignore[arg-type]
        )
    else:
        _check_rootfs(request.rootfs)
    bundle = rt.bundle_dir(container_id)
    container = resolve_container(
        request,
        id=container_id,
        name=request.name or random_name(),
        image=source,
        image_config=config,
        settings=rt.settings,
        facts=facts(rt),
        find=lambda ref: rt.records.containers.get(rt.records.containers.find(ref)),
        bundle=bundle,
        run_dir=rt.run_dir(container_id),
        runtime=rt.composition.runtime_name,
        runtime_path=rt.oci.command()[0],
    )
    if not container.log.path and container.log.driver in ("k8s-file", "json-file"):
        container = container.evolve(
            log=container.log.evolve(path=os.path.join(bundle, "ctr.log"))
        )
    if container.mounts:
        from .volumes import name_volumes

        container = container.evolve(mounts=name_volumes(rt, container))
    default = rt.settings.network.default_network
    if container.network.mode == "bridge" and list(container.network.networks) != [default]:
        from .networks import settle_networks

        container = container.evolve(network=settle_networks(rt, container))
    if container.network.networks:
        from .networks import settle_networks

        container = container.evolve(network=settle_networks(rt, container))
    if container.network.ports or container.network.publish_all:
        from .ports import assign_ports

        container = container.evolve(network=assign_ports(rt, container))
    return container


def _store(rt: Runtime, image: Image) -> dict[str, str]:
    """Name and ID of the attached store that the container's layer is going to stand on, or the imagestore."""
    own = rt.settings.storage.imagestore
    noted = {"imagestore": os.path.abspath(own)} if own and not image.store else {}
    if rt.imagestores is None or not image.top_layer or not rt.storage_driver.native_diff():
        return noted  # a driver that copies whole trees leaves nothing to stand on
    store = rt.imagestores.holder(rt.storage_driver.diff_path(image.top_layer))
    return {"store": store.name, "store_id": store.id} if store is not None else noted


def facts(rt: Runtime) -> HostFacts:
    """Facts about the host, computed once."""
    known: HostFacts | None = rt.__dict__.get("host_facts")
    if known is None:
        from ..oci.host_facts import HostFacts

        known = rt.__dict__["host_facts"] = HostFacts(os.path.join(rt.static_dir, "cache"))
    return known


def _image_name(asked: str, image: Image) -> str:
    """The name by which the container knows its image: the one asked for, in full."""
    if not image.names:
        return image.id
    bare = asked.partition("@")[0]
    for name in image.names:
        if name == bare or name.endswith("/" + bare) or name.removesuffix(":latest").endswith(bare):
            return name
    return image.names[0]


def _check_rootfs(text: str) -> None:
    path = text.partition(":")[0]
    if not os.path.isdir(path):
        raise UsageError(f"rootfs {path} is not a directory: no such file or directory")
