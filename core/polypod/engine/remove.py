"""``rm``: forget a container and delete what belongs to it."""

from __future__ import annotations

import os

from ..errors import InUse, InvalidState, NoSuchContainer, NotFound, PolypodError, RuntimeFailure
from ..model.container import ContainerState
from .cleanup import delete_in_runtime, settle, take_down
from .events import emit_container
from .exits import note
from .locking import ContainerLock
from .states import LIVE
from .sweep import KEPT
from .sync import refresh
from .tree import remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime


def remove(
    rt: Runtime,
    container_id: str,
    *,
    force: bool = False,
    volumes: bool = False,
    timeout: int | None = None,
    depend: bool = False,
) -> list[str]:
    """Remove a container and return the IDs of all that went, dependents first.

    ``force`` stops a live one (``timeout`` seconds before SIGKILL) and gets past every
    damage, so that name and mounts become free; ``volumes`` deletes its
    anonymous volumes; ``depend`` removes the containers that need it.
    Raises ``InvalidState`` for a live one without force, ``InUse`` when others need it.
    """
    removed: list[str] = []
    users = rt.records.containers.users_of(container_id)
    if users and not (depend or force):
        raise InUse(
            f"container {container_id} has dependent containers which must be removed before it: "
            f"{', '.join(users)}: container already exists"
        )
    for user in users:
        removed += remove(rt, user, force=force, volumes=volumes, timeout=timeout, depend=depend)
    if force:
        _end(rt, container_id, timeout)
    try:
        with ContainerLock(rt, container_id):
            container = rt.records.containers.get(container_id)
            state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
            _require_removable(container, state, force)
            remove_locked(rt, container, state, volumes=volumes, force=force)
    except NoSuchContainer:
        if not force:  # with force, a --rm container that went while we stopped it is done
            raise
        remove_tree(os.path.dirname(rt.run_dir(container_id)))
    return [*removed, container_id]


def _end(rt: Runtime, container_id: str, timeout: int | None) -> None:
    from .stop import stop

    try:
        stop(rt, container_id, timeout)
    except (NoSuchContainer, InvalidState):
        return
    except RuntimeFailure as error:
        # A killed monitor, a process that hangs: what can be removed is removed all the same.
        from ..kit.log import warning

        warning(str(error))


def _require_removable(container: Container, state: ContainerState, force: bool) -> None:
    if force:
        return
    if state.status in ("running", "paused", "stopping"):
        raise InvalidState(
            f"cannot remove container {container.id} as it is {state.status} - running or paused "
            "containers cannot be removed without force: container state improper"
        )


def remove_locked(
    rt: Runtime,
    container: Container,
    state: ContainerState,
    *,
    volumes: bool,
    force: bool = False,
) -> None:
    """Take everything down and delete it; lock held. The record goes last, so a crash can be resumed."""
    if state.status == "stopped":
        emit_container(
            rt, "died", container, exit_code=state.exit_code, oom_killed=state.oom_killed or None
        )
    rt.records.containers.set_state(container.id, state.evolve(status="removing", cleaned=False))
    state = state.evolve(cleaned=state.cleaned and not state.boot_id)
    deleting = None
    if not state.cleaned and state.status not in LIVE:
        # The process is dead, so the runtime's part and ours do not meet: side by side.
        deleting = delete_in_runtime(rt, container)
        state = state.evolve(cleaned=True)
    _attempt(force, take_down, rt, container, state)
    _delete_files(rt, container, force)
    if volumes or container.lifecycle.remove:
        _remove_anonymous_volumes(rt, container)
    if deleting is not None:
        _attempt(force, deleting.result)
    note(rt, container.id, state.exit_code)
    rt.records.containers.remove(container, durable=not container.lifecycle.remove)
    _delete_volatile(rt, container)
    emit_container(rt, "remove", container)


def _attempt(force: bool, step, *arguments) -> None:  # type: ignore[no-untyped-def]
    """Run one step; with force its failure is told and does not keep the name taken."""
    try:
        step(*arguments)
    except PolypodError as error:
        if not force:
            raise
        from ..kit.log import warning

        warning(str(error))


def _delete_files(rt: Runtime, container: Container, force: bool) -> None:
    if container.image.id:

        def delete() -> None:
            try:
                # The run directory holds our lock file: it goes last, in _delete_volatile.
                rt.store.delete_container(container.id, run_dir=False)
            except NotFound:
                return  # a crash in an earlier rm came this far

        _attempt(force, delete)
    remove_tree(os.path.dirname(container.bundle))
    _empty_run_dir(container.run_dir)


def _empty_run_dir(run_dir: str) -> None:
    """Leave what others look at: a kill after the record has gone then leaves what ``sweep`` knows as ours."""
    for folder, kept in ((os.path.dirname(run_dir), (os.path.basename(run_dir),)), (run_dir, KEPT)):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return
        for name in names:
            if name not in kept:
                remove_tree(f"{folder}/{name}")


def _remove_anonymous_volumes(rt: Runtime, container: Container) -> None:
    names = [m.name for m in container.mounts if m.type == "volume" and m.anonymous]
    if names:
        from .volumes import remove_anonymous

        remove_anonymous(rt, names, container.id)


def _delete_volatile(rt: Runtime, container: Container) -> None:
    try:
        os.unlink(os.path.join(rt.exit_dir, container.id))
    except FileNotFoundError:
        pass
    remove_tree(rt.persist_dir(container.id))
    if container.lifecycle.cidfile:
        _delete_cidfile(container)
    # Last: it holds the lock file of whoever waits for this container.
    remove_tree(os.path.dirname(container.run_dir))


def _delete_cidfile(container: Container) -> None:
    path = container.lifecycle.cidfile
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        from ..kit.log import warning

        # The container is gone; a file of the user's that stays must not make the removal fail.
        warning(f"container {container.id}: removing cidfile {path}: {(error.strerror or '').lower()}")


def discard(rt: Runtime, container: Container) -> None:
    """Undo a create that failed half-way; lock held."""
    remove_locked(rt, container, ContainerState(status="creating"), volumes=True, force=True)


def finish_interrupted(rt: Runtime, container_id: str) -> None:
    """Complete what a killed process began: a create, a removal or a cleanup."""
    with ContainerLock(rt, container_id, wait=False):
        container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        if state.status in ("creating", "removing") or (state.status == "stopped" and container.lifecycle.remove):
            remove_locked(rt, container, state, volumes=True, force=True)
        elif not state.cleaned:
            settle(rt, container, state)
