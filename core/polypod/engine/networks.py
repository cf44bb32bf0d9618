"""Networks as objects of their own: find, list, inspect, create, remove, prune."""

from __future__ import annotations

from ..errors import AlreadyExists, InUse, NoSuchNetwork, PolypodError, UsageError
from ..model.network import Network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, NetworkOptions
    from .runtime import Runtime

#: --network would take these for modes
_MODES = (
    "none", "host", "bridge", "private", "slirp4netns", "pasta", "container", "ns", "default",
)  # fmt: skip


def find_network(rt: Runtime, ref: str) -> Network:
    """The network of that name, ID, or unambiguous beginning of an ID; raises ``NoSuchNetwork``."""
    networks = rt.network.list()
    for network in networks:
        if network.name == ref:
            return network
    matches = [network for network in networks if ref and network.id.startswith(ref)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise AlreadyExists(f"more than one result for network ID {ref}")
    raise NoSuchNetwork(f"unable to find network with name or ID {ref}: network not found")


def network_exists(rt: Runtime, ref: str) -> bool:
    """Whether there is such a network."""
    try:
        find_network(rt, ref)
    except NoSuchNetwork:
        return False
    return True


def settle_networks(rt: Runtime, container: Container) -> NetworkOptions:
    """The container's network options with networks by their names; all of them exist.

    IDs become names and "" becomes the default network, so that references to a
    network can be found. Raises ``NoSuchNetwork``, ``UsageError``.
    """
    options = container.network
    default = rt.settings.network.default_network
    settled = {}
    for ref, place in options.networks.items():
        network = find_network(rt, ref or default)
        if network.name in settled:
            raise UsageError(f"network {network.name} is given twice")
        settled[network.name] = place
    interfaces = [place.interface_name for place in settled.values() if place.interface_name]
    if len(interfaces) != len(set(interfaces)):
        raise UsageError("two networks cannot have one interface name")
    return options.evolve(networks=settled)


def list_networks(rt: Runtime, filters: list[str] | None = None) -> list[Network]:
    """The networks that pass all filters (``key=value``), by name."""
    networks = sorted(rt.network.list(), key=lambda network: network.name)
    if filters:
        from .networks_filters import select

        return select(rt, networks, filters)
    return networks


def inspect_network(rt: Runtime, ref: str) -> dict[str, Any]:
    """The network's definition with the running containers on it, as podman shows it."""
    network = find_network(rt, ref)
    containers = {}
    for user in rt.records.network_users(network.name):
        try:
            state, _revision = rt.records.containers.state(user)
            name = rt.records.containers.get(user).name
        except PolypodError:
            continue  # removed meanwhile, or damaged: `system check` names it
        for result in state.networks:
            if result.name == network.name:
                interfaces = result.status.get("interfaces") or {}
                containers[user] = {"name": name, "interfaces": _in_order(interfaces)}
    return {**network.document(), "containers": containers}


def _in_order(interfaces: dict[str, Any]) -> dict[str, Any]:
    """Interfaces with podman's order of keys; netavark gives them sorted."""
    return {
        name: {
            "subnets": [
                {key: subnet[key] for key in ("ipnet", "gateway") if subnet.get(key)}
                for subnet in value.get("subnets") or ()
            ],
            "mac_address": value.get("mac_address", ""),
        }
        for name, value in interfaces.items()
    }


def create_network(rt: Runtime, network: Network, *, ignore: bool = False) -> Network:
    """Define a network; what is open in it is chosen. Returns the full definition.

    With ``ignore`` an existing network of the same name is returned untouched.
    Raises ``AlreadyExists``, ``UsageError``.
    """
    if network.name in _MODES:
        raise UsageError(
            f'cannot create network with name "{network.name}" because it conflicts with a valid '
            "network mode"
        )
    try:
        made = rt.network.create(network)
    except AlreadyExists:
        for existing in rt.network.list() if ignore else ():
            if existing.name == network.name:
                return existing
        raise
    _tell(rt, "create", made)
    return made


def remove_network(
    rt: Runtime, ref: str, *, force: bool = False, timeout: int | None = None
) -> str:
    """Remove a network and return its name; with ``force`` its containers go first.

    Raises ``NoSuchNetwork``, ``InUse``, and ``UsageError`` for the default network.
    """
    network = find_network(rt, ref)
    if network.name == rt.settings.network.default_network:
        raise UsageError(f"default network {network.name} cannot be removed")
    users = rt.records.network_users(network.name)
    if users and not force:
        raise InUse(
            f'"{ref}" has associated containers with it. Use -f to forcibly delete containers '
            "and pods: network is being used"
        )
    for user in users:
        from .remove import remove

        remove(rt, user, force=True, volumes=True, timeout=timeout)
    rt.network.remove(network.name)
    _tell(rt, "remove", network)
    return network.name


def _tell(rt: Runtime, status: str, network: Network) -> None:
    from .events import emit

    emit(
        rt, "network", status, id=network.id, name=network.name, network=network.name,
        attributes={"driver": network.driver},
    )  # fmt: skip


def prune_networks(
    rt: Runtime, filters: list[str] | None = None
) -> list[tuple[str, PolypodError | None]]:
    """Remove the networks that no container needs; each name with the error that kept it."""
    from .networks_filters import select

    used = rt.records.all_users("network")
    default = rt.settings.network.default_network
    unused = [
        network
        for network in sorted(rt.network.list(), key=lambda network: network.name)
        if network.name not in used and network.name != default
    ]
    pruned: list[tuple[str, PolypodError | None]] = []
    for network in select(rt, unused, filters or [], pruning=True):
        try:
            remove_network(rt, network.name)
        except NoSuchNetwork:
            continue  # somebody else was faster
        except PolypodError as error:
            pruned.append((network.name, error))
        else:
            pruned.append((network.name, None))
    return pruned
