"""Addresses without ipaddress, and named network namespaces."""

from __future__ import annotations

import ipaddress
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polypod.errors import NetworkError
from polypod.kit import netaddr, netns

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@given(st.ip_addresses())
def test_addresses_are_those_of_ipaddress(address):
    parsed = netaddr.parse(str(address))
    assert parsed == (address.max_prefixlen, int(address))
    assert ipaddress.ip_address(netaddr.text(parsed)) == address
    assert netaddr.packed(parsed) == address.packed


@given(st.ip_addresses(), st.data())
def test_subnets_are_those_of_ipaddress(address, data):
    prefix = data.draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    subnet = netaddr.parse_subnet(f"{address}/{prefix}")
    assert ipaddress.ip_network(netaddr.subnet_text(subnet)) == network
    assert netaddr.contains(subnet, netaddr.parse(str(address)))
    assert netaddr.last(subnet)[1] == int(network.broadcast_address)
    other = ipaddress.ip_network(f"{data.draw(st.ip_addresses(v=address.version))}/8", strict=False)
    assert netaddr.overlap(subnet, netaddr.parse_subnet(str(other))) == network.overlaps(other)


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.3.4.5", "x", "::g", "1.2.3.4/8", "01.2.3.4"])
def test_what_is_no_address(text):
    assert not netaddr.is_address(text)


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "::/129"])
def test_what_is_no_subnet(text):
    with pytest.raises(ValueError, match="is not"):
        netaddr.parse_subnet(text)


def test_families_never_overlap():
    assert not netaddr.overlap(netaddr.parse_subnet("0.0.0.0/0"), netaddr.parse_subnet("::/0"))
    assert netaddr.unpacked(b"\0" * 10 + b"\xff\xff\x0a\0\0\1") == (32, 0x0A000001)


@needs_root
def test_a_namespace_comes_and_goes():
    before = os.readlink("/proc/self/ns/net")
    path = netns.create()
    try:
        assert netns.exists(path)
        assert os.readlink("/proc/self/ns/net") == before
        inside = netns.run_in(path, lambda: os.readlink("/proc/thread-self/ns/net"))
        assert inside != before
        import socket

        def ping_self():
            with socket.create_server(("127.0.0.1", 0)) as server:
                address = server.getsockname()
                with socket.create_connection(address, 5):
                    return True

        assert netns.run_in(path, ping_self)
    finally:
        netns.delete(path)
    assert not os.path.exists(path)
    netns.delete(path)


@needs_root
def test_a_name_is_taken_once(tmp_path):
    path = netns.create("mine", str(tmp_path / "ns"))
    try:
        with pytest.raises(NetworkError, match="File exists"):
            netns.create("mine", str(tmp_path / "ns"))
    finally:
        netns.delete(path)
        from polypod.kit.mounts import umount

        umount(str(tmp_path / "ns"))


def test_what_is_no_namespace(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("")
    assert not netns.exists(str(plain))
    assert not netns.exists(str(tmp_path / "absent"))
    assert netns.exists("/proc/self/ns/net")
    with pytest.raises(NetworkError, match="does not exist"):
        netns.run_in(str(tmp_path / "absent"), lambda: None)


def test_errors_of_a_thread_are_the_callers():
    def fail():
        raise KeyError(threading.get_ident())

    with pytest.raises(KeyError) as caught:
        netns.in_thread(fail)
    assert caught.value.args[0] != threading.get_ident()
