"""``create``: reserve the name, resolve the request, make the writable layer."""

from __future__ import annotations

import os

from ..errors import AlreadyExists, NoSuchContainer
from ..model.container import Container, ContainerState
from .events import emit_container
from .ids import check_name, new_id, random_name
from .locking import ContainerLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerCreate
    from ..model.image import Image
    from .runtime import Runtime


def create(rt: Runtime, request: ContainerCreate) -> Container:
    """Make a container from a request and return it; nothing runs yet.

    Raises ``NoSuchImage``, ``AlreadyExists`` (the name), ``UsageError`` and what the
    store raises; after an error nothing of the container is left.
    """
    container_id = new_id()
    with ContainerLock(rt, container_id):
        return create_locked(rt, request, container_id)


def create_locked(rt: Runtime, request: ContainerCreate, container_id: str) -> Container:
    """The body of :func:`create`, for callers that hold the new container's lock."""
    from .resolve import resolve

    try:
        if request.name:
            request = request.evolve(name=request.name.removeprefix("/"))
            check_name(request.name)
            if request.replace:
                _replace(rt, request.name)
        if any(mount.type == "artifact" for mount in request.mounts):
            from .artifacts_mount import check_artifacts

            check_artifacts(rt, request.mounts)
        image = _image(rt, request)
        container = resolve(rt, request, container_id, image)
        container = _reserve(rt, container, request)
    except BaseException:
        _drop_run_dir(rt, container_id)
        raise
    try:
        _fill(rt, container, image)
    except BaseException:
        from .remove import discard

        discard(rt, container)
        raise
    emit_container(rt, "create", container, inspect=_inspect_data(rt, container))
    return container


def _inspect_data(rt: Runtime, container: Container) -> str:
    """What the event of a creation carries where events_container_create_inspect_data asks for it."""
    if not rt.settings.engine.events_container_create_inspect_data:
        return ""
    from ..kit.fastjson import dumps
    from .inspect import inspect_container

    return dumps(inspect_container(rt, container.id, size=True))


def _image(rt: Runtime, request: ContainerCreate) -> Image | None:
    """The image to run, of a manifest list the one for this host; ``None`` with a root directory."""
    if request.rootfs:
        return None
    image = _named_image(rt, request)
    if not image.top_layer:
        from .images_lookup import of_platform

        return of_platform(rt, image)
    return image


def _named_image(rt: Runtime, request: ContainerCreate) -> Image:
    if request.pull in ("always", "newer"):
        from .images_pull import ensure_image

        return ensure_image(rt, request.image, request.pull)[0]
    from ..errors import ImageDetached, NoSuchImage

    try:
        return rt.store.find_image(request.image)
    except ImageDetached:
        raise  # another image of that name is not what was asked for; --pull=always brings one
    except NoSuchImage:
        from .images_pull import ensure_image

        return ensure_image(rt, request.image, request.pull)[0]


def _replace(rt: Runtime, name: str) -> None:
    from .remove import remove

    try:
        holder = rt.records.containers.find(name)
    except NoSuchContainer:
        return
    if rt.records.containers.get(holder).name == name:
        remove(rt, holder, force=True, volumes=True)


def _reserve(rt: Runtime, container: Container, request: ContainerCreate) -> Container:
    """Write the first record: from here on the container can be seen, and repaired."""
    state = ContainerState(status="creating")
    durable = not container.lifecycle.remove
    while True:
        try:
            rt.records.containers.add(container, state, durable=durable)
            return container
        except AlreadyExists:
            if request.name:
                raise
            container = container.evolve(name=random_name())


def _fill(rt: Runtime, container: Container, image: Image | None) -> None:
    os.makedirs(container.bundle, 0o700, exist_ok=True)
    os.makedirs(container.run_dir, 0o700, exist_ok=True)
    if image is not None:
        _make_layer(rt, container, image)
    if any(mount.type == "volume" for mount in container.mounts):
        from .volumes import make_volumes

        make_volumes(rt, container)
    rt.records.containers.set_state(container.id, ContainerState(status="configured"))


def _make_layer(rt: Runtime, container: Container, image: Image) -> None:
    try:
        rt.store.create_container(
            container.id,
            (container.name,),
            image.id,
            metadata={
                "image-name": container.image.name,
                "image-id": image.id,
                "name": container.name,
                "created-at": int(container.created),
            },
            volatile=container.lifecycle.remove,
        )
    except AlreadyExists as error:
        raise AlreadyExists(
            f'creating container storage: the container name "{container.name}" is already in use '
            "by another tool's container. You have to remove that container to be able to reuse "
            "that name: that name is already in use by an external entity, or use --replace to "
            "instruct Podman to do so."
        ) from error


def _drop_run_dir(rt: Runtime, container_id: str) -> None:
    from .tree import remove_tree

    remove_tree(os.path.dirname(rt.run_dir(container_id)))
