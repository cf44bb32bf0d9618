"""What networks the host already has: interface names and subnets, asked over rtnetlink(7)."""

from __future__ import annotations

import _socket
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypod.kit.netaddr import Subnet

_RTM_GETADDR, _RTM_NEWADDR, _NLMSG_DONE, _NLMSG_ERROR = 22, 20, 3, 2
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_IFA_ADDRESS = 1


def interfaces() -> list[str]:
    """Names of all interfaces in the current network namespace."""
    return [name for _index, name in _socket.if_nameindex()]


def addresses() -> list[Subnet]:
    """The subnets of all interface addresses; raises ``OSError`` when the kernel refuses."""
    found = []
    for message in _dump():
        family, prefix = message[0], message[1]
        if family not in (_socket.AF_INET, _socket.AF_INET6):
            continue
        raw = _attribute(message[8:], _IFA_ADDRESS)
        if raw:
            bits = len(raw) * 8
            mask = ((1 << prefix) - 1) << (bits - prefix)
            found.append((bits, int.from_bytes(raw, "big") & mask, prefix))
    return found


def _dump() -> Iterator[bytes]:
    sock = _socket.socket(_socket.AF_NETLINK, _socket.SOCK_RAW | _socket.SOCK_CLOEXEC, 0)
    try:
        request = (
            (24).to_bytes(4, "little")
            + _RTM_GETADDR.to_bytes(2, "little")
            + _REQUEST_DUMP.to_bytes(2, "little")
            + (1).to_bytes(4, "little")
            + bytes(12)
        )
        sock.sendto(request, (0, 0))
        while True:
            data = sock.recv(1 << 16)
            while data:
                length = int.from_bytes(data[:4], "little")
                kind = int.from_bytes(data[4:6], "little")
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    number = -int.from_bytes(data[16:20], "little", signed=True)
                    raise OSError(number, os.strerror(number))
                if kind == _RTM_NEWADDR:
                    yield data[16:length]
                data = data[(length + 3) & ~3 :]
    finally:
        sock.close()


def _attribute(data: bytes, wanted: int) -> bytes:
    while len(data) >= 4:
        length = int.from_bytes(data[:2], "little")
        if length < 4:
            break
        if int.from_bytes(data[2:4], "little") == wanted:
            return data[4:length]
        data = data[(length + 3) & ~3 :]
    return b""
