"""The conformance suites of group ``polypod.network.v1``.

A network plugin's test is a subclass with one fixture: :class:`NetworkSuite` for every
backend, :class:`BridgeSuite` for those that connect containers to bridges::

    class TestNetavark(BridgeSuite):
        @pytest.fixture
        def make_driver(self):
            return lambda **where: Netavark(helper_dirs=("/usr/lib/podman",), **where)

:class:`BridgeSuite` needs root. It uses bridges and subnets of its own and leaves nothing.
"""

from __future__ import annotations

import os
import socket
import threading

import pytest

from ..errors import AlreadyExists, NetworkError, PolypodError, UsageError
from ..kit import netaddr, netns
from ..model.container import PortMapping
from ..model.network import Network, NetworkSetup, Subnet
from . import network_ns as inside
from .network_base import BridgeCase, NetworkSuite, address_of, random_subnet, setup_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .network_base import MakeDriver

__all__ = ["BridgeSuite", "NamesSuite", "NetworkSuite", "random_subnet", "setup_of"]


class BridgeSuite(BridgeCase):
    """What a backend with bridges must do."""

    # -- definitions -----------------------------------------------------------

    def test_default_network_exists_without_a_file(self, driver: Any, where: Any) -> None:
        (network,) = driver.network_list()
        assert (network.name, network.driver) == ("podman", "bridge")
        assert network.network_interface == "podman0"
        assert network.id.startswith("2f259bab93aaaaa2542ba43ef33eb990")
        assert network.subnets[0].subnet == "10.88.0.0/16"
        assert network.subnets[0].gateway == "10.88.0.1"
        assert not network.dns_enabled
        assert not os.path.exists(where["config_dir"])

    def test_create_chooses_what_is_open(self, driver: Any) -> None:
        network = driver.network_create(Network(name="t1", id=""), False)
        assert len(network.id) == 64 and network.network_interface and network.created
        (subnet,) = network.subnets
        parsed = netaddr.parse_subnet(subnet.subnet)
        assert netaddr.overlap(parsed, netaddr.parse_subnet("10.208.0.0/13"))
        assert subnet.gateway == netaddr.text(netaddr.first(parsed))
        other = driver.network_create(Network(name="t2", id=""), False)
        assert not netaddr.overlap(parsed, netaddr.parse_subnet(other.subnets[0].subnet))
        assert other.network_interface != network.network_interface

    def test_definitions_last(self, driver: Any, make_driver: MakeDriver, where: Any) -> None:
        network = driver.network_create(
            Network(
                name="t1",
                id="",
                dns_enabled=True,
                labels={"a": "b"},
                options={"mtu": "1400"},
                subnets=(
                    Subnet(
                        subnet=random_subnet(24).replace("/24", "/24"),
                        lease_range={},
                    ),
                ),
            ),
            False,
        )
        found = {item.name: item for item in make_driver(**where).network_list()}
        assert found["t1"] == network
        assert found["t1"].labels == {"a": "b"}
        assert list(found) == ["podman", "t1"]
        driver.network_remove("t1")
        assert [item.name for item in make_driver(**where).network_list()] == ["podman"]

    def test_dry_run_defines_nothing(self, driver: Any) -> None:
        assert driver.network_create(Network(name="t1", id=""), True).name == "t1"
        assert [item.name for item in driver.network_list()] == ["podman"]

    def test_a_name_exists_once(self, driver: Any) -> None:
        driver.network_create(Network(name="t1", id=""), False)
        for name in ("t1", "podman"):
            with pytest.raises(AlreadyExists, match=f"network already exists {name}"):
                driver.network_create(Network(name=name, id=""), False)

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": "-x"},
            {"name": "a/b"},
            {"name": "../x"},
            {"driver": "nonsense"},
            {"network_interface": "a" * 16},
            {"network_interface": "a/b"},
            {"options": {"colour": "red"}},
            {"options": {"mtu": "big"}},
            {"options": {"vlan": "4095"}},
            {"ipam_options": {"driver": "magic"}},
            {"subnets": (Subnet(subnet="10.201.0.0"),)},
            {"subnets": (Subnet(subnet="10.201.0.0/24", gateway="10.202.0.1"),)},
            {"subnets": (Subnet(subnet="10.201.0.0/24", lease_range={"start_ip": "10.1.1.1"}),)},
        ],
    )
    def test_bad_definitions_are_refused(self, driver: Any, fields: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            driver.network_create(Network(**{"name": "t1", "id": "", **fields}), False)
        assert [item.name for item in driver.network_list()] == ["podman"]

    def test_a_subnet_exists_once(self, driver: Any) -> None:
        taken = random_subnet(24)
        driver.network_create(Network(name="t1", id="", subnets=(Subnet(subnet=taken),)), False)
        with pytest.raises(AlreadyExists, match="already used on the host or by another config"):
            driver.network_create(Network(name="t2", id="", subnets=(Subnet(subnet=taken),)), False)

    def test_the_default_network_stays(self, driver: Any) -> None:
        with pytest.raises(UsageError, match="default network podman cannot be removed"):
            driver.network_remove("podman")

    # -- connections -------------------------------------------------------------

    def test_a_container_gets_address_route_and_interface(self, make_network: Any, connect: Any) -> None:
        network = make_network("t1")
        subnet = netaddr.parse_subnet(network.subnets[0].subnet)
        path, status, _request = connect("t1")
        interface = status["t1"]["interfaces"]["eth0"]
        (given,) = interface["subnets"]
        assert netaddr.contains(subnet, netaddr.parse(address_of(status, "t1")))
        assert given["gateway"] == network.subnets[0].gateway
        assert given["ipnet"].endswith("/28")
        assert inside.links(path)["eth0"] == interface["mac_address"]
        assert inside.routed(path, "192.0.2.1")

    def test_containers_reach_each_other_and_the_host(self, make_network: Any, connect: Any) -> None:
        network = make_network("t1")
        first, first_status, _ = connect("t1", number=1)
        second, second_status, _ = connect("t1", number=2)
        here, there = address_of(first_status, "t1"), address_of(second_status, "t1")
        assert here != there
        with inside.listen(second, there, 8080) as server:
            assert inside.call_tcp(first, there, 8080, server) == (b"hello", here)
        gateway = network.subnets[0].gateway
        with socket.create_server((gateway, 0)) as server:
            server.settimeout(inside.TIMEOUT)
            number = server.getsockname()[1]
            assert inside.call_tcp(first, gateway, number, server) == (b"hello", here)

    def test_addresses_go_round(self, driver: Any, make_network: Any, connect: Any) -> None:
        make_network("t1", subnets=(Subnet(subnet=random_subnet(29)),))  # 5 for containers
        seen = []
        for number in range(1, 6):
            _, status, request = connect("t1", number=number)
            seen.append(address_of(status, "t1"))
        assert len(set(seen)) == 5
        with pytest.raises(NetworkError, match="failed to find free IP in range"):
            connect("t1", number=6)
        driver.network_teardown(request)
        _, status, _ = connect("t1", number=7)
        assert address_of(status, "t1") == seen[-1]

    def test_lease_range(self, make_network: Any, connect: Any) -> None:
        base, _, _ = random_subnet(24).rpartition(".")
        lease = {"start_ip": f"{base}.100", "end_ip": f"{base}.101"}
        make_network("t1", subnets=(Subnet(subnet=f"{base}.0/24", lease_range=lease),))
        given = {address_of(connect("t1", number=n)[1], "t1") for n in (1, 2)}
        assert given == {f"{base}.100", f"{base}.101"}

    def test_static_address_mac_and_interface(self, make_network: Any, connect: Any) -> None:
        base, _, _ = random_subnet(24).rpartition(".")
        make_network("t1", subnets=(Subnet(subnet=f"{base}.0/24"),))
        place = {
            "static_ips": [f"{base}.77"],
            "static_mac": "92:d0:c6:0a:29:33",
            "interface_name": "mine0",
        }
        path, status, _ = connect(networks={"t1": place})
        assert address_of(status, "t1", "mine0") == f"{base}.77"
        assert inside.links(path)["mine0"] == "92:d0:c6:0a:29:33"
        with pytest.raises(NetworkError, match="already allocated to container ID 0101"):
            connect(networks={"t1": {"static_ips": [f"{base}.77"]}}, number=2)
        with pytest.raises(NetworkError, match="not in any subnet on network t1-"):
            connect(networks={"t1": {"static_ips": ["10.1.2.3"]}}, number=3)

    def test_several_networks(self, make_network: Any, connect: Any) -> None:
        make_network("t1")
        make_network("t2")
        make_network("t3")
        places = {"t1": {}, "t2": {"interface_name": "eth0"}, "t3": {}}
        path, status, _ = connect(networks=places)
        names = {name: next(iter(status[name]["interfaces"])) for name in places}
        assert names == {"t1": "eth1", "t2": "eth0", "t3": "eth2"}
        assert {"eth0", "eth1", "eth2", "lo"} == set(inside.links(path))

    def test_two_address_families(self, make_network: Any, connect: Any) -> None:
        v6 = f"fd{os.urandom(1).hex()}:{os.urandom(2).hex()}:{os.urandom(2).hex()}::/64"
        v6 = netaddr.subnet_text(netaddr.parse_subnet(v6))
        subnets = (Subnet(subnet=random_subnet()), Subnet(subnet=v6))
        network = make_network("t1", subnets=subnets)
        assert network.ipv6_enabled
        first, _status, _ = connect("t1")
        second, other, _ = connect("t1", number=2)
        there = address_of(other, "t1", index=1)
        assert ":" in there and ":" not in address_of(other, "t1")
        with inside.listen(second, "::", 8080) as server:
            assert inside.until(lambda: _answers(first, there, server))

    def test_internal_network_leads_nowhere(self, make_network: Any, connect: Any) -> None:
        make_network("t1", internal=True)
        path, status, _ = connect("t1")
        assert address_of(status, "t1")
        assert not inside.routed(path, "192.0.2.1")

    @pytest.mark.parametrize("protocol", ["tcp", "udp"])
    def test_published_port(self, driver: Any, make_network: Any, connect: Any, protocol: str) -> None:
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        make_network("t1")
        number = inside.free_port(kind)
        port = PortMapping(container_port=80, host_port=number, host_ip="127.0.0.1", protocol=protocol)
        path, _status, request = connect("t1", ports=(port,))
        with inside.listen(path, "0.0.0.0", 80, kind) as server:
            if protocol == "udp":
                assert inside.call_udp("", "127.0.0.1", number, server) == b"answer to hello"
            else:
                data, _peer = inside.call_tcp("", "127.0.0.1", number, server)
                assert data == b"hello"
        driver.network_teardown(request)
        assert f"--dport {number} " not in inside.firewall_rules()

    def test_published_range(self, make_network: Any, connect: Any) -> None:
        make_network("t1")
        start = inside.free_port()
        start = start if start < 65000 else 40000
        port = PortMapping(container_port=80, host_port=start, host_ip="127.0.0.1", range=3)
        path, _status, _request = connect("t1", ports=(port,))
        for step in range(3):
            with inside.listen(path, "0.0.0.0", 80 + step) as server:
                assert inside.call_tcp("", "127.0.0.1", start + step, server)[0] == b"hello"

    # -- the end -------------------------------------------------------------------

    def test_teardown_twice_and_after_the_namespace(
        self, driver: Any, make_network: Any, connect: Any
    ) -> None:
        network = make_network("t1")
        path, status, request = connect("t1")
        first = address_of(status, "t1")
        assert driver.network_teardown(request)
        assert driver.network_teardown(request)
        self.assert_nothing_left([network])
        path, status, request = connect("t1", number=2)
        assert address_of(status, "t1") != first  # not reused at once
        netns.delete(path)
        assert inside.until(lambda: not os.path.exists(path))
        assert driver.network_teardown(request)
        self.assert_nothing_left([network])

    def test_others_stay_connected(self, driver: Any, make_network: Any, connect: Any) -> None:
        make_network("t1")
        first, status, _ = connect("t1", number=1)
        second, other, _ = connect("t1", number=2)
        _third, _, request = connect("t1", number=3)
        driver.network_teardown(request)
        there = address_of(other, "t1")
        with inside.listen(second, there, 8080) as server:
            assert inside.call_tcp(first, there, 8080, server)[0] == b"hello"
        assert address_of(status, "t1") != there

    def test_failed_setup_leaves_nothing(self, driver: Any, make_network: Any) -> None:
        network = make_network("t1", subnets=(Subnet(subnet=random_subnet(29)),))
        for number in range(8):  # more often than there are addresses
            with pytest.raises(NetworkError):
                driver.network_setup(
                    setup_of(network.name, netns_path="/run/netns/polypod-none", number=number)
                )
        self.assert_nothing_left([network])

    def test_a_killed_engine_leaves_what_teardown_can_take_away(
        self, driver: Any, make_network: Any, namespace: Callable[[], str]
    ) -> None:
        network = make_network("t1")
        for step in range(6):
            request = setup_of(network.name, netns_path=namespace(), number=step + 1)
            ending = step % 2 == 1
            if ending:
                driver.network_setup(request)
            _kill_during(driver.network_teardown if ending else driver.network_setup, request, step * 0.006)
            driver.network_teardown(request)
        assert inside.until(lambda: self._clean([network]))

    def _clean(self, networks: list[Network]) -> bool:
        try:
            self.assert_nothing_left(networks)
        except AssertionError:
            return False
        return True

    def test_many_at_once(self, driver: Any, make_network: Any, connect: Any) -> None:
        network = make_network("t1", subnets=(Subnet(subnet=random_subnet(27)),))
        results: list[Any] = []

        def work(number: int) -> None:
            try:
                results.append(connect("t1", number=number))
            except PolypodError as error:
                results.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        errors = [result for result in results if isinstance(result, PolypodError)]
        assert not errors
        assert len({address_of(status, "t1") for _path, status, _request in results}) == 8
        threads = [
            threading.Thread(target=driver.network_teardown, args=(request,))
            for _path, _status, request in results
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assert_nothing_left([network])


class NamesSuite(BridgeCase):
    """What a backend with a name server must do; needs port 53 of each bridge."""

    def test_containers_find_each_other_by_name(self, make_network: Any, connect: Any) -> None:
        make_network("t1", dns_enabled=True)
        first, status, _ = connect(networks={"t1": {"aliases": ["one"]}}, number=1)
        second, other, _ = connect(networks={"t1": {"aliases": ["two"]}}, number=2)
        (server,) = status["t1"]["dns_server_ips"]
        here, there = address_of(status, "t1"), address_of(other, "t1")
        for name, wanted in (
            ("test2", there),
            ("two", there),
            ("02" * 6, there),
            ("test1", here),
        ):
            self._finds(first, server, name, wanted)
        assert inside.resolve(second, server, "one") == [here]

    def _finds(self, path: str, server: str, name: str, wanted: str) -> None:
        # The name server reads its files again a moment after a container has come.
        found = inside.until(lambda: inside.resolve(path, server, name) == [wanted])
        assert found, f"{name} is not {wanted}"


def _kill_during(action: Callable[[NetworkSetup], Any], request: NetworkSetup, after: float) -> None:
    """Do something in a child process and kill that after so many seconds."""
    import select
    import signal

    child = os.fork()
    if child == 0:
        try:
            action(request)
        finally:
            os._exit(0)
    select.select([], [], [], after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _answers(path: str, address: str, server: socket.socket) -> bool:
    # An IPv6 address is not usable before its duplicate detection is over.
    try:
        return inside.call_tcp(path, address, 8080, server)[0] == b"hello"
    except OSError:
        return False
