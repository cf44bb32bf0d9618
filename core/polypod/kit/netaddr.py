"""IP addresses and subnets as integers: what ``ipaddress`` does, without its 4 ms import.

An address is ``(bits, value)``: 32 or 128, and the address as a number. A subnet
is ``(bits, value, prefix)`` with the host bits cleared. The text forms are those
of inet_ntop(3).
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton

TYPE_CHECKING = False
if TYPE_CHECKING:
    Address = tuple[int, int]
    Subnet = tuple[int, int, int]


def parse(text: str) -> Address:
    """Parse an IPv4 or IPv6 address; raise ``ValueError`` when it is neither."""
    family, bits = (AF_INET6, 128) if ":" in text else (AF_INET, 32)
    try:
        return bits, int.from_bytes(inet_pton(family, text), "big")
    except (OSError, ValueError):
        raise ValueError(f"{text!r} is not an IP address") from None


def is_address(text: str) -> bool:
    """Tell whether ``text`` is an IP address."""
    try:
        parse(text)
    except ValueError:
        return False
    return True


def packed(address: Address) -> bytes:
    """The address as 4 or 16 bytes, most significant first."""
    bits, value = address
    return value.to_bytes(bits // 8, "big")


def unpacked(data: bytes) -> Address:
    """The address that :func:`packed` wrote; 16-byte forms of IPv4 become IPv4."""
    if len(data) == 16 and data[:12] == b"\0" * 10 + b"\xff\xff":
        data = data[12:]
    return len(data) * 8, int.from_bytes(data, "big")


def text(address: Address) -> str:
    """Write an address as people do."""
    bits = address[0]
    return inet_ntop(AF_INET6 if bits == 128 else AF_INET, packed(address))


def parse_subnet(cidr: str) -> Subnet:
    """Parse ``ADDRESS/PREFIX`` and clear the host bits; raise ``ValueError``."""
    base, slash, length = cidr.partition("/")
    bits, value = parse(base)
    if not slash or not length.isdigit() or int(length) > bits:
        raise ValueError(f"{cidr!r} is not a subnet; write it as ADDRESS/PREFIX")
    prefix = int(length)
    return bits, value & _mask(bits, prefix), prefix


def subnet_text(subnet: Subnet) -> str:
    """Write a subnet as ``ADDRESS/PREFIX``."""
    bits, value, prefix = subnet
    return f"{text((bits, value))}/{prefix}"


def contains(subnet: Subnet, address: Address) -> bool:
    """Tell whether the address belongs to the subnet."""
    bits, value, prefix = subnet
    return bits == address[0] and address[1] & _mask(bits, prefix) == value


def overlap(one: Subnet, other: Subnet) -> bool:
    """Tell whether two subnets share an address."""
    return contains(one, other[:2]) or contains(other, one[:2])


def first(subnet: Subnet) -> Address:
    """The first usable address, which is where podman puts the gateway."""
    bits, value, prefix = subnet
    return bits, value + (1 if prefix < bits else 0)


def last(subnet: Subnet) -> Address:
    """The last address; for IPv4 that is the broadcast address."""
    bits, value, prefix = subnet
    return bits, value | ((1 << (bits - prefix)) - 1)


def _mask(bits: int, prefix: int) -> int:
    return ((1 << prefix) - 1) << (bits - prefix)
