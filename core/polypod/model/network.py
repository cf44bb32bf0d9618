"""A network's definition, as netavark's files and podman's inspect have it."""

from __future__ import annotations

from .struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Subnet(Struct):
    """One subnet of a network."""

    subnet: str  # 10.88.0.0/16
    gateway: str = ""
    lease_range: dict[str, str] = {}  # start_ip, end_ip


class Route(Struct):
    """A static route that containers of the network get."""

    destination: str  # 10.1.0.0/16
    gateway: str
    metric: int = 0


class Network(Struct):
    """A network definition (a JSON file in /etc/containers/networks)."""

    name: str
    id: str  # 64 hex digits
    driver: str = "bridge"
    network_interface: str = ""
    created: str = ""  # RFC 3339
    subnets: tuple[Subnet, ...] = ()
    routes: tuple[Route, ...] = ()
    ipv6_enabled: bool = False
    internal: bool = False
    dns_enabled: bool = False
    network_dns_servers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    options: dict[str, str] = {}
    ipam_options: dict[str, str] = {"driver": "host-local"}

    _nested_ = {"subnets": Subnet, "routes": Route}

    def document(self) -> dict[str, Any]:
        """The definition as podman stores and shows it: its key order, empty optional keys left out."""
        subnets: list[dict[str, Any]] = []
        for subnet in self.subnets:
            row: dict[str, Any] = {"subnet": subnet.subnet}
            if subnet.gateway:
                row["gateway"] = subnet.gateway
            if subnet.lease_range:
                row["lease_range"] = dict(subnet.lease_range)
            subnets.append(row)
        document: dict[str, Any] = {
            "name": self.name,
            "id": self.id,
            "driver": self.driver,
            "network_interface": self.network_interface,
            "created": self.created,
            "subnets": subnets,
            "routes": [route.to_dict() for route in self.routes],
            "ipv6_enabled": self.ipv6_enabled,
            "internal": self.internal,
            "dns_enabled": self.dns_enabled,
            "network_dns_servers": list(self.network_dns_servers),
            "labels": dict(self.labels),
            "options": dict(self.options),
            "ipam_options": dict(self.ipam_options),
        }
        return {key: value for key, value in document.items() if value not in ("", [], {})}


class NetworkSetup(Struct):
    """What a network backend needs in order to connect one container."""

    container_id: str
    container_name: str
    netns: str  # path of the network namespace
    networks: dict  # type: ignore[type-arg]  # network name -> NetworkAttachment, or it as a dict
    ports: tuple = ()  # type: ignore[type-arg]  # PortMapping structs, host ports chosen
    dns_servers: tuple[str, ...] = ()
    hostname: str = ""
