"""Publishing ports: parsing, merging, choosing, holding."""

from __future__ import annotations

import os
import socket

import pytest
from polypod.engine.ports import (
    flatten,
    parse_expose,
    parse_publish,
    port_lines,
    reserve,
    resolve_ports,
)
from polypod.errors import PortInUse, UsageError
from polypod.model.container import PortMapping


def P(container: int, host: int = 0, ip: str = "", protocol: str = "tcp", length: int = 1):
    return PortMapping(
        container_port=container, host_port=host, host_ip=ip, protocol=protocol, range=length
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", (P(80),)),
        ("8080:80", (P(80, 8080),)),
        (":80", (P(80),)),
        ("127.0.0.1:8080:80", (P(80, 8080, "127.0.0.1"),)),
        ("127.0.0.1::80", (P(80, 0, "127.0.0.1"),)),
        ("[::1]:8080:80", (P(80, 8080, "::1"),)),
        ("[2001:db8:0::1]::80/udp", (P(80, 0, "2001:db8::1", "udp"),)),
        ("8000-8002:80-82/UDP", (P(80, 8000, "", "udp", 3),)),
        ("80-81", (P(80, length=2),)),
        ("53:53/udp,tcp", (P(53, 53, "", "udp"), P(53, 53))),
    ],
)
def test_parse_publish(text, expected):
    assert parse_publish(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "non-empty container port"),
        ("8080:", "non-empty container port"),
        ("80/", "non-empty protocol"),
        ("80/tcp/udp", "protocol can only be specified once"),
        ("80/icmp", 'unrecognized protocol "icmp"'),
        ("::1:80:80", "format is"),
        ("[::1]80", "must be followed by a colon"),
        ("[::1]:80", "must be [ipv6]:hostPort:ctrPort"),
        ("::1]:80:80", "enclosed by []"),
        (":8080:80", "non-empty container host IP"),
        ("1.2.3:80:80", 'cannot parse "1.2.3" as an IP'),
        ("0:80", "between 1 and 65535 (inclusive), got 0"),
        ("65536", "got 65536"),
        ("http", "invalid port number"),
        ("-80", "cannot be negative"),
        ("80-", "must provide ending number"),
        ("81-80", "80 is not higher than 81"),
        ("80-81-82", "startPort-stopPort"),
        ("8000-8001:80-82", "different lengths: 2 vs 3"),
    ],
)
def test_malformed_publish_is_refused(text, words):
    with pytest.raises(UsageError) as caught:
        parse_publish(text)
    assert words in str(caught.value)


def test_parse_expose():
    assert parse_expose("80") == [(80, "tcp")]
    assert parse_expose("80-81/udp") == [(80, "udp"), (81, "udp")]
    assert parse_expose("53/udp,tcp") == [(53, "udp"), (53, "tcp")]
    with pytest.raises(UsageError):
        parse_expose("80/tcp/udp")


def test_adjacent_and_equal_mappings_are_joined():
    ports = [P(80, 18080), P(81, 18081), P(80, 18080), P(90, 18090)]
    assert resolve_ports(ports) == (P(80, 18080, length=2), P(90, 18090))


def test_adjacent_host_ports_of_other_container_ports_stay_apart():
    assert resolve_ports([P(80, 18080), P(443, 18081)]) == (P(80, 18080), P(443, 18081))


def test_conflicting_mappings_are_refused():
    with pytest.raises(UsageError, match="conflicting port mappings for host port 18080"):
        resolve_ports([P(80, 18080), P(443, 18080)])


def test_one_host_port_for_two_protocols_or_addresses_is_no_conflict():
    ports = [P(80, 18080), P(443, 18080, protocol="udp"), P(81, 18080, ip="127.0.0.1")]
    assert len(resolve_ports(ports)) == 3


def test_open_host_ports_are_chosen_free_and_apart():
    resolved = resolve_ports([P(80), P(82), P(90, length=3), P(53, protocol="udp")])
    numbers = [(name, outside) for _inside, name, _ip, outside in flatten(resolved)]
    assert len(numbers) == len(set(numbers)) == 6
    assert all(outside > 0 for _name, outside in numbers)
    for fd in reserve(resolved):
        os.close(fd)


def test_publish_all_adds_exposed_ports_once():
    resolved = resolve_ports([P(80, 18080)], ("80/tcp", "81", "81/tcp", "53/udp"), True)
    inside = sorted((number, name) for number, name, _ip, _outside in flatten(resolved))
    assert inside == [(53, "udp"), (80, "tcp"), (81, "tcp")]


def test_exposed_ports_are_not_published_by_themselves():
    assert resolve_ports([], ("80/tcp",)) == ()


def test_default_host_addresses():
    resolved = resolve_ports([P(80, 18080)], default_host_ips=("127.0.0.1", "::1"))
    assert [port.host_ip for port in resolved] == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_reserve_finds_a_taken_port(protocol):
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
        with pytest.raises(PortInUse, match="address already in use") as caught:
            reserve([P(80, number, "127.0.0.1", protocol)])
    assert caught.value.exit_code == 126
    assert f":{number}" in str(caught.value)


def test_reserve_holds_both_address_families_and_leaves_nothing_after_a_failure():
    (port,) = resolve_ports([P(80)])
    before = len(os.listdir("/proc/self/fd"))
    held = reserve([port])
    for ip in ("0.0.0.0", "127.0.0.1", "::", "::1"):
        with pytest.raises(PortInUse):
            reserve([P(90, port.host_port + 1, "127.0.0.1"), port.evolve(host_ip=ip)])
    for fd in held:
        os.close(fd)
    assert len(os.listdir("/proc/self/fd")) == before


def test_port_lines():
    ports = [P(80, 8080, length=2), P(53, 5353, "127.0.0.1", "udp")]
    assert port_lines(ports) == [
        "80/tcp -> 0.0.0.0:8080",
        "81/tcp -> 0.0.0.0:8081",
        "53/udp -> 127.0.0.1:5353",
    ]
    assert port_lines(ports, "81") == ["0.0.0.0:8081"]
    assert port_lines(ports, "53/udp") == ["127.0.0.1:5353"]
    with pytest.raises(UsageError, match='failed to find published port "99/tcp"'):
        port_lines(ports, "99/tcp")
