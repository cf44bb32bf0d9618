"""The little of rtnetlink(7) that this driver needs: addresses and links of the host."""

from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypod.kit.netaddr import Subnet

_DELLINK, _GETLINK, _SETLINK, _GETADDR = 17, 18, 19, 22
_DONE, _ERROR = 3, 2
_REQUEST, _ACK, _DUMP = 0x001, 0x004, 0x300
_IFA_ADDRESS = 1
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_GROUP = 3, 5, 10, 27


class Link:
    """One interface: its index and name, the bridge it belongs to (0: none), its peer, its group."""

    __slots__ = ("group", "index", "master", "name", "peer")

    def __init__(self, index: int, attributes: dict[int, bytes]) -> None:
        self.index = index
        self.name = attributes.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode()
        self.master = _number(attributes.get(_IFLA_MASTER, b""))
        self.peer = _number(attributes.get(_IFLA_LINK, b""))
        self.group = _number(attributes.get(_IFLA_GROUP, b""))


def interfaces() -> list[str]:
    """Names of all interfaces in the current network namespace."""
    return [name for _index, name in _socket.if_nameindex()]


def addresses() -> list[Subnet]:
    """The subnets of all interface addresses; raises ``OSError`` when the kernel refuses."""
    found = []
    for message in _exchange(_GETADDR, _DUMP, bytes(8)):
        family, prefix = message[0], message[1]
        raw = _attributes(message[8:]).get(_IFA_ADDRESS, b"")
        if family in (_socket.AF_INET, _socket.AF_INET6) and raw:
            bits = len(raw) * 8
            mask = ((1 << prefix) - 1) << (bits - prefix)
            found.append((bits, int.from_bytes(raw, "big") & mask, prefix))
    return found


def links() -> list[Link]:
    """All interfaces of the current network namespace; raises ``OSError``."""
    return [
        Link(_number(message[4:8]), _attributes(message[16:]))
        for message in _exchange(_GETLINK, _DUMP, bytes(16))
    ]


def delete_links(indexes: list[int], group: int) -> None:
    """Delete interfaces in one step, by way of a group number that nobody else uses.

    The kernel waits for its readers once for a whole group and not once for each
    interface, which halves the time. Raises ``OSError``.
    """
    for index in indexes:
        _command(_SETLINK, index, group)
    _command(_DELLINK, 0, group)


def _command(kind: int, index: int, group: int) -> None:
    header = bytes(4) + index.to_bytes(4, "little") + bytes(8)
    attribute = (8).to_bytes(2, "little") + _IFLA_GROUP.to_bytes(2, "little")
    for _answer in _exchange(kind, _ACK, header + attribute + group.to_bytes(4, "little")):
        continue


def _exchange(kind: int, flags: int, payload: bytes) -> Iterator[bytes]:
    """Send one request; yield the bodies of the answers."""
    sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    try:
        request = (
            (16 + len(payload)).to_bytes(4, "little")
            + kind.to_bytes(2, "little")
            + (_REQUEST | flags).to_bytes(2, "little")
            + (1).to_bytes(4, "little")
            + bytes(4)
            + payload
        )
        sock.sendto(request, (0, 0))
        while True:
            data = sock.recv(1 << 18)
            while data:
                length = _number(data[:4])
                answer = _number(data[4:6])
                if answer == _DONE:
                    return
                if answer == _ERROR:
                    number = -int.from_bytes(data[16:20], "little", signed=True)
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield data[16:length]
                data = data[(length + 3) & ~3 :]
    finally:
        sock.close()


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    while len(data) >= 4:
        length = _number(data[:2])
        if length < 4:
            break
        found[_number(data[2:4]) & 0x3FFF] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
