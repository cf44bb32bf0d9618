"""A container's place in its networks: namespace, addresses, names."""

from __future__ import annotations

import os

from ..model.container import ContainerState, NetworkResult
from ..model.network import NetworkSetup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime

NETNS_DIR = "/run/netns"


def planned_netns(rt: Runtime, container: Container) -> str:
    """Where the container's network namespace will be, "" when it needs none of ours.

    Chosen before it is made, so that the record names it whatever happens. A
    container without network gets its namespace from the runtime.
    """
    if container.network.mode != "bridge":
        return ""
    return os.path.join(NETNS_DIR, f"netns-{container.id[:32]}")


def make_netns(rt: Runtime, path: str) -> None:
    """Make the namespace, with loopback up."""
    from ..kit.netns import create, delete

    delete(path)  # what a crash may have left
    create(os.path.basename(path), os.path.dirname(path))


def setup_request(container: Container, netns: str) -> NetworkSetup:
    """What the network backend is told."""
    networks = container.network.networks or {}
    return NetworkSetup(
        container_id=container.id,
        container_name=container.name,
        netns=netns,
        networks={name: place.to_dict() for name, place in networks.items()},
        ports=container.network.ports,
        dns_servers=container.network.dns_servers,
        hostname=container.hostname,
    )


def connect(rt: Runtime, container: Container, netns: str) -> tuple[NetworkResult, ...]:
    """Connect the namespace to the container's networks."""
    status = rt.network.setup(setup_request(container, netns))
    return tuple(NetworkResult(name=name, status=block) for name, block in status.items())


def disconnect(rt: Runtime, container: Container, state: ContainerState) -> None:
    """Take the container out of its networks and delete its namespace."""
    from ..kit.netns import delete

    if container.network.mode == "bridge":
        rt.network.teardown(setup_request(container, state.netns))
    if state.netns:
        delete(state.netns)


def finish_etc_files(rt: Runtime, container: Container, state: ContainerState) -> None:
    """Rewrite hosts and resolv.conf now that the addresses are known."""
    from .etc_files import write_etc_files

    write_etc_files(rt, container, state)
