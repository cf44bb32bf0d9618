"""The network driver ``host``: for hosts without netavark, where containers share the host's network.

It has no networks and connects nothing: ``--network host``, ``none``, ``container:ID`` and
``ns:PATH`` need no driver and work; anything else gets an error that names the way out.
"""

from __future__ import annotations

from polypod.errors import NetworkError, NoSuchNetwork
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polypod.model.network import Network, NetworkSetup

_REMEDY = "use --network host or none, or install netavark and choose --network-backend netavark"


class HostConfig(Struct):
    """polypod.conf, table ``[plugin.network.host]``: nothing to set."""


class HostNetwork:
    """A backend without networks of its own."""

    Config = HostConfig

    def __init__(
        self,
        config: HostConfig | None = None,
        config_dir: str = "",
        run_dir: str = "",
        default_network: str = "podman",
        default_subnet: str = "",
        default_subnet_pools: tuple[tuple[str, int], ...] = (),
        helper_dirs: tuple[str, ...] = (),
        firewall_driver: str = "",
        dns_bind_port: int = 0,
        plugin_dirs: tuple[str, ...] = (),
    ) -> None:
        self._config = config or HostConfig()

    @hookimpl
    def network_list(self) -> list[Network]:
        return []

    @hookimpl
    def network_create(self, network: Network, dry_run: bool) -> Network:
        raise NetworkError(f"network backend host cannot create network {network.name}: {_REMEDY}")

    @hookimpl
    def network_remove(self, name: str) -> bool:
        raise NoSuchNetwork(f"unable to find network with name or ID {name}: network not found")

    @hookimpl
    def network_setup(self, setup: NetworkSetup) -> dict[str, dict[str, Any]]:
        names = ", ".join(setup.networks) or "a network"
        raise NetworkError(
            f"network backend host cannot connect container {setup.container_name} to {names}: "
            f"{_REMEDY}"
        )

    @hookimpl
    def network_teardown(self, setup: NetworkSetup) -> bool:
        return True  # nothing was set up

    @hookimpl
    def network_info(self) -> dict[str, str]:
        return {
            "backend": "host",
            "path": "",
            "version": "",
            "package": "",
            "dns": "",
            "drivers": "",
        }
