"""Making and removing network definitions. Slow path: may import what it needs."""

from __future__ import annotations

import os

from polypod.errors import AlreadyExists, NetworkError, NoSuchNetwork, UsageError
from polypod.kit import netaddr
from polypod.kit.fastjson import dumps

from .definitions import now
from .netlink import addresses, interfaces
from .options import check_bridge, check_ipvlan, docker_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polypod.model.network import Network

    from .definitions import Definitions, Document
    from .ipam import AddressBook

#: podman's pools: (base, prefix length of each subnet)
DEFAULT_POOLS = (
    ("10.89.0.0/16", 24),
    ("10.90.0.0/15", 24),
    ("10.92.0.0/14", 24),
    ("10.96.0.0/11", 24),
    ("10.128.0.0/9", 24),
)
_EMPTY: tuple[object, ...] = ("", [], {}, None)
#: podman's order of keys
_KEYS = (
    "name", "id", "driver", "network_interface", "created", "subnets", "routes", "ipv6_enabled",
    "internal", "dns_enabled", "network_dns_servers", "labels", "options", "ipam_options",
)  # fmt: skip
_NAME_RULE = "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"


class Creation:
    """Completes a requested network: checks it and chooses what was left open."""

    def __init__(
        self,
        definitions: Definitions,
        pools: tuple[tuple[str, int], ...] = (),
        plugin_dirs: tuple[str, ...] = (),
    ) -> None:
        self._definitions = definitions
        self._pools = pools or DEFAULT_POOLS
        self._plugin_dirs = plugin_dirs
        self._known = definitions.all()

    def complete(self, network: Network) -> Document:
        """The full definition as a document; raises ``UsageError``, ``AlreadyExists``."""
        document = network.document()
        document.setdefault("ipam_options", {})
        document.setdefault("options", {})
        document["id"] = self._free_id()
        self._name(document)
        _check_ipam(document)
        driver = document["driver"]
        used: list[netaddr.Subnet] = []
        if driver == "bridge":
            used = self._used()
            self._bridge(document, used)
        elif driver in ("macvlan", "ipvlan"):
            self._vlan(document)
        else:
            document = self._plugin(document)
        if document["ipam_options"].get("driver") == "none":
            document["dns_enabled"] = False
        _check_dns_servers(document)
        _check_subnets(document, used)
        _check_routes(document)
        document["created"] = now()
        keys = dict.fromkeys((*_KEYS, *document))
        return {key: document[key] for key in keys if document.get(key) not in _EMPTY}

    def save(self, document: Document) -> None:
        """Write the file, whole or not at all."""
        path = self._definitions.path(document["name"])
        temporary = f"{path}.new{os.getpid()}"
        try:
            os.makedirs(self._definitions.directory, 0o755, exist_ok=True)
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(dumps(document, indent=5) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
        except OSError as error:
            raise NetworkError(f"cannot write network file {path}: {error.strerror}") from error

    # -- names -------------------------------------------------------------

    def _free_id(self) -> str:
        taken = {item["id"] for item in self._known}
        while (identifier := os.urandom(32).hex()) in taken:
            continue
        return identifier

    def _name(self, document: Document) -> None:
        name = document.get("name", "")
        if not name:
            name = document["name"] = self._free_device()
            if document["driver"] == "bridge":
                document.setdefault("network_interface", name)
        elif not _name_ok(name):
            raise UsageError(f"network name {name} invalid: {_NAME_RULE}")
        for item in self._known:
            if item["name"] == name:
                raise AlreadyExists(f"netavark: network already exists {name}")
        interface = document.get("network_interface", "")
        if interface:
            _check_interface(interface)

    def _free_device(self) -> str:
        taken = {item["name"] for item in self._known} | set(interfaces())
        taken |= {item.get("network_interface", "") for item in self._known}
        number = 1  # 0 is the default network's
        while f"podman{number}" in taken:
            number += 1
        return f"podman{number}"

    # -- drivers -----------------------------------------------------------

    def _bridge(self, document: Document, used: list[netaddr.Subnet]) -> None:
        docker_names(document)
        check_bridge(document["options"])
        shared = "vlan" in document["options"] or document["options"].get("mode") == "unmanaged"
        if shared:
            used.clear()
        interface = document.get("network_interface", "")
        if not interface:
            document["network_interface"] = self._free_device()
        elif not _name_ok(interface):
            raise UsageError(f"bridge name {interface} invalid: {_NAME_RULE}")
        elif not shared and any(
            item["driver"] == "bridge" and item.get("network_interface") == interface for item in self._known
        ):
            raise AlreadyExists(f"bridge name {interface} already in use")
        if document["ipam_options"].get("driver", "") in ("", "host-local"):
            self._subnets(document, used)
            document["ipam_options"] = {**document["ipam_options"], "driver": "host-local"}

    def _subnets(self, document: Document, used: list[netaddr.Subnet]) -> None:
        subnets = document.setdefault("subnets", [])
        if not subnets:
            subnets.append({"subnet": self._free_v4(used)})
        if document.get("ipv6_enabled"):
            kinds = [netaddr.parse_subnet(item["subnet"])[0] for item in subnets]
            if 32 not in kinds:
                subnets.append({"subnet": self._free_v4(used)})
            if 128 not in kinds:
                subnets.append({"subnet": _free_v6(used)})

    def _vlan(self, document: Document) -> None:
        driver, parent = document["driver"], document.get("network_interface", "")
        if parent and parent not in interfaces():
            raise UsageError(f"parent interface {parent} does not exist")
        document["dns_enabled"] = False  # netavark has no DNS for these
        ipam = document["ipam_options"].get("driver", "")
        if not ipam:
            ipam = "host-local" if document.get("subnets") else "dhcp"
            document["ipam_options"] = {**document["ipam_options"], "driver": ipam}
        if ipam == "host-local" and not document.get("subnets"):
            raise UsageError(
                f"{driver} driver needs at least one subnet specified when the host-local ipam driver is set"
            )
        if ipam == "dhcp" and driver == "ipvlan":
            raise UsageError("ipam driver dhcp is not supported with ipvlan")
        if ipam == "dhcp" and document.get("subnets"):
            raise UsageError("ipam driver dhcp set but subnets are set")
        check_ipvlan(driver, document["options"])

    def _plugin(self, document: Document) -> Document:
        from .plugin import create

        return create(document, self._plugin_dirs)

    # -- subnets -----------------------------------------------------------

    def _used(self) -> list[netaddr.Subnet]:
        known = [
            netaddr.parse_subnet(subnet["subnet"])
            for item in self._known
            for subnet in item.get("subnets") or ()
        ]
        return known + addresses()

    def _free_v4(self, used: list[netaddr.Subnet]) -> str:
        for base, size in self._pools:
            bits, value, prefix = netaddr.parse_subnet(base)
            for number in range(1 << max(size - prefix, 0)):
                candidate = (bits, value + (number << (bits - size)), size)
                if not any(netaddr.overlap(candidate, other) for other in used):
                    return netaddr.subnet_text(candidate)
        raise NetworkError(
            "could not find free subnet from subnet pools; give one with --subnet or extend "
            "default_subnet_pools in containers.conf"
        )


def remove(definitions: Definitions, book: AddressBook, name: str) -> None:
    """Forget a network: its file, its addresses, and its bridge when nobody is on it."""
    if name == definitions.default_name:
        raise UsageError(f"default network {name} cannot be removed")
    if not os.path.exists(definitions.path(name)):
        raise NoSuchNetwork(f"unable to find network with name or ID {name}: network not found")
    book.forget_network(name)
    try:
        os.unlink(definitions.path(name))
    except OSError as error:
        raise NetworkError(
            f"cannot remove network file {definitions.path(name)}: {error.strerror}"
        ) from error


def _free_v6(used: list[netaddr.Subnet]) -> str:
    while True:
        # A unique local prefix (RFC 4193): fd and 40 random bits, then 16 more.
        value = int.from_bytes(b"\xfd" + os.urandom(7) + bytes(8), "big")
        candidate = (128, value, 64)
        if not any(netaddr.overlap(candidate, other) for other in used):
            return netaddr.subnet_text(candidate)


def _name_ok(name: str) -> bool:
    def plain(character: str) -> bool:
        return character.isascii() and character.isalnum()

    return plain(name[:1]) and all(plain(c) or c in "_.-" for c in name)


def _check_interface(name: str) -> None:
    if len(name.encode()) > 15:
        problem = "interface names must be 15 characters or less"
    elif name in (".", "..") or any(c in "/:" or c.isspace() for c in name):
        problem = "interface names cannot be . or .. or contain / or : or whitespace"
    else:
        return
    raise UsageError(f"network interface name {name} invalid: {problem}: invalid argument")


def _check_ipam(document: Document) -> None:
    driver = document["ipam_options"].get("driver", "")
    if driver not in ("", "host-local", "dhcp", "none"):
        raise UsageError(f'unsupported ipam driver "{driver}"')
    if driver == "none" and document.get("subnets"):
        raise UsageError("none ipam driver is set but subnets are given")


def _check_dns_servers(document: Document) -> None:
    servers = document.get("network_dns_servers") or []
    if servers and not document.get("dns_enabled"):
        raise UsageError(
            "cannot set NetworkDNSServers if DNS is not enabled for the network: invalid argument"
        )
    for server in servers:
        if not netaddr.is_address(server):
            raise UsageError(f"unable to parse ip {server} specified in NetworkDNSServers: invalid argument")


def _check_subnets(document: Document, used: list[netaddr.Subnet]) -> None:
    gateways = not document.get("internal") or bool(document.get("dns_enabled"))
    for item in document.get("subnets") or ():
        try:
            subnet = netaddr.parse_subnet(item["subnet"])
        except ValueError as error:
            raise UsageError(f"subnet invalid: {error}") from error
        item["subnet"] = netaddr.subnet_text(subnet)
        if any(netaddr.overlap(subnet, other) for other in used):
            raise AlreadyExists(f"subnet {item['subnet']} is already used on the host or by another config")
        if item.get("gateway"):
            item["gateway"] = _within("gateway", item["gateway"], subnet)
        elif gateways:
            item["gateway"] = netaddr.text(netaddr.first(subnet))
        lease = item.get("lease_range") or {}
        for key, words in (("start_ip", "start"), ("end_ip", "end")):
            if lease.get(key):
                lease[key] = _within(f"lease range {words} ip", lease[key], subnet)
        if subnet[0] == 128:
            document["ipv6_enabled"] = True


def _within(what: str, text: str, subnet: netaddr.Subnet) -> str:
    try:
        address = netaddr.parse(text)
    except ValueError as error:
        raise UsageError(f"{what}: {error}") from error
    if not netaddr.contains(subnet, address):
        raise UsageError(f"{what} {text} not in subnet {netaddr.subnet_text(subnet)}")
    return netaddr.text(address)


def _check_routes(document: Document) -> None:
    for route in document.get("routes") or ():
        try:
            subnet = netaddr.parse_subnet(route["destination"])
            netaddr.parse(route["gateway"])
        except ValueError as error:
            raise UsageError(f"route invalid: {error}") from error
        if netaddr.text(subnet[:2]) != route["destination"].partition("/")[0]:
            raise UsageError(f"route destination invalid: {route['destination']} is no network")
