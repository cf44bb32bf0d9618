"""What the network suites share: requests, subnets, fixtures, and what every backend must do.

:mod:`.network` has the suites for plugin authors.
"""

from __future__ import annotations

import os
import random
import socket

import pytest

from ..errors import NetworkError, NoSuchNetwork
from ..kit import netaddr, netns
from ..model.network import Network, NetworkSetup, Subnet
from . import network_ns as inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    MakeDriver = Callable[..., Any]


def random_subnet(prefix: int = 28) -> str:
    """A subnet of 10.200.0.0/13 that parallel tests are unlikely to use."""
    value = (10 << 24) + (200 << 16) + random.SystemRandom().randrange(1 << 19)
    return netaddr.subnet_text(netaddr.parse_subnet(f"{netaddr.text((32, value))}/{prefix}"))


class NetworkSuite:
    """What every network backend must do."""

    @pytest.fixture
    def make_driver(self) -> MakeDriver:
        """A callable that makes the driver from the contract's keyword arguments: override it."""
        raise NotImplementedError

    @pytest.fixture
    def where(self, tmp_path: Path) -> dict[str, Any]:
        """Directories and settings of the driver."""
        return {
            "config_dir": str(tmp_path / "networks"),
            "run_dir": str(tmp_path / "run"),
            "default_network": "podman",
            "default_subnet": "10.88.0.0/16",
            "default_subnet_pools": (("10.208.0.0/13", 24),),
        }

    @pytest.fixture
    def driver(self, make_driver: MakeDriver, where: dict[str, Any]) -> Any:
        """The driver under test."""
        return make_driver(**where)

    def test_list_is_sorted_by_name(self, driver: Any) -> None:
        names = [network.name for network in driver.network_list()]
        assert names == sorted(names)

    def test_info_has_all_facts(self, driver: Any) -> None:
        info = driver.network_info()
        assert {"backend", "path", "version", "package", "dns"} <= set(info)
        assert all(isinstance(value, str) for value in info.values())

    def test_remove_of_an_unknown_network(self, driver: Any) -> None:
        with pytest.raises(NoSuchNetwork, match="unable to find network with name or ID bogus"):
            driver.network_remove("bogus")

    def test_setup_of_an_unknown_network(self, driver: Any) -> None:
        with pytest.raises((NoSuchNetwork, NetworkError)):
            driver.network_setup(setup_of("bogus", netns_path="/run/netns/none"))

    def test_teardown_of_what_was_never_set_up(self, driver: Any) -> None:
        assert driver.network_teardown(setup_of("podman", netns_path="/run/netns/none"))


def setup_of(*networks: str, netns_path: str, number: int = 1, **fields: Any) -> NetworkSetup:
    """A request for a made-up container."""
    places = fields.pop("networks", None) or {name: {} for name in networks}
    return NetworkSetup(
        container_id=f"{number:02x}" * 32,
        container_name=f"test{number}",
        netns=netns_path,
        networks=places,
        **fields,
    )


class BridgeCase(NetworkSuite):
    """Fixtures for a backend with bridges: a network, namespaces, and what connects them."""

    @pytest.fixture
    def tag(self) -> str:
        """The end of every network's real name: netavark's chains are named after it."""
        return "-" + os.urandom(5).hex()

    @pytest.fixture
    def make_network(self, driver: Any, tag: str) -> Iterator[Callable[..., Network]]:
        """``make_network(name, **fields)`` defines one on a bridge of its own; removed at the end."""
        made: list[Network] = []

        def make(name: str, **fields: Any) -> Network:
            fields.setdefault("subnets", (Subnet(subnet=random_subnet()),))
            fields.setdefault("network_interface", "pt" + os.urandom(5).hex())
            network = driver.network_create(Network(name=name + tag, id="", **fields), False)
            made.append(network)
            return network  # type: ignore[no-any-return]

        yield make
        names = {network.name for network in driver.network_list()}
        for network in made:
            if network.name in names:
                driver.network_remove(network.name)
        self.assert_nothing_left(made)

    @pytest.fixture
    def namespace(self) -> Iterator[Callable[[], str]]:
        """``namespace()`` makes a network namespace; all are gone after the test."""
        paths: list[str] = []

        def make() -> str:
            paths.append(netns.create())
            return paths[-1]

        yield make
        for path in paths:
            netns.delete(path)

    @pytest.fixture
    def connect(
        self, driver: Any, namespace: Callable[[], str], make_network: Any, tag: str
    ) -> Iterator[Callable[..., tuple[str, dict[str, Any], NetworkSetup]]]:
        """``connect(network..., number=1, ...)``: (namespace, status by network, request).

        Networks go by the names that ``make_network`` was given.
        """
        done: list[NetworkSetup] = []

        def make(*networks: str, **fields: Any) -> tuple[str, dict[str, Any], NetworkSetup]:
            places = fields.pop("networks", None) or {name: {} for name in networks}
            places = {name + tag: place for name, place in places.items()}
            request = setup_of(networks=places, netns_path=namespace(), **fields)
            done.append(request)
            status = driver.network_setup(request)
            short = {name.removesuffix(tag): block for name, block in status.items()}
            return request.netns, short, request

        yield make
        for request in done:
            driver.network_teardown(request)

    def assert_nothing_left(self, networks: list[Network]) -> None:
        """No bridge and no firewall rule of these networks."""
        rules = inside.firewall_rules()
        names = [name for _index, name in socket.if_nameindex()]
        for network in networks:
            if network.driver == "bridge":
                assert network.network_interface not in names
            for subnet in network.subnets:
                assert subnet.subnet not in rules


def address_of(status: dict[str, Any], network: str, interface: str = "eth0", index: int = 0) -> str:
    """An address from a status block, without its prefix."""
    ipnet: str = status[network]["interfaces"][interface]["subnets"][index]["ipnet"]
    return ipnet.partition("/")[0]
