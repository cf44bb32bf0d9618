"""The driver netavark against the suites, with and without its short way out, and its quirks."""

from __future__ import annotations

import json
import os
import stat

import pytest
from polypod.errors import DriverUnavailable, NetworkError, UsageError
from polypod.model.network import Network, Route, Subnet
from polypod.testing.network import BridgeSuite, NamesSuite, random_subnet
from polypod_network_netavark import Netavark, NetavarkConfig

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="networks need root"),
]


HELPER_DIRS = ("/usr/libexec/podman", "/usr/lib/podman", "/usr/local/libexec/podman")


def driver_or_skip(config: NetavarkConfig, **where):
    try:
        return Netavark(config=config, helper_dirs=HELPER_DIRS, **where)
    except DriverUnavailable as error:
        pytest.skip(str(error))


class TestNetavark(BridgeSuite):
    @pytest.fixture
    def make_driver(self):
        return lambda **where: driver_or_skip(NetavarkConfig(), **where)


class TestNetavarkAlone(BridgeSuite):
    """Everything through netavark's own teardown."""

    @pytest.fixture
    def make_driver(self):
        return lambda **where: driver_or_skip(NetavarkConfig(quick_teardown=False), **where)


class TestNames(NamesSuite):
    @pytest.fixture
    def make_driver(self):
        def make(**where):
            driver = driver_or_skip(NetavarkConfig(), **where)
            if not driver.network_info()["dns"]:
                pytest.skip("aardvark-dns is not installed")
            return driver

        return make


@pytest.fixture
def driver(tmp_path):
    return driver_or_skip(
        NetavarkConfig(), config_dir=str(tmp_path / "networks"), run_dir=str(tmp_path / "run")
    )


def test_without_netavark_the_reason_is_told(tmp_path):
    with pytest.raises(DriverUnavailable) as caught:
        Netavark(helper_dirs=(str(tmp_path),))
    assert "netavark is not installed" in str(caught.value)
    assert "--network-backend host" in str(caught.value)


def test_the_file_is_podmans(driver, tmp_path):
    subnet = random_subnet(24)
    driver.network_create(
        Network(
            name="t1",
            id="",
            dns_enabled=True,
            subnets=(Subnet(subnet=subnet),),
            routes=(Route(destination="10.1.0.0/24", gateway="10.1.0.1", metric=7),),
            labels={"k": "v"},
        ),
        False,
    )
    path = tmp_path / "networks" / "t1.json"
    assert stat.S_IMODE(path.stat().st_mode) & 0o444 == 0o444
    document = json.loads(path.read_text())
    assert list(document) == [
        "name", "id", "driver", "network_interface", "created", "subnets", "routes",
        "ipv6_enabled", "internal", "dns_enabled", "labels", "ipam_options",
    ]  # fmt: skip
    assert document["ipam_options"] == {"driver": "host-local"}
    assert document["routes"] == [{"destination": "10.1.0.0/24", "gateway": "10.1.0.1", "metric": 7}]


def test_unknown_keys_of_a_file_reach_netavark(driver, tmp_path):
    driver.network_create(Network(name="t1", id=""), False)
    path = tmp_path / "networks" / "t1.json"
    document = json.loads(path.read_text())
    document["from_the_future"] = 1
    path.write_text(json.dumps(document))
    assert driver._definitions.get("t1")["from_the_future"] == 1
    assert "t1" in [network.name for network in driver.network_list()]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", ""),
        ("[]", "not a JSON object"),
        ('{"name": "other"}', "it names the network 'other'"),
        ('{"name": "bad", "id": "1"}', "64 digits"),
    ],
)
def test_a_damaged_file_harms_itself_alone(driver, tmp_path, content, words, capfd):
    driver.network_create(Network(name="t1", id=""), False)
    (tmp_path / "networks" / "bad.json").write_text(content)
    assert [network.name for network in driver.network_list()] == ["podman", "t1"]
    assert "bad.json" in capfd.readouterr().err
    with pytest.raises(NetworkError, match=r"bad\.json cannot be used") as caught:
        driver._definitions.get("bad")
    assert words in str(caught.value)


def test_docker_option_names(driver):
    network = driver.network_create(
        Network(
            name="t1",
            id="",
            options={
                "com.docker.network.driver.mtu": "1300",
                "com.docker.network.bridge.name": "mybr7",
            },
        ),
        False,
    )
    assert (network.options, network.network_interface) == ({"mtu": "1300"}, "mybr7")


@pytest.mark.parametrize(("given", "stored"), [("1", "true"), ("F", "false"), ("strict", "strict")])
def test_isolate_is_stored_as_netavark_reads_it(driver, given, stored):
    network = driver.network_create(Network(name="t1", id="", options={"isolate": given}), False)
    assert network.options == {"isolate": stored}


def test_macvlan(driver):
    network = driver.network_create(
        Network(name="t1", id="", driver="macvlan", network_interface="lo", dns_enabled=True,
                ipam_options={}),
        False,
    )  # fmt: skip
    assert network.ipam_options == {"driver": "dhcp"} and not network.dns_enabled
    subnets = (Subnet(subnet=random_subnet(24)),)
    network = driver.network_create(
        Network(name="t2", id="", driver="macvlan", subnets=subnets, options={"mode": "bridge"},
                ipam_options={}),
        False,
    )  # fmt: skip
    assert network.ipam_options == {"driver": "host-local"}
    for fields, words in (
        ({"network_interface": "nope0"}, "parent interface nope0 does not exist"),
        ({"options": {"mode": "fast"}}, 'unknown macvlan mode "fast"'),
        ({"driver": "ipvlan"}, "dhcp is not supported with ipvlan"),
    ):
        with pytest.raises(UsageError, match=words):
            base = {"name": "t3", "id": "", "driver": "macvlan", "ipam_options": {}}
            driver.network_create(Network(**{**base, **fields}), False)


def test_without_ipam_there_is_no_dns(driver):
    network = driver.network_create(
        Network(name="t1", id="", dns_enabled=True, ipam_options={"driver": "none"}), False
    )
    assert not network.dns_enabled and not network.subnets


def test_a_netavark_plugin_completes_its_networks(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    script = plugins / "mydriver"
    script.write_text(
        "#!/usr/bin/env python3\nimport json,sys\nd=json.load(sys.stdin)\n"
        "assert sys.argv[1:]==['create']\nd['options']={'made':'here'}\nprint(json.dumps(d))\n"
    )
    script.chmod(0o755)
    driver = driver_or_skip(
        NetavarkConfig(),
        config_dir=str(tmp_path / "networks"),
        run_dir=str(tmp_path / "run"),
        plugin_dirs=(str(plugins),),
    )
    network = driver.network_create(Network(name="t1", id="", driver="mydriver"), False)
    assert network.options == {"made": "here"}
    script.write_text('#!/bin/sh\necho \'{"error":"no luck"}\'; exit 1\n')
    with pytest.raises(NetworkError, match="no luck"):
        driver.network_create(Network(name="t2", id="", driver="mydriver"), False)
