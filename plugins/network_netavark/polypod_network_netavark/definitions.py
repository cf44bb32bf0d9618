"""Network definitions on disk: one JSON file a network, as podman writes them."""

from __future__ import annotations

import os
import time

from polypod.errors import NetworkError, NoSuchNetwork
from polypod.kit import netaddr
from polypod.kit.fastjson import loads
from polypod.kit.log import warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]

#: podman gives the default network this ID on every host
DEFAULT_ID = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"


class Definitions:
    """The networks of one configuration directory.

    The documents are those of the files, with keys that polypod does not know; the
    default network exists without a file, as podman has it.
    """

    def __init__(self, directory: str, default_name: str, default_subnet: str) -> None:
        self.directory = directory
        self.default_name = default_name
        self._default_subnet = default_subnet

    def get(self, name: str) -> Document:
        """The network of that exact name; raises ``NoSuchNetwork``."""
        if document := self._load(name):
            return document
        if name == self.default_name:
            return self.default()
        raise NoSuchNetwork(f"unable to find network with name or ID {name}: network not found")

    def all(self) -> list[Document]:
        """All networks, sorted by name; files that cannot be used are skipped."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            names = []
        found = {}
        for name in names:
            if name.endswith(".json"):
                document = self._load(name[:-5], strict=False)
                if document:
                    found[document["name"]] = document
        found.setdefault(self.default_name, self.default())
        return [found[name] for name in sorted(found)]

    def default(self) -> Document:
        """The default network as podman makes it up."""
        subnet = netaddr.parse_subnet(self._default_subnet)
        return {
            "name": self.default_name,
            "id": DEFAULT_ID,
            "driver": "bridge",
            "network_interface": "podman0",
            "created": now(),
            "subnets": [
                {
                    "subnet": netaddr.subnet_text(subnet),
                    "gateway": netaddr.text(netaddr.first(subnet)),
                }
            ],
            "ipv6_enabled": subnet[0] == 128,
            "internal": False,
            "dns_enabled": False,
            "ipam_options": {"driver": "host-local"},
        }

    def path(self, name: str) -> str:
        """The file of a network."""
        return os.path.join(self.directory, name + ".json")

    def _load(self, name: str, strict: bool = True) -> Document | None:
        try:
            fd = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise NetworkError(f"cannot read {self.path(name)}: {error.strerror}") from error
        try:
            data = os.read(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)
        problem = ""
        try:
            document = loads(data)
            problem = _problem(document, name)
        except ValueError as error:
            problem = str(error)
        if not problem:
            return document  # type: ignore[no-any-return]
        if strict:
            raise NetworkError(f"network file {self.path(name)} cannot be used: {problem}")
        warning(f"network file {self.path(name)} is skipped: {problem}")
        return None


def now() -> str:
    """The time as Go writes it: RFC 3339 with nanoseconds and the local offset."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    local = time.localtime(seconds)
    offset = time.strftime("%z", local)
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{nanoseconds:09d}{zone}"


def _problem(document: object, name: str) -> str:
    """What is wrong with a definition, or ""; fills in the gateways that podman would."""
    if not isinstance(document, dict):
        return "not a JSON object"
    if document.get("name") != name:
        return f"it names the network {document.get('name')!r}"
    if len(document.get("id", "")) != 64:
        return "the ID has not 64 digits"
    gateways = not document.get("internal") or document.get("dns_enabled")
    for subnet in document.get("subnets") or ():
        parsed = netaddr.parse_subnet(subnet["subnet"])
        if gateways and not subnet.get("gateway"):
            subnet["gateway"] = netaddr.text(netaddr.first(parsed))
    return ""
