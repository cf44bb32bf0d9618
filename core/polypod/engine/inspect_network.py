"""The NetworkSettings of ``inspect``."""

from __future__ import annotations

from .ports import flatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, ContainerState


def port_map(container: Container) -> dict[str, list[dict[str, str]] | None]:
    """Published ports by ``PORT/PROTOCOL``."""
    found: dict[str, list[dict[str, str]] | None] = {}
    for inside, protocol, host_ip, outside in flatten(container.network.ports):
        entries = found.setdefault(f"{inside}/{protocol}", [])
        if entries is not None:
            entries.append({"HostIp": host_ip or "0.0.0.0", "HostPort": str(outside)})
    return found


def network_settings(container: Container, state: ContainerState) -> dict[str, Any]:
    """Addresses and ports; those of the first network stand at the top, as docker has it."""
    networks = {}
    results = {result.name: result.status for result in state.networks}
    for name, place in container.network.networks.items():
        networks[name] = {
            **_interface(results.get(name, {})),
            "NetworkID": name,
            "DriverOpts": None,
            "IPAMConfig": None,
            "Links": None,
            "Aliases": [*place.aliases, container.id[:12]],
        }
    ports: dict[str, list[dict[str, str]] | None] = port_map(container)
    for text in container.network.expose:
        ports.setdefault(text if "/" in text else text + "/tcp", None)
    top = _interface(next(iter(results.values()), {})) if len(results) == 1 else _interface({})
    settings: dict[str, Any] = {
        **top,
        "Bridge": "",
        "SandboxID": "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": ports,
        "SandboxKey": state.netns or _own_namespace(container, state),
    }
    if networks:
        settings["Networks"] = networks
    elif container.network.mode in ("host", "none"):
        settings["Networks"] = {container.network.mode: {**_interface({}), "NetworkID": container.network.mode}}
    return settings


def _own_namespace(container: Container, state: ContainerState) -> str:
    """A running container without network has a namespace that its runtime made."""
    running = state.pid and state.status in ("running", "paused")
    return f"/proc/{state.pid}/ns/net" if running and container.network.mode == "none" else ""


def _interface(status: dict[str, Any]) -> dict[str, Any]:
    document = {
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": "",
    }
    for interface in (status.get("interfaces") or {}).values():
        document["MacAddress"] = interface.get("mac_address", "")
        for subnet in interface.get("subnets") or ():
            address, _, length = subnet.get("ipnet", "").partition("/")
            six = ":" in address
            document["GlobalIPv6Address" if six else "IPAddress"] = address
            document["GlobalIPv6PrefixLen" if six else "IPPrefixLen"] = int(length or 0)
            document["IPv6Gateway" if six else "Gateway"] = subnet.get("gateway", "")
        break
    return document


