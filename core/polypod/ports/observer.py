"""Face of ``polypod.observer.v1``; what each hook promises stands in :mod:`polypod.spec.observer`."""

from __future__ import annotations

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model.container import Container
    from ..model.event import Event


class ObserverPort:
    """All observers; calling it costs nothing when there are none.

    ``hooks`` maps each hook to ``(plugin, function)`` pairs in calling order, the
    functions taking the hook's arguments by position. ``warn`` is told about an
    observer that raised.
    """

    def __init__(
        self,
        hooks: dict[str, list[tuple[str, Callable[..., Any]]]],
        warn: Callable[[str], object],
    ) -> None:
        self._hooks = hooks
        self._warn = warn

    def __bool__(self) -> bool:
        return any(self._hooks.values())

    def assembled(self, drivers: dict[str, str]) -> None:
        """The engine is put together."""
        self._tell("observe_assembled", drivers)

    def event(self, event: Event) -> None:
        """Something happened."""
        self._tell("observe_event", event)

    def amend_spec(self, container: Container, spec: dict[str, Any]) -> None:
        """A last word on an OCI spec; an observer's error refuses the container."""
        for plugin, function in self._hooks.get("amend_spec", ()):
            try:
                function(container, spec)
            except PolypodError:
                raise
            except Exception as error:
                raise PolypodError(
                    f"{plugin} refused container {container.name}: {type(error).__name__}: {error}"
                ) from error

    def _tell(self, hook: str, subject: object) -> None:
        for plugin, function in self._hooks.get(hook, ()):
            try:
                function(subject)
            except Exception as error:  # noqa: BLE001 - must not harm what it observes
                self._warn(f"{plugin} failed in {hook}: {type(error).__name__}: {error}")
