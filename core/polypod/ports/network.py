"""Face of ``polypod.network.v1``; what each method promises stands in :mod:`polypod.spec.network`."""

from __future__ import annotations

from ._base import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as _list
    from typing import Any

    from ..model.network import Network, NetworkSetup


class NetworkPort(Port):
    """The network backend."""

    GROUP = "network"

    def list(self) -> _list[Network]:
        """All networks, sorted by name."""
        answer: _list[Network] | None = self.driver.network_list()
        if answer is None:
            self._silent("network_list")
        return answer

    def create(self, network: Network, dry_run: bool = False) -> Network:
        """Define a network; an empty ``id``, interface or subnet is chosen. Returns the definition."""
        answer: Network | None = self.driver.network_create(network, dry_run)
        if answer is None:
            self._silent("network_create")
        return answer

    def remove(self, name: str) -> bool:
        """Forget a network, by its exact name. The engine has checked that nobody uses it."""
        answer: bool | None = self.driver.network_remove(name)
        if answer is None:
            self._silent("network_remove")
        return answer

    def setup(self, setup: NetworkSetup) -> dict[str, dict[str, Any]]:
        """Connect a container's network namespace; ``{network name: status block}``."""
        answer: dict[str, dict[str, Any]] | None = self.driver.network_setup(setup)
        if answer is None:
            self._silent("network_setup")
        return answer

    def teardown(self, setup: NetworkSetup) -> bool:
        """Disconnect it: rules, addresses, DNS entries. Safe to call twice or half-way."""
        answer: bool | None = self.driver.network_teardown(setup)
        if answer is None:
            self._silent("network_teardown")
        return answer

    def info(self) -> dict[str, str]:
        """Facts for ``polypod info``: ``backend``, ``path``, ``version``, ``package``, ``dns`` (path"""
        answer: dict[str, str] | None = self.driver.network_info()
        if answer is None:
            self._silent("network_info")
        return answer
