"""The content of a container's /etc/hosts and /etc/resolv.conf."""

from __future__ import annotations

import os

from ..errors import UsageError
from ..oci.users import read_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..model.container import Container
    from ..model.settings import Settings

    Entry = tuple[str, list[str]]  # address, names
    Status = Mapping[str, Mapping[str, Any]]  # network name -> netavark's status block

_INTERNAL = ["host.containers.internal", "host.docker.internal"]
_GATEWAY = "host-gateway"
_PUBLIC_DNS = ("8.8.8.8", "8.8.4.4")
_PUBLIC_DNS6 = ("2001:4860:4860::8888", "2001:4860:4860::8844")
# A stub resolver on the host's loopback -> where its upstream servers are listed.
_STUBS = {
    "127.0.0.53": "/run/systemd/resolve/resolv.conf",
    "127.0.0.1": "/run/NetworkManager/no-stub-resolv.conf",
}


def addresses(status: Status) -> list[tuple[str, str]]:
    """(address, gateway) pairs of all interfaces in a network setup's answer."""
    found = []
    for block in status.values():
        for interface in (block.get("interfaces") or {}).values():
            for subnet in interface.get("subnets") or ():
                found.append((subnet["ipnet"].partition("/")[0], subnet.get("gateway") or ""))
    return found


def hosts_text(container: Container, settings: Settings, rootfs: str, status: Status) -> str:
    """Return the hosts file: ``--add-host`` and the base file first, then what they lack."""
    internal = internal_address(container, settings, status)
    entries = [_extra(text, internal) for text in container.network.add_hosts]
    entries += _base_entries(container, settings, rootfs)
    taken = {name for _, names in entries for name in names}
    lines = [_line(address, names) for address, names in entries]
    for address, names in _own_entries(container, internal, status):
        free = [name for name in names if name not in taken]
        if free:
            lines.append(_line(address, free))
    return "".join(lines)


def _own_entries(container: Container, internal: str, status: Status) -> list[Entry]:
    own: list[Entry] = [("127.0.0.1", ["localhost"]), ("::1", ["localhost"])]
    if internal:
        own.append((internal, _INTERNAL))
    names = list(dict.fromkeys((container.hostname, container.name)))
    if container.network.mode == "bridge":
        own.extend((address, names) for address, _ in addresses(status))
    elif container.network.mode == "none":
        own.append(("127.0.0.1", names))
    return own


def internal_address(container: Container, settings: Settings, status: Status) -> str:
    """Where the container reaches the host, or ""."""
    configured = settings.containers.host_containers_internal_ip
    if configured:
        return "" if configured == "none" else configured
    if container.network.mode == "host":
        return "127.0.0.1"
    gateways = [gateway for _, gateway in addresses(status) if gateway]
    if gateways:
        return next((gateway for gateway in gateways if ":" not in gateway), gateways[0])
    return _local_address()


def _local_address() -> str:
    """The address that the host itself uses towards others; "" without a route."""
    import _socket

    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        # Connecting a datagram socket sends nothing; it only looks up the route.
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
        return "" if address.startswith("127.") else address
    except OSError:
        return ""
    finally:
        probe.close()


def _extra(text: str, internal: str) -> Entry:
    names, colon, address = text.partition(":")
    if not colon:
        raise UsageError(f'unable to parse host entry "{text}": incorrect format')
    if not names:
        raise UsageError(f'hostname in host entry "{text}" is empty')
    if not address:
        raise UsageError(f'IP address in host entry "{text}" is empty')
    if address == _GATEWAY:
        if not internal:
            raise UsageError(
                f'unable to replace "{_GATEWAY}" of host entry "{text}": '
                "host containers internal IP address is empty"
            )
        address = internal
    return address.strip("[]"), names.split(";")


def _base_entries(container: Container, settings: Settings, rootfs: str) -> list[Entry]:
    base = container.network.hosts_file or settings.containers.base_hosts_file
    if base == "none":
        return []
    if base == "image":
        return parse_hosts(read_in_root(rootfs, "/etc/hosts").decode("utf-8", "replace"))
    path = base or "/etc/hosts"
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_hosts(file.read())
    except FileNotFoundError:
        if path == "/etc/hosts":
            return []
        raise UsageError(f"base hosts file {path} does not exist") from None


def parse_hosts(text: str) -> list[Entry]:
    """Return the entries of a hosts file, without comments."""
    rows = (line.partition("#")[0].split() for line in text.split("\n"))
    return [(row[0], row[1:]) for row in rows if len(row) > 1]


def _line(address: str, names: Iterable[str]) -> str:
    return f"{address}\t{' '.join(names)}\n"


def resolv_text(container: Container, settings: Settings, netns: str, status: Status) -> str:
    """Return resolv.conf: the networks' servers, or the user's, or those of the host in reach."""
    configured, asked = settings.containers, container.network
    servers = [ip for block in status.values() for ip in block.get("dns_server_ips") or ()]
    if not servers:
        servers = [*configured.dns_servers, *asked.dns_servers]
    custom = [*configured.dns_searches, *asked.dns_search]
    searches = custom or [
        name for block in status.values() for name in block.get("dns_search_domains") or ()
    ]
    options = [*configured.dns_options, *asked.dns_options]
    ipv6 = any(":" in address for address, _ in addresses(status))
    host = _host_resolv(container, netns)
    if not servers:
        servers = host["nameserver"]
        if container.network.mode != "host":
            servers = _reachable(servers, ipv6)
    if "." in searches:
        searches = []
    elif not custom:
        searches = [*searches, *host["search"]]
    options = options or host["options"]
    lines = []
    if searches:
        lines.append(f"search {' '.join(dict.fromkeys(searches))}\n")
    lines.extend(f"nameserver {server}\n" for server in dict.fromkeys(servers))
    if options:
        lines.append(f"options {' '.join(options)}\n")
    return "".join(lines)


def _reachable(servers: list[str], ipv6: bool) -> list[str]:
    """Those that a network namespace can reach: no loopback, no link-local, IPv6 only with IPv6."""
    kept = []
    for server in servers:
        if ":" in server:
            if ipv6 and server != "::1" and not server.lower().startswith("fe80:"):
                kept.append(server)
        elif not server.startswith("127."):
            kept.append(server)
    return kept or [*_PUBLIC_DNS, *(_PUBLIC_DNS6 if ipv6 else ())]


def _host_resolv(container: Container, netns: str) -> dict[str, list[str]]:
    path = "/etc/resolv.conf"
    if container.network.mode.startswith("ns:"):
        netns = container.network.mode[3:]
    if netns and not netns.startswith("/proc/"):
        own = f"/etc/netns/{os.path.basename(netns)}/resolv.conf"
        if os.path.exists(own):
            path = own
    found = _parse_resolv(path)
    if container.network.mode != "host" and len(found["nameserver"]) == 1:
        upstream = _STUBS.get(found["nameserver"][0])
        if upstream and os.path.exists(upstream):
            return _parse_resolv(upstream)
    return found


def _parse_resolv(path: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"nameserver": [], "search": [], "options": []}
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except FileNotFoundError:
        return found
    for line in text.split("\n"):
        fields = line.partition("#")[0].split()
        if len(fields) < 2:
            continue
        if fields[0] == "nameserver":
            found["nameserver"].append(fields[1])
        elif fields[0] in ("search", "options"):
            # The last line of a kind counts, as in resolv.conf(5).
            found[fields[0]] = fields[1:]
    return found
