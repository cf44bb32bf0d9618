"""Published ports: what ``-p`` and ``-P`` mean, free host ports, and holding them while a container runs.

Host ports are chosen at create and kept, so that a restarted container has the same
ones. While it runs the ports are held by bound sockets (:func:`reserve`): netfilter
would take a port that another program listens on without a word, and the other
program would never see a connection again.
"""

from __future__ import annotations

import sys

from ..errors import NetworkError, PortInUse, UsageError
from ..kit import netaddr
from ..model.container import PortMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.container import Container, NetworkOptions
    from .runtime import Runtime

PROTOCOLS = ("tcp", "udp", "sctp")
_TRIES = 50


def parse_publish(text: str) -> tuple[PortMapping, ...]:
    """Parse ``[[IP:][HOST[-END]]:]CONTAINER[-END][/PROTOCOL]``, one mapping a protocol.

    A host port left out is 0: one is chosen at create. Raises ``UsageError`` in
    podman's words.
    """
    ports, slash, protocol = text.partition("/")
    if "/" in protocol:
        raise UsageError("invalid port format - protocol can only be specified once")
    if slash and not protocol:
        raise UsageError("must provide a non-empty protocol to publish")
    host_ip, host, container = _split(ports)
    if not container:
        raise UsageError("must provide a non-empty container port to publish")
    first, length = _range(container, "parsing container port: ")
    host_first = 0
    if host:
        host_first, host_length = _range(host, "parsing host port: ")
        if host_length != length:
            raise UsageError(
                f"host and container port ranges have different lengths: {host_length} vs {length}"
            )
    return tuple(
        PortMapping(
            container_port=first,
            host_port=host_first,
            host_ip=host_ip,
            protocol=name,
            range=length,
        )
        for name in _protocols(protocol)
    )


def parse_expose(text: str) -> list[tuple[int, str]]:
    """Parse ``PORT[-END][/PROTOCOL]`` of ``--expose`` or an image; ``[(port, protocol), ...]``."""
    ports, slash, protocol = text.partition("/")
    if "/" in protocol:
        raise UsageError("invalid expose format - protocol can only be specified once")
    first, length = _range(ports, "")
    return [
        (port, name)
        for port in range(first, first + length)
        for name in _protocols(protocol if slash else "tcp")
    ]


def resolve_ports(
    ports: Iterable[PortMapping],
    expose: Iterable[str] = (),
    publish_all: bool = False,
    default_host_ips: Sequence[str] = (),
) -> tuple[PortMapping, ...]:
    """Merge what belongs together, refuse conflicts, and choose the host ports left open.

    With ``publish_all`` every exposed port that is not published yet gets a free host port.
    ``default_host_ips`` (containers.conf) stand in for a host IP left out.
    """
    groups: dict[tuple[str, str], list[PortMapping]] = {}
    for port in _spread(ports, default_host_ips):
        groups.setdefault((port.host_ip, port.protocol), []).append(port)
    merged = []
    for group in groups.values():
        merged += _merge(group)
    published = {
        (number, port.protocol)
        for port in merged
        for number in range(port.container_port, port.container_port + port.range)
    }
    if publish_all:
        wanted = dict.fromkeys(pair for text in expose for pair in parse_expose(text))
        merged += [
            PortMapping(container_port=number, protocol=protocol)
            for number, protocol in wanted
            if (number, protocol) not in published
        ]
    return tuple(_choose(merged))


def assign_ports(rt: Runtime, container: Container) -> NetworkOptions:
    """The container's network options with its final port mappings.

    Host ports need a namespace of the container's own: with ``host``, ``none`` and a joined
    one they are dropped with a warning, as podman does.
    """
    network = container.network
    kind = network.mode.partition(":")[0]
    if kind in ("container", "ns", "host", "none"):
        if network.ports:
            # Not a log line: podman says it as it is, whatever the log level.
            print(
                f'Port mappings have been discarded because "{kind}" network namespace mode '
                "does not support them",
                file=sys.stderr,
            )
        return network.evolve(ports=())
    ports = resolve_ports(
        network.ports,
        network.expose,
        network.publish_all,
        rt.settings.network.default_host_ips,
    )
    return network.evolve(ports=ports)


def reserve(ports: Iterable[PortMapping]) -> list[int]:
    """Bind every host port without listening; return the sockets' file descriptors.

    The caller passes them to the monitor, which holds them for the container's life,
    and closes its own copies. SCTP is not held. Raises ``PortInUse``.
    """
    held: list[int] = []
    try:
        for port in ports:
            for number in range(port.host_port, port.host_port + port.range):
                for protocol in port.protocol.split(","):
                    if protocol != "sctp":
                        held.append(_bind(protocol, port.host_ip, number))
    except BaseException:
        from os import close

        for fd in held:
            close(fd)
        raise
    return held


def port_lines(ports: Iterable[PortMapping], wanted: str = "") -> list[str]:
    """The lines of ``podman port``: ``80/tcp -> 0.0.0.0:8080``, or ``0.0.0.0:8080`` for one port.

    ``wanted`` is ``PORT[/PROTOCOL]``; raises ``UsageError`` when it is not published.
    """
    number, _, protocol = wanted.partition("/")
    if wanted and (not number.isdigit() or protocol not in ("", *PROTOCOLS)):
        raise UsageError(f"{wanted} is not a port, write PORT or PORT/PROTOCOL")
    lines = []
    for inside, name, host_ip, outside in flatten(ports):
        address = f"{host_ip or '0.0.0.0'}:{outside}"
        if not wanted:
            lines.append(f"{inside}/{name} -> {address}")
        elif inside == int(number) and name == (protocol or "tcp"):
            lines.append(address)
    if wanted and not lines:
        raise UsageError(f'failed to find published port "{wanted}"')
    return lines


def flatten(ports: Iterable[PortMapping]) -> list[tuple[int, str, str, int]]:
    """Single ports as (container port, protocol, host IP, host port), in order of the mappings."""
    return [
        (port.container_port + step, protocol, port.host_ip, port.host_port + step)
        for port in ports
        for protocol in port.protocol.split(",")
        for step in range(port.range)
    ]


# -- parsing ---------------------------------------------------------------


def _split(ports: str) -> tuple[str, str, str]:
    """Host IP, host port and container port, all as text; what is absent is empty."""
    host_ip, rest = "", ports
    if "]" in ports:
        inside, _, rest = ports.partition("]")
        if not inside.startswith("["):
            raise UsageError("invalid port format - IPv6 addresses must be enclosed by []")
        if "]" in rest:
            raise UsageError(
                "invalid port format - at most one IPv6 address can be specified in a --publish"
            )
        if not rest.startswith(":"):
            raise UsageError("invalid port format - IPv6 address must be followed by a colon (':')")
        host_ip, rest = _address(inside[1:]), rest[1:]
    parts = rest.split(":")
    if host_ip and len(parts) != 2:
        raise UsageError(
            "invalid port format - when v6 address specified, must be [ipv6]:hostPort:ctrPort"
        )
    if len(parts) > 3:
        raise UsageError("invalid port format - format is [[hostIP:]hostPort:]containerPort")
    if len(parts) == 3:
        host_ip = _address(parts.pop(0))
    return host_ip, parts[0] if len(parts) == 2 else "", parts[-1]


def _address(text: str) -> str:
    if not text:
        raise UsageError("must provide a non-empty container host IP to publish")
    try:
        return netaddr.text(netaddr.parse(text))
    except ValueError:
        raise UsageError(f'cannot parse "{text}" as an IP address') from None


def _range(text: str, prefix: str) -> tuple[int, int]:
    """First port and number of ports."""
    first, dash, last = text.partition("-")
    if "-" in last:
        raise UsageError(
            f"{prefix}invalid port format - port ranges are formatted as startPort-stopPort"
        )
    if not first:
        raise UsageError(f"{prefix}port numbers cannot be negative")
    start = _port(first, prefix)
    if not dash:
        return start, 1
    if not last:
        raise UsageError(f"{prefix}must provide ending number for port range")
    end = _port(last, prefix)
    if end <= start:
        raise UsageError(
            f"{prefix}the end port of a range must be higher than the start port - "
            f"{end} is not higher than {start}"
        )
    return start, end - start + 1


def _port(text: str, prefix: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(
            f'{prefix}invalid port number: strconv.Atoi: parsing "{text}": invalid syntax'
        )
    number = int(text)
    if not 1 <= number <= 65535:
        raise UsageError(
            f"{prefix}port numbers must be between 1 and 65535 (inclusive), got {number}"
        )
    return number


def _protocols(text: str) -> list[str]:
    names = []
    for name in text.lower().split(","):
        name = name or "tcp"
        if name not in PROTOCOLS:
            raise UsageError(f'unrecognized protocol "{name}" in port mapping')
        if name not in names:
            names.append(name)
    return names


# -- resolving -------------------------------------------------------------


def _spread(ports: Iterable[PortMapping], default_host_ips: Sequence[str]) -> list[PortMapping]:
    """One mapping a protocol and default host IP."""
    return [
        port.evolve(protocol=protocol, host_ip=host_ip)
        for port in ports
        for protocol in _protocols(port.protocol)
        for host_ip in ([port.host_ip] if port.host_ip else default_host_ips or [""])
    ]


def _merge(group: list[PortMapping]) -> list[PortMapping]:
    """Join adjacent and equal mappings of one host IP and protocol."""
    fixed = sorted(
        (port for port in group if port.host_port), key=lambda p: (p.host_port, p.container_port)
    )
    merged: list[PortMapping] = []
    for port in fixed:
        if not merged or not _joins(merged[-1], port):
            merged.append(port)
            continue
        shift = port.host_port - merged[-1].host_port
        merged[-1] = merged[-1].evolve(range=max(merged[-1].range, port.range + shift))
    for port in sorted((p for p in group if not p.host_port), key=lambda p: p.container_port):
        last = merged[-1] if merged and not merged[-1].host_port else None
        if last is not None and last.container_port + last.range > port.container_port:
            shift = port.container_port - last.container_port
            merged[-1] = last.evolve(range=max(last.range, port.range + shift))
        else:
            merged.append(port)
    return merged


def _joins(before: PortMapping, port: PortMapping) -> bool:
    end = before.host_port + before.range
    if end < port.host_port:
        return False
    if port.host_port - before.host_port == port.container_port - before.container_port:
        return True
    if end > port.host_port:
        raise UsageError(
            f"conflicting port mappings for host port {port.host_port} (protocol {port.protocol})"
        )
    return False


def _choose(ports: list[PortMapping]) -> list[PortMapping]:
    taken = {
        (port.protocol, number)
        for port in ports
        if port.host_port
        for number in range(port.host_port, port.host_port + port.range)
    }
    chosen = []
    for port in ports:
        if not port.host_port:
            port = port.evolve(host_port=_free(port, taken))
            taken |= {
                (port.protocol, number)
                for number in range(port.host_port, port.host_port + port.range)
            }
        chosen.append(port)
    return chosen


def _free(port: PortMapping, taken: set[tuple[str, int]]) -> int:
    """A host port from which the whole range is free now."""
    from os import close

    for _attempt in range(_TRIES):
        start = _ephemeral(port.protocol, port.host_ip)
        numbers = range(start, start + port.range)
        if numbers[-1] > 65535 or any((port.protocol, number) in taken for number in numbers):
            continue
        try:
            for fd in reserve([port.evolve(host_port=start)]):
                close(fd)
        except PortInUse:
            continue
        return start
    length = f"with range {port.range} " if port.range > 1 else ""
    raise NetworkError(
        f"failed to find an open port to expose container port {port.container_port} "
        f"{length}on the host"
    )


def _ephemeral(protocol: str, host_ip: str) -> int:
    import _socket
    from os import close

    fd = _bind("tcp" if protocol == "sctp" else protocol, host_ip, 0)
    try:
        number: int = _socket.socket(fileno=_socket.dup(fd)).getsockname()[1]
        return number
    finally:
        close(fd)


# -- sockets ---------------------------------------------------------------


def _bind(protocol: str, host_ip: str, number: int) -> int:
    """A bound socket's descriptor; without a host IP it covers IPv4 and IPv6."""
    import _socket

    kind = _socket.SOCK_DGRAM if protocol == "udp" else _socket.SOCK_STREAM
    v6 = not host_ip or ":" in host_ip
    try:
        sock = _socket.socket(_socket.AF_INET6 if v6 else _socket.AF_INET, kind)
    except OSError as error:
        if host_ip:
            raise _refused(protocol, host_ip, number, error) from error
        v6, sock = False, _socket.socket(_socket.AF_INET, kind)  # a host without IPv6
    try:
        if v6:
            sock.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 1 if host_ip else 0)
        sock.bind((host_ip or ("::" if v6 else "0.0.0.0"), number))
    except OSError as error:
        sock.close()
        raise _refused(protocol, host_ip, number, error) from error
    fd: int = sock.detach()
    return fd


def _refused(protocol: str, host_ip: str, number: int, error: OSError) -> NetworkError:
    from errno import EADDRINUSE

    shown = f"[{host_ip}]" if ":" in host_ip else host_ip
    reason = (error.strerror or str(error)).lower()
    message = f"cannot bind {protocol} port {shown}:{number}: {reason}"
    if error.errno == EADDRINUSE:
        return PortInUse(message + "; choose another host port or stop what uses it")
    return NetworkError(message)
