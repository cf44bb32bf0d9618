"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY, NO_PROXY, as Go reads them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import urllib3


def proxy_for(scheme: str, host: str, port: int, env: Mapping[str, str]) -> str:
    """The proxy's URL, "" for a direct connection.

    The host itself is never proxied when it is this machine. The upper-case name of a
    variable wins over the lower-case one.
    """
    name = f"{scheme}_proxy"
    url = env.get(name.upper()) or env.get(name) or ""
    if not url or _is_local(host) or _excluded(host, port, env):
        return ""
    return url if "://" in url else f"http://{url}"


def _is_local(host: str) -> bool:
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _excluded(host: str, port: int, env: Mapping[str, str]) -> bool:
    listed = env.get("NO_PROXY") or env.get("no_proxy") or ""
    name = host.strip("[]").lower().rstrip(".")
    return any(
        _matches(entry.strip().lower(), name, port) for entry in listed.split(",") if entry.strip()
    )


def _matches(entry: str, host: str, port: int) -> bool:
    """One entry: ``*``, a network, an address or a domain, the latter two perhaps with a port."""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry, host)
    wanted, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and (entry.startswith("[") or ":" not in wanted):
        if int(number) != port:
            return False
        entry = wanted
    entry = entry.strip("[]").removeprefix("*")
    if entry.startswith("."):
        return host.endswith(entry)
    return host == entry or host.endswith(f".{entry}")


def _in_network(entry: str, host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


def manager(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    """Connections through a proxy; raises ``RegistryError`` for one that cannot be used."""
    import urllib3

    from ..errors import RegistryError

    try:
        parsed = urllib3.util.parse_url(proxy)
        if (parsed.scheme or "").startswith("socks"):
            import socks  # noqa: F401 - urllib3 warns before it fails
            from urllib3.contrib.socks import SOCKSProxyManager

            return SOCKSProxyManager(proxy, **options)
        headers = urllib3.make_headers(proxy_basic_auth=parsed.auth) if parsed.auth else None
        return urllib3.ProxyManager(proxy, proxy_headers=headers, **options)
    except ImportError as error:
        raise RegistryError(
            f"proxy {_public(proxy)}: SOCKS needs the Python package PySocks"
        ) from error
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise RegistryError(f"proxy {_public(proxy)} is no URL of an HTTP proxy") from error


def _public(proxy: str) -> str:
    """The URL without user and password."""
    scheme, mark, rest = proxy.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"
