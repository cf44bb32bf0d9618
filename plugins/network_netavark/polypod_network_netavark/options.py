"""The options of ``network create -o``, checked as podman checks them."""

from __future__ import annotations

from polypod.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_MACVLAN_MODES = ("private", "vepa", "bridge", "passthru")
_IPVLAN_MODES = ("l2", "l3", "l3s")


def docker_names(document: dict[str, Any]) -> None:
    """Take docker's option names for podman's."""
    options = document["options"]
    if "com.docker.network.driver.mtu" in options:
        options["mtu"] = options.pop("com.docker.network.driver.mtu")
    if "com.docker.network.bridge.name" in options:
        document["network_interface"] = options.pop("com.docker.network.bridge.name")


def check_bridge(options: dict[str, str]) -> None:
    """Check the options of a bridge network; booleans become true or false in place."""
    _check(
        "bridge",
        options,
        {
            "mtu": _mtu,
            "vlan": _vlan,
            "isolate": lambda value: "strict" if value == "strict" else _boolean(value),
            "metric": _unsigned,
            "no_default_route": _boolean,
            "vrf": _vrf,
            "mode": _one_of("bridge mode", ("managed", "unmanaged")),
            "host_interface_name": str,
        },
    )


def check_ipvlan(driver: str, options: dict[str, str]) -> None:
    """Check the options of a macvlan or ipvlan network."""
    modes = _MACVLAN_MODES if driver == "macvlan" else _IPVLAN_MODES
    known: dict[str, Callable[[str], str]] = {
        "mode": _one_of(f"{driver} mode", modes),
        "metric": _unsigned,
        "mtu": _mtu,
        "no_default_route": _boolean,
    }
    if driver == "macvlan":
        known["bclim"] = lambda value: str(_number(value, "bclim"))
    _check(driver, options, known)


def _check(driver: str, options: dict[str, str], known: dict[str, Callable[[str], str]]) -> None:
    for key, value in options.items():
        if key not in known:
            raise UsageError(f"unsupported {driver} network option {key}")
        options[key] = known[key](value)


def _number(value: str, what: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{what} {value!r} is not a number") from None


def _mtu(value: str) -> str:
    if value and _number(value, "mtu") < 0:
        raise UsageError(f"mtu {value} is less than zero")
    return value


def _vlan(value: str) -> str:
    if value and not 0 <= _number(value, "vlan ID") <= 4094:
        raise UsageError(f"vlan ID {value} must be between 0 and 4094")
    return value


def _unsigned(value: str) -> str:
    if not 0 <= _number(value, "metric") < 2**32:
        raise UsageError(f"metric {value} must be between 0 and {2**32 - 1}")
    return value


def _boolean(value: str) -> str:
    if value in _TRUE:
        return "true"
    if value in _FALSE or not value:
        return "false"
    raise UsageError(f"{value!r} is neither true nor false")


def _vrf(value: str) -> str:
    if not value:
        raise UsageError("invalid vrf name")
    return value


def _one_of(what: str, values: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in values:
            raise UsageError(f'unknown {what} "{value}"')
        return value

    return check
