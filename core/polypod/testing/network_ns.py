"""What network tests do inside network namespaces: sockets, links, name queries."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

from ..kit import netns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 5.0  # seconds for anything that crosses a bridge


def listen(path: str, address: str, port: int, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket bound in a namespace; it stays there."""

    def make() -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, kind)
        sock.settimeout(TIMEOUT)
        sock.bind((address, port))
        if kind == socket.SOCK_STREAM:
            sock.listen(5)
        return sock

    return netns.run_in(path, make)


def call_tcp(path: str, address: str, port: int, server: socket.socket) -> tuple[bytes, str]:
    """Connect from a namespace ("" = the host's); what the server got, and from which address."""

    def connect() -> socket.socket:
        return socket.create_connection((address, port), timeout=TIMEOUT)

    client = netns.run_in(path, connect) if path else connect()
    with client:
        client.sendall(b"hello")
        connection, peer = server.accept()
        with connection:
            connection.settimeout(TIMEOUT)
            return connection.recv(100), str(peer[0])


def call_udp(path: str, address: str, port: int, server: socket.socket) -> bytes:
    """Send a datagram and get the server's answer back: ``answer to hello``."""

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(TIMEOUT)
        return sock

    client = netns.run_in(path, make) if path else make()
    with client:
        client.sendto(b"hello", (address, port))
        data, peer = server.recvfrom(100)
        server.sendto(b"answer to " + data, peer)
        return client.recv(100)


def links(path: str) -> dict[str, str]:
    """Interfaces of a namespace with their MAC addresses."""

    def read() -> dict[str, str]:
        found = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            import fcntl

            for _index, name in socket.if_nameindex():
                raw = fcntl.ioctl(sock, 0x8927, name.encode().ljust(40, b"\0"))  # SIOCGIFHWADDR
                found[name] = raw[18:24].hex(":")
        return found

    return netns.run_in(path, read)


def routed(path: str, address: str) -> bool:
    """Whether the namespace has a route to an address."""

    def connect() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect((address, 9))
            except OSError:
                return False
            return True

    return netns.run_in(path, connect)


def resolve(path: str, server: str, name: str) -> list[str]:
    """Ask a DNS server from inside a namespace for a name's IPv4 addresses."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0" + question + b"\0\0\x01\0\x01"

    def ask() -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.5)
            sock.sendto(query, (server, 53))
            return sock.recv(512)

    try:
        answer = netns.run_in(path, ask)
    except OSError:
        return []
    count = int.from_bytes(answer[6:8], "big")
    at = len(query)
    found = []
    for _number in range(count):
        while answer[at] and answer[at] < 0xC0:  # a name in full
            at += answer[at] + 1
        at += 2 if answer[at] >= 0xC0 else 1
        kind, length = answer[at : at + 2], int.from_bytes(answer[at + 8 : at + 10], "big")
        if kind == b"\0\x01" and length == 4:
            found.append(socket.inet_ntoa(answer[at + 10 : at + 14]))
        at += 10 + length
    return found


def firewall_rules() -> str:
    """Every rule of the host's firewall, as text."""
    text = ""
    for argv in (["iptables-save"], ["ip6tables-save"], ["nft", "list", "ruleset"]):
        path = shutil.which(argv[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            done = subprocess.run([path, *argv[1:]], capture_output=True, text=True, check=False)
            text += done.stdout
    return text


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        number: int = sock.getsockname()[1]
        return number


def until(condition: Callable[[], bool]) -> bool:
    """Ask a condition again and again for some seconds; what it said last."""
    import select
    import time

    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.05)
    return True
