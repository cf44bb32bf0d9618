"""``engine.events``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..engine.runtime import Runtime
    from ..model.event import Event


class Events:
    """The engine's events: iterate over those that were, or follow those that come."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def __iter__(self) -> Iterator[Event]:
        return self.read()

    def read(
        self, *, since: float = 0.0, until: float = 0.0, filters: Sequence[str] = ()
    ) -> Iterator[Event]:
        """Events between two Unix times, oldest first; ``filters`` as in ``events --filter``."""
        from ..engine.events import read

        return read(self._rt, since=since, until=until, filters=filters)

    def follow(
        self, *, since: float | None = None, until: float = 0.0, filters: Sequence[str] = ()
    ) -> Iterator[Event]:
        """Events as they happen, until a Unix time or for ever; ``since`` first gives earlier ones.

        The iterator watches from the moment of the call, so nothing that follows is lost.
        """
        from ..engine.events import follow

        return follow(self._rt, since=since, until=until, filters=filters)
