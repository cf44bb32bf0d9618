"""The network driver ``netavark``: bridges, macvlan and DNS by podman's own helper programs."""

from __future__ import annotations

import os

from polypod.errors import DriverUnavailable, NetworkError, NoSuchNetwork
from polypod.kit import netaddr
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

from .command import HOST_LOCK, Netavark, NetworkLock, search_path
from .definitions import Definitions
from .ipam import AddressBook, needs_addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from polypod.model.network import Network, NetworkSetup

    from .definitions import Document

BUILTIN_DRIVERS = ("bridge", "macvlan", "ipvlan")


class NetavarkConfig(Struct):
    """polypod.conf, table ``[plugin.network.netavark]``."""

    binary: str = ""  # path of netavark; "" looks in helper_binaries_dir
    aardvark: str = ""  # path of aardvark-dns, likewise
    lock_file: str = HOST_LOCK
    quick_teardown: bool = True  # take plain bridges down without netavark, see quick.py


class NetavarkNetwork:
    """Networks through netavark and aardvark-dns."""

    Config = NetavarkConfig

    def __init__(
        self,
        config: NetavarkConfig | None = None,
        config_dir: str = "/etc/containers/networks",
        run_dir: str = "/run/containers/networks",
        default_network: str = "podman",
        default_subnet: str = "10.88.0.0/16",
        default_subnet_pools: tuple[tuple[str, int], ...] = (),
        helper_dirs: tuple[str, ...] = (),
        firewall_driver: str = "",
        dns_bind_port: int = 0,
        plugin_dirs: tuple[str, ...] = (),
    ) -> None:
        self._config = config or NetavarkConfig()
        self._config_dir, self._run_dir = config_dir, run_dir
        self._pools = default_subnet_pools
        self._plugin_dirs = plugin_dirs
        binary = self._config.binary or _find("netavark", helper_dirs)
        if not binary:
            raise DriverUnavailable(
                "netavark is not installed (looked in "
                + ", ".join(helper_dirs)
                + "); install the package netavark or choose --network-backend host"
            )
        aardvark = self._config.aardvark or _find("aardvark-dns", helper_dirs)
        self._netavark = Netavark(
            binary,
            aardvark,
            run_dir,
            firewall=firewall_driver,
            dns_port=dns_bind_port,
            plugin_dirs=plugin_dirs,
        )
        self._firewall = firewall_driver
        self._definitions = Definitions(config_dir, default_network, default_subnet)
        self._addresses = AddressBook(os.path.join(run_dir, "ipam.db"))

    @hookimpl
    def network_list(self) -> list[Network]:
        from polypod.model.network import Network

        return [Network.from_dict(_without_nulls(item)) for item in self._definitions.all()]

    @hookimpl
    def network_create(self, network: Network, dry_run: bool) -> Network:
        from polypod.model.network import Network as Model

        from .create import Creation

        with self._lock():
            creation = Creation(self._definitions, self._pools, self._plugin_dirs)
            document = creation.complete(network)
            if not dry_run:
                creation.save(document)
        return Model.from_dict(document)

    @hookimpl
    def network_remove(self, name: str) -> bool:
        from .create import remove

        with self._lock():
            remove(self._definitions, self._addresses, name)
        return True

    @hookimpl
    def network_setup(self, setup: NetworkSetup) -> dict[str, dict[str, Any]]:
        if os.geteuid() != 0:
            raise NetworkError(
                f"cannot connect container {setup.container_name} to {', '.join(setup.networks)}: "
                "bridge networks need root; use --network host or none"
            )
        with self._lock() as lock:
            networks = {name: self._definitions.get(name) for name in setup.networks}
            attachments = _attachments(setup, networks)
            given = self._addresses.allocate(
                setup.container_id,
                [(networks[name], list(attachments[name]["static_ips"])) for name in networks],
            )
            request = _request(setup, networks, attachments, given)
            try:
                return self._call(lock, "setup", setup.netns, request)
            except BaseException:
                self._undo(lock, setup, request)
                raise

    @hookimpl
    def network_teardown(self, setup: NetworkSetup) -> bool:
        from .teardown import teardown

        with self._lock() as lock:
            names = list(setup.networks)
            given = self._addresses.assigned(setup.container_id, names)
            networks = self._connected(names, given)
            request = _request(setup, networks, _attachments(setup, networks), given)
            try:
                if networks:
                    teardown(
                        lambda *words: self._call(lock, *words),
                        setup.netns,
                        request,
                        quick_path=self._quick_path(),
                        lock=lock.fd,
                    )
            finally:
                # Freed even after a failure, or the address would be lost until the next boot.
                self._addresses.release(setup.container_id, names)
        return True

    @hookimpl
    def network_info(self) -> dict[str, str]:
        from .info import describe

        return describe(self._netavark.binary, self._netavark.aardvark)

    def _connected(self, names: list[str], given: dict[str, list[str]]) -> dict[str, Document]:
        """The networks that setup has, or may have, connected the container to."""
        networks = {}
        for name in names:
            try:
                document = self._definitions.get(name)
            except (NetworkError, NoSuchNetwork):
                continue  # removed meanwhile, or damaged: nothing to go by
            if name in given or not needs_addresses(document):
                networks[name] = document
        return networks

    def _lock(self) -> NetworkLock:
        return NetworkLock(self._config_dir, self._config.lock_file)

    def _call(self, lock: NetworkLock, verb: str, netns: str, request: Document) -> Document:
        networks = request["network_info"].values()
        plugins = any(item["driver"] not in BUILTIN_DRIVERS for item in networks)
        os.makedirs(self._run_dir, 0o755, exist_ok=True)
        return self._netavark.call(verb, netns, request, lock=lock.fd, plugins=plugins)

    def _quick_path(self) -> str:
        """Where to look for iptables when a plain bridge may be taken down without netavark."""
        if self._config.quick_teardown and self._firewall in ("", "iptables"):
            return search_path(os.environ.get("PATH", ""))
        return ""

    def _undo(self, lock: NetworkLock, setup: NetworkSetup, request: Document) -> None:
        try:
            self._call(lock, "teardown", setup.netns, request)
        except NetworkError:
            pass  # the setup's own error is the one to tell
        finally:
            self._addresses.release(setup.container_id, list(setup.networks))


def _find(name: str, directories: tuple[str, ...]) -> str:
    for directory in directories:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    return ""


def _attachments(setup: NetworkSetup, networks: dict[str, Document]) -> dict[str, dict[str, Any]]:
    """netavark's per-network options, with interface names and the ID's short form as alias."""
    plain = {
        name: value if isinstance(value, dict) else value.to_dict()
        for name, value in setup.networks.items()
        if name in networks
    }
    names = {value.get("interface_name") for value in plain.values()}
    free = (f"eth{number}" for number in range(len(plain) * 2) if f"eth{number}" not in names)
    result = {}
    for name, value in plain.items():
        static = [str(address) for address in value.get("static_ips", ())]
        _check_static(networks[name], static)
        options: dict[str, Any] = {
            "static_ips": static,
            "interface_name": value.get("interface_name") or next(free),
        }
        if value.get("static_mac"):
            options["static_mac"] = value["static_mac"]
        aliases = list(value.get("aliases", ()))
        if networks[name].get("dns_enabled"):
            short = setup.container_id[:12]
            options["aliases"] = aliases if short in aliases else [*aliases, short]
        result[name] = options
    return result


def _check_static(network: Document, addresses: list[str]) -> None:
    if not needs_addresses(network):
        return
    subnets = [netaddr.parse_subnet(item["subnet"]) for item in network["subnets"]]
    for address in addresses:
        parsed = netaddr.parse(address)
        if not any(netaddr.contains(subnet, parsed) for subnet in subnets):
            raise NetworkError(
                f"requested static ip {address} not in any subnet on network {network['name']}"
            )


def _request(
    setup: NetworkSetup,
    networks: dict[str, Document],
    attachments: dict[str, dict[str, Any]],
    given: dict[str, list[str]],
) -> Document:
    """netavark's request; ``given`` holds the addresses by network."""
    for name, addresses in given.items():
        if name in attachments:
            attachments[name]["static_ips"] = addresses
    request: Document = {
        "container_id": setup.container_id,
        "container_name": setup.container_name,
        "networks": attachments,
        "network_info": networks,
    }
    if setup.ports:
        request["port_mappings"] = [_port(mapping) for mapping in setup.ports]
    if setup.dns_servers:
        request["dns_servers"] = list(setup.dns_servers)
    if setup.hostname:
        request["container_hostname"] = setup.hostname
    return request


def _port(mapping: Any) -> dict[str, Any]:
    return {
        "host_ip": mapping.host_ip,
        "container_port": mapping.container_port,
        "host_port": mapping.host_port or mapping.container_port,
        "range": mapping.range,
        "protocol": mapping.protocol,
    }


def _without_nulls(document: Document) -> Document:
    return {key: value for key, value in document.items() if value is not None}
