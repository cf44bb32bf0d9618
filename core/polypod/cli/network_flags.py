"""--network and its companions: from their text to ``NetworkOptions``."""

from __future__ import annotations

from ..errors import UsageError
from ..model.container import NetworkAttachment, NetworkOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .parse import Options

_MODES = ("none", "host", "private", "default", "bridge", "slirp4netns", "pasta")


def network_from(opts: Options) -> NetworkOptions:
    """Everything about the network that the command line says."""
    mode, networks = _places(opts.network, _static(opts))
    no_hosts = opts.no_hosts
    if no_hosts and opts.add_host:
        raise UsageError("--no-hosts and --add-host cannot be set together")
    if no_hosts and opts.hosts_file:
        raise UsageError("--no-hosts and --hosts-file cannot be set together")
    if (opts.dns or opts.dns_option or opts.dns_search) and (
        mode == "none" or mode.startswith("container:")
    ):
        raise UsageError(
            f"conflicting options: dns and the network mode: {mode.partition(':')[0]}"
        )
    return NetworkOptions(
        mode=mode,
        networks=networks,
        ports=_ports(opts.publish),
        publish_all=opts.publish_all,
        expose=tuple(opts.expose),
        dns_servers=tuple(opts.dns),
        dns_search=tuple(opts.dns_search),
        dns_options=tuple(opts.dns_option),
        add_hosts=tuple(opts.add_host),
        no_hosts=no_hosts,
        no_hostname=opts.no_hostname,
        hosts_file=opts.hosts_file,
    )


def _ports(texts: list[str]):  # type: ignore[no-untyped-def]
    if not texts:
        return ()
    from ..engine.ports import parse_publish

    return tuple(port for text in texts for port in parse_publish(text))


def _static(opts: Options) -> NetworkAttachment:
    """--ip, --ip6, --mac-address and --network-alias: for the one network."""
    addresses = []
    for _flag, text, dots in (("ip", opts.ip, True), ("ip6", opts.ip6, False)):
        if not text:
            continue
        if dots != _is_ipv4(text) or (not dots and ":" not in text):
            raise UsageError(f'"{text}" is not an ip address' if dots else f'"{text}" is not an ip6 address')
        addresses.append(text)
    if opts.mac_address and not _is_mac(opts.mac_address):
        raise UsageError(f"address {opts.mac_address}: invalid MAC address")
    return NetworkAttachment(
        static_ips=tuple(addresses),
        static_mac=opts.mac_address.lower(),
        aliases=tuple(opts.network_alias),
    )


def _places(
    texts: list[str], static: NetworkAttachment
) -> tuple[str, dict[str, NetworkAttachment]]:
    asked_static = static.static_ips or static.static_mac or static.aliases
    if not texts:
        return ("bridge", {"": static}) if asked_static else ("", {})
    names = [name for text in texts for name in _names(text)]
    if len(names) == 1:
        name, _, options = names[0].partition(":")
        if name in ("container", "ns"):
            if not options:
                raise UsageError(f"namespace mode {name} of --network requires a value")
            return _only_bridge(names[0], asked_static), {}
        if name in _MODES and name not in ("bridge", "default", "private"):
            return _only_bridge(name, asked_static), {}
    if len(names) > 1 and asked_static and (static.static_ips or static.static_mac):
        raise UsageError(
            "--ip, --ip6 and --mac-address can only be set for a single network: invalid argument"
        )
    networks: dict[str, NetworkAttachment] = {}
    for text in names:
        name, _, options = text.partition(":")
        if name in ("none", "host", "container", "ns"):
            raise UsageError(f"cannot set multiple networks without bridge network mode, selected mode {name}: invalid argument")
        place = static if not options else _merge(static, options)
        networks["" if name in ("bridge", "default", "private") else name] = place
    if list(networks) == [""] and networks[""].to_dict() == {}:
        return "bridge", {}
    return "bridge", networks


def _names(text: str) -> list[str]:
    # "a,b" means two networks, but options hold commas as well: "a:ip=1.2.3.4,mac=…".
    return [text] if ":" in text or "=" in text else text.split(",")


def _only_bridge(mode: str, asked_static: object) -> str:
    if asked_static:
        raise UsageError(
            "networks and static ip/mac address can only be used with Bridge mode networking"
        )
    return mode


def _merge(static: NetworkAttachment, text: str) -> NetworkAttachment:
    ips, aliases = list(static.static_ips), list(static.aliases)
    mac, interface = static.static_mac, static.interface_name
    for field in text.split(","):
        name, equals, value = field.partition("=")
        if not equals or not value:
            raise UsageError(f"invalid network option {field}: must be KEY=VALUE")
        if name in ("ip", "ip6"):
            ips.append(value)
        elif name == "mac":
            if not _is_mac(value):
                raise UsageError(f"address {value}: invalid MAC address")
            mac = value.lower()
        elif name == "alias":
            aliases.append(value)
        elif name == "interface_name":
            interface = value
        else:
            raise UsageError(f"unknown bridge network option: {name}")
    return NetworkAttachment(
        static_ips=tuple(ips), static_mac=mac, aliases=tuple(aliases), interface_name=interface
    )


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(p.isdigit() and int(p) < 256 for p in parts)


def _is_mac(text: str) -> bool:
    parts = text.replace("-", ":").split(":")
    return len(parts) == 6 and all(
        len(p) == 2 and all(c in "0123456789abcdefABCDEF" for c in p) for p in parts
    )
