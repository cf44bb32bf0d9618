"""``network create``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model.network import Route, Subnet
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Create a network and print its name."""
    from ...engine.networks import create_network
    from ...model.network import Network

    options = _pairs(opts.opt)
    interface = opts.interface_name
    if opts.driver in ("macvlan", "ipvlan") and "parent" in options:
        interface = options.pop("parent")
    network = Network(
        name=args[0] if args else "",
        id="",
        driver=opts.driver,
        network_interface=interface,
        subnets=_subnets(opts),
        routes=tuple(_route(text) for text in opts.route),
        ipv6_enabled=opts.ipv6,
        internal=opts.internal,
        dns_enabled=not opts.disable_dns,
        network_dns_servers=tuple(opts.dns),
        labels=_pairs(opts.label),
        options=options,
        ipam_options={"driver": opts.ipam_driver} if opts.changed("ipam-driver") else {},
    )
    ctx.out(create_network(ctx.rt, network, ignore=opts.ignore).name)
    return 0


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, _, value = text.partition("=")
        if not key:
            from ...errors import UsageError

            raise UsageError(f"invalid option or label {text!r}: write it as KEY=VALUE")
        pairs[key] = value
    return pairs


def _subnets(opts: Options) -> tuple[Subnet, ...]:
    from ...errors import UsageError
    from ...kit import netaddr
    from ...model.network import Subnet

    if not opts.subnet:
        if opts.ip_range or opts.gateway:
            raise UsageError("cannot set gateway or range without subnet")
        return ()
    if len(opts.gateway) > len(opts.subnet):
        raise UsageError("cannot set more gateways than subnets")
    if len(opts.ip_range) > len(opts.subnet):
        raise UsageError("cannot set more ranges than subnets")
    subnets = []
    for index, text in enumerate(opts.subnet):
        try:
            subnet = netaddr.subnet_text(netaddr.parse_subnet(text))
        except ValueError:
            raise UsageError(f"invalid CIDR address: {text}") from None
        gateway = opts.gateway[index] if index < len(opts.gateway) else ""
        if gateway and not netaddr.is_address(gateway):
            raise UsageError(f"invalid gateway {gateway}: it is not an IP address")
        lease = _range(opts.ip_range[index]) if index < len(opts.ip_range) else {}
        subnets.append(Subnet(subnet=subnet, gateway=gateway, lease_range=lease))
    return tuple(subnets)


def _range(text: str) -> dict[str, str]:
    """``START-END``, or a subnet whose addresses are meant."""
    from ...errors import UsageError
    from ...kit import netaddr

    start, dash, end = text.partition("-")
    if dash:
        for words, address in (("start", start), ("end", end)):
            if not netaddr.is_address(address):
                raise UsageError(f'range {words} ip "{address}" is not a ip address')
        return {"start_ip": start, "end_ip": end}
    try:
        subnet = netaddr.parse_subnet(text)
    except ValueError:
        raise UsageError(f"invalid CIDR address: {text}") from None
    first, last = netaddr.first(subnet), netaddr.last(subnet)
    return {"start_ip": netaddr.text(first), "end_ip": netaddr.text(last)}


def _route(text: str) -> Route:
    from ...errors import UsageError
    from ...kit import netaddr
    from ...model.network import Route

    parts = text.split(",")
    if len(parts) not in (2, 3):
        raise UsageError(
            f"invalid route: {text}, format: --route <destination in CIDR>,<gateway>,"
            "<metric (optional)>"
        )
    try:
        netaddr.parse_subnet(parts[0])
    except ValueError:
        raise UsageError(f"invalid route destination {parts[0]}") from None
    if not netaddr.is_address(parts[1]):
        raise UsageError(f"invalid route gateway {parts[1]}")
    if len(parts) == 2:
        return Route(destination=parts[0], gateway=parts[1])
    if not parts[2].isdigit():
        raise UsageError(f"invalid route metric {parts[2]}")
    return Route(destination=parts[0], gateway=parts[1], metric=int(parts[2]))


COMMAND = Command(
    path="network create",
    summary="Create networks for containers and pods",
    usage="[options] [NAME]",
    long="Create networks for containers and pods",
    flags=(
        Flag("disable-dns", usage="disable dns plugin"),
        Flag("dns", type="slice", usage="DNS servers this network will use"),
        Flag(
            "driver",
            "d",
            "string",
            default="bridge",
            usage="driver to manage the network",
            complete="values:bridge,macvlan,ipvlan",
        ),
        Flag("gateway", type="slice", usage="IPv4 or IPv6 gateway for the subnet"),
        Flag("ignore", usage="Don't fail if network already exists"),
        Flag(
            "interface-name",
            type="string",
            usage="interface name which is used by the driver",
            complete="interfaces",
        ),
        Flag("internal", usage="restrict external access from this network"),
        Flag("ip-range", type="array", usage="allocate container IP from range"),
        Flag(
            "ipam-driver",
            type="string",
            usage="IP Address Management Driver",
            complete="values:host-local,dhcp,none",
        ),
        Flag("ipv6", usage="enable IPv6 networking"),
        Flag("label", type="array", usage="set metadata on a network"),
        Flag("opt", "o", "array", usage="Set driver specific options (default [])"),
        Flag("route", type="array", usage="static routes"),
        Flag("subnet", type="array", usage="subnets in CIDR format"),
    ),
    examples=(
        "network create mynet",
        "network create --subnet 10.5.0.0/24 --gateway 10.5.0.3 mynet",
        "network create --ipv6 --label env=test mynet",
    ),
    max_args=1,
    run=run,
)
