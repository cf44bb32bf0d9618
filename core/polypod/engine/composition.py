"""What the engine asks of assembly: one method a plugin group.

``polypod.assembly`` provides it; the engine knows only this face, so that
nothing here imports assembly. ``Settings`` lives in ``polypod.model.settings``
for the same reason: config fills it in, the engine reads it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Protocol

    from ..ports.monitor import MonitorPort
    from ..ports.network import NetworkPort
    from ..ports.observer import ObserverPort
    from ..ports.runtime import RuntimePort
    from ..ports.state import StatePort
    from ..ports.storage import StoragePort

    class Composition(Protocol):
        """The chosen plugins, each made when first asked for."""

        origins: Mapping[str, str]
        state_name: str
        runtime_name: str
        network_name: str
        storage_name: str
        monitor_name: str
        installed: dict[str, list[str]]  # group -> names of what is installed

        def state(self, root: str, run_root: str) -> StatePort:
            """The state backend over its files in ``root``."""

        def state_named(self, name: str, root: str, run_root: str) -> StatePort:
            """Another installed backend, for ``system migrate``."""

        def runtime(self, name: str = "") -> RuntimePort:
            """The OCI runtime: the chosen one, or one by name or path (a container keeps its own)."""

        def network(self) -> NetworkPort:
            """The network backend."""

        def storage(self, additional: Sequence[str] | None = None) -> StoragePort:
            """The storage driver over graphroot, runroot and image stores (by default the configured)."""

        def storage_at(
            self, root: str, run_root: str, additional: Sequence[str] = ()
        ) -> StoragePort:
            """The same driver over another store's root, which it may write to, and further ones to read."""

        def monitor(self) -> MonitorPort:
            """The monitor."""

        def observers(self) -> ObserverPort:
            """All observers; a port that does nothing when there are none."""
