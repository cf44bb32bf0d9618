"""Plugin group ``polypod.network.v1``: networks and a container's place in them.

``Driver(config=..., config_dir=..., run_dir=..., default_network=..., default_subnet=...,
default_subnet_pools=((BASE, PREFIX), ...), helper_dirs=(...), firewall_driver=...,
dns_bind_port=..., plugin_dirs=(...))``; the values come from containers.conf [network]
(``helper_dirs`` is engine.helper_binaries_dir, ``plugin_dirs`` netavark_plugin_dirs). As root ``run_dir``
is /run/containers/networks whatever the runroot, because bridges and addresses
belong to the host; otherwise RUNROOT/networks. Definitions are the driver's to keep, in podman's own
format where the backend is one of podman's, so that both see the same networks.

Only bridge-like networks come here; none, host, container:ID and ns:PATH are the engine's.
All functions raise ``NetworkError``, ``NoSuchNetwork``, ``AlreadyExists`` or ``InUse``.
"""

from __future__ import annotations

from ..model.network import Network, NetworkSetup
from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

GROUP = "polypod.network.v1"


@hookspec(firstresult=True)
def network_list() -> list[Network]:
    """All networks, sorted by name.

    A backend that has networks lists the default one also when no file defines it;
    one that has none (``host``) returns an empty list.
    """


@hookspec(firstresult=True)
def network_create(network: Network, dry_run: bool) -> Network:
    """Define a network; an empty ``id``, interface or subnet is chosen. Returns the definition."""


@hookspec(firstresult=True)
def network_remove(name: str) -> bool:
    """Forget a network, by its exact name. The engine has checked that nobody uses it.

    Raises ``NoSuchNetwork``, and ``UsageError`` for the default network.
    """


@hookspec(firstresult=True)
def network_setup(setup: NetworkSetup) -> dict[str, dict[str, Any]]:
    """Connect a container's network namespace; ``{network name: status block}``.

    A status block is netavark's: ``interfaces`` (name -> mac_address, subnets [{ipnet, gateway}]),
    ``dns_server_ips``, ``dns_search_domains``. When it fails, nothing stays set up. Interface
    names left open are eth0, eth1 and so on in the order of ``setup.networks``. May be
    called from any thread.
    """


@hookspec(firstresult=True)
def network_teardown(setup: NetworkSetup) -> bool:
    """Disconnect it: rules, addresses, DNS entries. Safe to call twice or half-way.

    The namespace may be gone already; what it left on the host is removed all the same.
    """


@hookspec(firstresult=True)
def network_info() -> dict[str, str]:
    """Facts for ``polypod info``: ``backend``, ``path``, ``version``, ``package``, ``dns`` (path
    of the DNS helper), ``drivers`` (kinds of networks, with commas: ``bridge,macvlan``), and where
    known ``dns_version`` and ``dns_package``."""
