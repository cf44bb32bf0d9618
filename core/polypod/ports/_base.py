"""What all ports share: how a driver's answer is checked and a missing hook is named."""

from __future__ import annotations

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Port:
    """The typed face of one driver.

    ``plugin`` names it in errors (``state plugin 'sqlite' (polypod 0.1.0)``), ``name`` is the
    driver's own. Each subclass is the list of its group's hooks without the group's
    prefix; nobody else calls a raw hook.
    """

    GROUP = ""

    def __init__(self, driver: Any, name: str, plugin: str = "") -> None:
        self.driver = driver
        self.name = name
        self.plugin = plugin or f"{self.GROUP} plugin {name!r}"

    @property
    def capabilities(self) -> frozenset[str]:
        """Names, without the prefix, of the hooks that the driver implements."""
        prefix = self.GROUP + "_"
        return frozenset(name.removeprefix(prefix) for name in dir(self.driver) if name.startswith(prefix))

    def supports(self, operation: str) -> bool:
        """Whether the driver implements an optional hook, such as ``pause``."""
        return hasattr(self.driver, f"{self.GROUP}_{operation}")

    def _optional(self, hook: str) -> Any:
        method = getattr(self.driver, hook, None)
        if method is None:
            operation = hook.removeprefix(self.GROUP + "_")
            raise PolypodError(f"{self.plugin} does not support {operation}")
        return method

    def _silent(self, hook: str) -> NoReturn:
        """A hook answered None, which is never an answer."""
        raise PolypodError(f"{self.plugin} returned nothing from {hook}; this is a defect of the plugin")
