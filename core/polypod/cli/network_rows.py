"""Networks as templates see them: podman's Go field names."""

from __future__ import annotations

from .render import GoTime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.network import Network


def template_row(network: Network) -> dict[str, Any]:
    """All fields, also those that JSON leaves out when empty."""
    document = network.document()
    return {
        "Name": network.name,
        "ID": network.id,
        "Driver": network.driver,
        "NetworkInterface": network.network_interface,
        "Created": GoTime(network.created),
        "Subnets": document.get("subnets", []),
        "Routes": document.get("routes", []),
        "IPv6Enabled": network.ipv6_enabled,
        "Internal": network.internal,
        "DNSEnabled": network.dns_enabled,
        "NetworkDNSServers": list(network.network_dns_servers),
        "Labels": dict(network.labels),
        "Options": dict(network.options),
        "IPAMOptions": dict(network.ipam_options),
    }


def labels_text(labels: dict[str, str]) -> str:
    """Labels on one line: ``key=value`` pairs, sorted, with commas between."""
    return ",".join(f"{key}={labels[key]}" for key in sorted(labels))
