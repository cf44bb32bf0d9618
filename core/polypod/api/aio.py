"""``polypod.AsyncEngine``: the same calls as coroutines.

Every call runs in a thread of asyncio's default executor, for the engine waits in
system calls. What yields in :class:`~polypod.api.engine.Engine` yields here asynchronously.
"""

from __future__ import annotations

import asyncio

from .containers import Container, Containers
from .engine import Engine
from .events import Events
from .images import Images
from .manifests import Manifests
from .registries import Registries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any, Self

_END = object()
#: Methods that give an iterator: they become asynchronous generators.
_ITERATORS = frozenset(("exec_stream", "logs", "attach", "read", "follow"))


class AsyncEngine:
    """An engine for asyncio; the arguments are those of :class:`~polypod.api.engine.Engine`."""

    def __init__(self, **flags: Any) -> None:
        self._engine = Engine(**flags)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Release files; containers go on running."""
        await asyncio.to_thread(self._engine.close)

    @property
    def containers(self) -> AsyncFace:
        """As :attr:`Engine.containers`; containers come back with asynchronous methods."""
        return AsyncFace(self._engine.containers)

    @property
    def images(self) -> AsyncFace:
        """As :attr:`Engine.images`."""
        return AsyncFace(self._engine.images)

    @property
    def manifests(self) -> AsyncFace:
        """As :attr:`Engine.manifests`."""
        return AsyncFace(self._engine.manifests)

    @property
    def registries(self) -> AsyncFace:
        """As :attr:`Engine.registries`."""
        return AsyncFace(self._engine.registries)

    @property
    def events(self) -> AsyncFace:
        """As :attr:`Engine.events`."""
        return AsyncFace(self._engine.events)


class AsyncFace:
    """The methods of a synchronous object as coroutines and asynchronous generators."""

    def __init__(
        self, target: Container | Containers | Images | Manifests | Registries | Events
    ) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(type(self._target), name, None)
        if isinstance(found, property):
            # name and status read the state, which may wait for a writer.
            return asyncio.to_thread(getattr, self._target, name)
        value = getattr(self._target, name)
        if not callable(value):
            return value
        if name in _ITERATORS:
            return lambda *args, **options: _iterate(value, args, options)
        return lambda *args, **options: _call(value, args, options)

    async def __aenter__(self) -> AsyncFace:
        return self

    async def __aexit__(self, *exc: object) -> None:
        leave = getattr(self._target, "__exit__", None)
        if leave is not None:
            await asyncio.to_thread(leave, *exc)

    def __repr__(self) -> str:
        return f"<async {self._target!r}>"


async def _call(function: Callable[..., Any], args: Any, options: Any) -> Any:
    return _wrap(await asyncio.to_thread(function, *args, **options))


def _wrap(value: Any) -> Any:
    if isinstance(value, Container):
        return AsyncFace(value)
    if isinstance(value, list):
        return [_wrap(item) for item in value]
    return value


async def _iterate(
    function: Callable[..., Iterator[Any]], args: Any, options: Any
) -> AsyncIterator[Any]:
    iterator = await asyncio.to_thread(function, *args, **options)
    try:
        while True:
            item = await asyncio.to_thread(next, iterator, _END)
            if item is _END:
                return
            yield item
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
