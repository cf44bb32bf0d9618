"""A network's definition, as netavark's files and podman's inspect have it."""

from __future__ import annotations

from .struct import Struct


class Subnet(Struct):
    """One subnet of a network."""

    subnet: str
    gateway: str = ""
    lease_range: dict[str, str] = {}


class Network(Struct):
    """A network definition (a JSON file in /etc/containers/networks)."""

    name: str
    id: str  # 64 hex digits
    driver: str = "bridge"
    network_interface: str = ""
    created: str = ""  # RFC 3339
    subnets: tuple[Subnet, ...] = ()
    ipv6_enabled: bool = False
    internal: bool = False
    dns_enabled: bool = False
    labels: dict[str, str] = {}
    options: dict[str, str] = {}
    ipam_options: dict[str, str] = {"driver": "host-local"}

    _nested_ = {"subnets": Subnet}


class NetworkSetup(Struct):
    """What a network backend needs in order to connect one container."""

    container_id: str
    container_name: str
    netns: str  # path of the network namespace
    networks: dict  # type: ignore[type-arg]  # network name -> NetworkAttachment as dict
    ports: tuple = ()  # type: ignore[type-arg]  # PortMapping structs
    dns_servers: tuple[str, ...] = ()
    hostname: str = ""
