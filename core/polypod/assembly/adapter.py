"""Drivers whose hooks take fewer arguments than the specification, or have other method names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Adapter:
    """Gives a driver the full signatures, as pluggy would.

    ``hooks`` maps a hook to ``(method name, positions of the arguments that it takes,
    their names)``; everything else is the driver's own.
    """

    def __init__(self, driver: Any, hooks: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]]):
        self._driver = driver
        for hook, (method, positions, names) in hooks.items():
            setattr(self, hook, _adapted(getattr(driver, method), positions, names))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._driver), *self.__dict__})


def _adapted(
    method: Callable[..., Any], positions: tuple[int, ...], names: tuple[str, ...]
) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return method(**{name: arguments[at] for name, at in zip(names, positions, strict=True)})

    return call
