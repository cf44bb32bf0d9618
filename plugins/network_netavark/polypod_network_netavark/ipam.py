"""Addresses of containers, in the database that podman keeps (see :mod:`.boltfile`).

One bucket a network: in it the bucket ``ids`` (container ID -> JSON list of its
addresses) and one bucket a subnet (address as bytes -> container ID, ``lastIP`` ->
the address given out last). The next address after the last is tried first, so that
an address is not reused at once.
"""

from __future__ import annotations

import os

from polypod.errors import NetworkError
from polypod.kit import netaddr
from polypod.kit.fastjson import dumps, loads

from .boltfile import BoltError, BoltFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from .boltfile import Bucket

    T = TypeVar("T")

_LAST, _IDS = b"lastIP", b"ids"


def needs_addresses(network: dict[str, Any]) -> bool:
    """Whether the host hands out this network's addresses (and not DHCP, or nobody)."""
    driver = network.get("ipam_options", {}).get("driver", "")
    return driver in ("", "host-local") and bool(network.get("subnets"))


class AddressBook:
    """The addresses handed out; ``path`` is podman's ipam.db."""

    def __init__(self, path: str) -> None:
        self._path = path

    def allocate(
        self, container_id: str, wanted: list[tuple[dict[str, Any], list[str]]]
    ) -> dict[str, list[str]]:
        """Give one address of every subnet: ``{network name: addresses}``.

        ``wanted`` pairs a network's definition with the static addresses asked for.
        All or nothing. Raises ``NetworkError`` when an address is taken or none is free.
        """
        if not any(needs_addresses(network) for network, _static in wanted):
            return {}

        def work(root: Bucket) -> dict[str, list[str]]:
            given = {}
            for network, static in wanted:
                if needs_addresses(network):
                    given[network["name"]] = _take(root, network, container_id, static)
            return given

        return self._change(work)

    def release(self, container_id: str, networks: list[str]) -> None:
        """Give back what the container has in these networks; unknown ones are no error."""
        if os.path.exists(self._path):

            def work(root: Bucket) -> None:
                for name in networks:
                    _give_back(root, name, container_id)

            self._change(work)

    def assigned(self, container_id: str, networks: list[str]) -> dict[str, list[str]]:
        """The container's addresses by network; networks without any are left out."""
        if not os.path.exists(self._path):
            return {}
        with BoltFile(self._path) as file:
            root = self._read(file)
        found = {}
        for name in networks:
            value = _child(_child(root, name.encode(), make=False), _IDS, make=False).get(
                container_id.encode()
            )
            if isinstance(value, bytes):
                found[name] = [str(address) for address in loads(value)]
        return found

    def forget_network(self, name: str) -> None:
        """Drop a removed network's bucket."""
        if os.path.exists(self._path):
            self._change(lambda root: root.pop(name.encode(), None))

    def _change(self, work: Callable[[Bucket], T]) -> T:
        try:
            os.makedirs(os.path.dirname(self._path), 0o755, exist_ok=True)
            with BoltFile(self._path) as file:
                root = self._read(file)
                result = work(root)
                file.write(root)
                return result
        except OSError as error:
            raise NetworkError(f"IPAM error: cannot use {self._path}: {error.strerror}") from error

    def _read(self, file: BoltFile) -> Bucket:
        try:
            return file.read()
        except BoltError as error:
            raise NetworkError(
                f"IPAM error: address database {self._path} is damaged: {error}; "
                "stop all containers and remove it"
            ) from error


def _take(root: Bucket, network: dict[str, Any], container_id: str, static: list[str]) -> list[str]:
    name, owner = network["name"], container_id.encode()
    _give_back(root, name, container_id)  # left by a start that was killed
    bucket = _child(root, name.encode())
    chosen: list[str] = []
    for document in network["subnets"]:
        subnet = netaddr.parse_subnet(document["subnet"])
        taken = _child(bucket, document["subnet"].encode())
        address = _matching(subnet, static)
        if address is None:
            address = _next_free(taken, subnet, document)
            taken[_LAST] = netaddr.packed(address)
        elif holder := taken.get(netaddr.packed(address)):
            raise NetworkError(
                f"IPAM error: requested ip address {netaddr.text(address)} is already "
                f"allocated to container ID {bytes(holder).decode()}"  # type: ignore[arg-type]
            )
        taken[netaddr.packed(address)] = owner
        chosen.append(netaddr.text(address))
    _child(bucket, _IDS)[owner] = dumps(chosen).encode()
    return chosen


def _give_back(root: Bucket, name: str, container_id: str) -> None:
    bucket = _child(root, name.encode(), make=False)
    value = _child(bucket, _IDS, make=False).pop(container_id.encode(), None)
    if not isinstance(value, bytes):
        return
    for address in loads(value):
        key = netaddr.packed(netaddr.parse(address))
        for subnet in bucket.values():
            if isinstance(subnet, dict) and subnet.get(key) == container_id.encode():
                del subnet[key]


def _matching(subnet: netaddr.Subnet, static: list[str]) -> netaddr.Address | None:
    for text in static:
        address = netaddr.parse(text)
        if netaddr.contains(subnet, address):
            return address
    return None


def _next_free(taken: Bucket, subnet: netaddr.Subnet, document: dict[str, Any]) -> netaddr.Address:
    bits = subnet[0]
    low, high = _range(subnet, document.get("lease_range") or {})
    gateway = netaddr.parse(document["gateway"])[1] if document.get("gateway") else -1
    last = taken.get(_LAST)
    start = netaddr.unpacked(last)[1] + 1 if isinstance(last, bytes) else low
    if not low <= start <= high:
        start = low
    for value in _round(low, start, high):
        if value != gateway and netaddr.packed((bits, value)) not in taken:
            return bits, value
    raise NetworkError(
        f"IPAM error: failed to find free IP in range: {netaddr.text((bits, low))} - "
        f"{netaddr.text((bits, high))}"
    )


def _round(low: int, start: int, high: int):  # type: ignore[no-untyped-def]
    yield from range(start, high + 1)
    yield from range(low, start)


def _range(subnet: netaddr.Subnet, lease: dict[str, str]) -> tuple[int, int]:
    bits, base, _prefix = subnet
    top = netaddr.last(subnet)[1]
    low = netaddr.parse(lease["start_ip"])[1] if lease.get("start_ip") else base + 1
    high = netaddr.parse(lease["end_ip"])[1] if lease.get("end_ip") else top
    if low == base:
        low += 1  # the network's own address
    if bits == 32 and high == top:
        high -= 1  # the broadcast address
    return low, high


def _child(bucket: Bucket, key: bytes, make: bool = True) -> Bucket:
    found = bucket.get(key)
    if isinstance(found, dict):
        return found
    fresh: Bucket = {}
    if make:
        bucket[key] = fresh
    return fresh
