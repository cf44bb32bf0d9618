"""``update``: other limits, another restart policy, another environment for a container that is there."""

from __future__ import annotations

from ..errors import UsageError
from ..kit.log import warning
from ..model.struct import Struct
from ..oci.spec_resources import spec_resources
from .cleanup import runtime_of
from .events import emit_container
from .locking import ContainerLock
from .resolve import facts
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, Resources, Ulimit
    from .runtime import Runtime


class Update(Struct):
    """What is to change; what is left out stays (podman-update(1))."""

    resources: dict[str, Any] = {}  # fields of model.container.Resources
    restart: str | None = None
    restart_retries: int = 0
    env: dict[str, str] = {}
    unset_env: tuple[str, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()


def update(rt: Runtime, container_id: str, wanted: Update) -> Container:
    """Change a container; limits hold at once when it runs, environment and ulimits from the next start.

    Raises ``UsageError`` for limits that contradict each other or the host; then nothing has changed.
    """
    with ContainerLock(rt, container_id):
        container = changed(rt.records.containers.get(container_id), wanted)
        if wanted.resources:
            _apply(rt, container)
        rt.records.containers.update(container_id, lambda stored: changed(stored, wanted))
        emit_container(rt, "update", container)
        return container


def _apply(rt: Runtime, container: Container) -> None:
    if container.cgroups == "disabled":
        raise UsageError(f"cannot update limits of container {container.id}: it has no cgroup")
    warnings: list[str] = []
    resources = spec_resources(container, facts(rt), [], warnings)
    for message in warnings:
        warning(message)
    resources.pop("devices", None)
    state = refresh(rt, container.id, rt.records.containers.state(container.id)[0])
    if state.pid:
        runtime_of(rt, container).update(container.id, resources)


def changed(container: Container, wanted: Update) -> Container:
    """The container as it is to be."""
    process = container.process
    env = {name: value for name, value in process.env.items() if name not in wanted.unset_env}
    kept = container.ulimits
    if any(limit.name == "host" for limit in wanted.ulimits):
        kept = ()  # the host's, and what is said beside it
    ulimits = {limit.name: limit for limit in (*kept, *wanted.ulimits)}
    lifecycle = container.lifecycle
    if wanted.restart is not None:
        if lifecycle.remove and wanted.restart != "no":
            raise UsageError("the --rm option conflicts with --restart, when the restartPolicy is not \"\" and \"no\"")
        lifecycle = lifecycle.evolve(restart=wanted.restart, restart_retries=wanted.restart_retries)
    return container.evolve(
        process=process.evolve(env={**env, **wanted.env}),
        ulimits=tuple(ulimits.values()),
        lifecycle=lifecycle,
        resources=_merged(container.resources, wanted.resources),
    )


def _merged(old: Resources, fields: dict[str, Any]) -> Resources:
    more = dict(fields)
    if "cpus" in fields:
        more.setdefault("cpu_period", 0)
        more.setdefault("cpu_quota", 0)
    elif "cpu_period" in fields or "cpu_quota" in fields:
        more["cpus"] = 0.0
    if "memory" in fields and "memory_swap" not in fields and old.memory_swap in (0, 2 * old.memory):
        more["memory_swap"] = 2 * fields["memory"]  # as at creation, where nobody said otherwise
    new = old.evolve(**more)
    if new.memory_swap > 0 and not new.memory:
        raise UsageError("you should always set a memory limit when using a memory-swap limit")
    if 0 < new.memory_swap < new.memory:
        raise UsageError("minimum memoryswap limit should be larger than memory limit")
    return new
