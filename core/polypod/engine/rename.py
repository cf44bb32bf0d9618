"""``rename``."""

from __future__ import annotations

from .events import emit_container
from .ids import check_name
from .locking import ContainerLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime


def rename(rt: Runtime, container_id: str, name: str) -> Container:
    """Give a container another name; raises ``AlreadyExists`` and ``UsageError``."""
    check_name(name)
    with ContainerLock(rt, container_id):
        container = rt.records.containers.rename(container_id, name)
        if container.image.id:
            rt.store.set_container_names(container.id, (name,))
        emit_container(rt, "rename", container)
        return container
