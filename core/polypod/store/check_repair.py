"""Removing what is damaged: containers when asked to, images that nothing uses, layers."""

from __future__ import annotations

from ..errors import NotFound, PolypodError
from .putlayer import pending_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .check_report import Report
    from .store import Store


class Removed:
    """What was removed, by kind, and what could not be."""

    def __init__(self) -> None:
        self.containers: list[str] = []
        self.images: list[str] = []
        self.layers: list[str] = []
        self.errors: list[str] = []


def repair(
    store: Store, report: Report, remove_container: Callable[[str], None] | None = None
) -> Removed:
    """Remove the damaged things of a report; those in use stay, and are told as errors.

    ``remove_container`` removes a container of whatever engine; without it none is removed.
    Everything in read-only stores is left alone.
    """
    removed = Removed()
    if remove_container is not None:
        for id in report.containers:
            _try(removed, "container", id, remove_container, removed.containers)
    for id in report.images:
        if id not in report.read_only:
            _try(removed, "image", id, lambda id: _delete_image(store, id, removed), removed.images)
    known = {layer.id for layer in store.layers()}
    for id in sorted(report.layers, key=report.depth, reverse=True):
        if id in known and id not in report.read_only and id not in removed.layers:
            _try(removed, "layer", id, store.delete_layer, removed.layers)
    removed.layers += remove_unmanaged(store, report)
    return removed


def _delete_image(store: Store, id: str, removed: Removed) -> None:
    removed.layers += store.delete_image(id)


def _try(
    removed: Removed, kind: str, id: str, action: Callable[[str], None], done: list[str]
) -> None:
    try:
        action(id)
    except NotFound:
        return  # gone with something else
    except PolypodError as error:
        removed.errors.append(f"deleting {kind} {id}: {error}")
        return
    done.append(id)


def remove_unmanaged(store: Store, report: Report) -> list[str]:
    """Remove the files of layers without a record, unless one has come since the check."""
    removed = []
    with store.layer_records.lock(images=True):
        busy = pending_of(store).busy()
        known = {layer.id for layer in store.layers()}
        known.update(record["layer"] for record in store.containers())
        for id in report.unmanaged:
            if id not in known and id not in busy:
                store.driver.remove(id)
                removed.append(id)
    report.unmanaged = [id for id in report.unmanaged if id not in removed]
    return removed
