"""Seccomp profiles: from the container engines' JSON format to the runtime spec's.

A profile (``/usr/share/containers/seccomp.json``, or one that the user names) says
which rules depend on capabilities and architecture; the runtime spec has no such
conditions, so they are decided here. Reading and converting the default profile
takes some 0.3 ms, which is why nothing is cached.
"""

from __future__ import annotations

import errno
import os

from ..errors import ConfigError
from ..kit import fastjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Where distributions put the default profile; the first that exists is used.
DEFAULT_PATHS = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")

_NATIVE = {
    "amd64": "SCMP_ARCH_X86_64",
    "386": "SCMP_ARCH_X86",
    "arm64": "SCMP_ARCH_AARCH64",
    "arm": "SCMP_ARCH_ARM",
    "mips64": "SCMP_ARCH_MIPS64",
    "mipsel64": "SCMP_ARCH_MIPSEL64",
    "s390x": "SCMP_ARCH_S390X",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "riscv64": "SCMP_ARCH_RISCV64",
}


def default_path(configured: str = "") -> str:
    """Return the path of the default profile: containers.conf's, or the distribution's, or ""."""
    if configured:
        return configured
    for path in DEFAULT_PATHS:
        if os.path.exists(path):
            return path
    return ""


def load(path: str, arch: str, bounding: frozenset[str]) -> dict[str, Any] | None:
    """Return the runtime-spec ``linux.seccomp`` object for the profile in ``path``.

    ``arch`` is the host's in GOARCH words, ``bounding`` the container's bounding set.
    ``None`` when the profile allows everything by having nothing in it. Raises
    ``ConfigError`` when it cannot be read or understood.
    """
    try:
        with open(path, "rb") as file:
            profile = fastjson.loads(file.read())
    except OSError as error:
        raise ConfigError(
            f"opening seccomp profile failed: open {path}: {os.strerror(error.errno or 0).lower()}"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"loading seccomp profile {path} failed: decoding seccomp profile failed: {error}"
        ) from error
    try:
        return convert(profile, arch, bounding)
    except (AttributeError, TypeError, KeyError, ConfigError) as error:
        raise ConfigError(f"loading seccomp profile {path} failed: {error}") from error


def convert(profile: dict[str, Any], arch: str, bounding: frozenset[str]) -> dict[str, Any] | None:
    """Decide a profile's conditions; see :func:`load`."""
    if not isinstance(profile, dict):
        raise ConfigError("a seccomp profile is a JSON object")
    if not profile.get("defaultAction") and not profile.get("syscalls"):
        return None
    result: dict[str, Any] = {"defaultAction": profile.get("defaultAction", "")}
    default_errno = _errno(profile.get("defaultErrno"), profile.get("defaultErrnoRet"))
    if default_errno is not None:
        result["defaultErrnoRet"] = default_errno
    architectures = _architectures(profile, arch)
    if architectures:
        result["architectures"] = architectures
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            result[key] = profile[key]
    result["syscalls"] = [
        _rule(call) for call in profile.get("syscalls") or () if _applies(call, arch, bounding)
    ]
    return result


def _architectures(profile: dict[str, Any], arch: str) -> list[str]:
    listed, mapped = profile.get("architectures"), profile.get("archMap")
    if listed and mapped:
        raise ConfigError("use either 'architectures' or 'archMap', not both")
    if listed:
        return list(listed)
    native = _NATIVE.get(arch)
    for entry in mapped or ():
        if entry.get("architecture") == native:
            return [native, *(entry.get("subArchitectures") or ())]
    return []


def _applies(call: dict[str, Any], arch: str, bounding: frozenset[str]) -> bool:
    excludes = call.get("excludes")
    if excludes:
        if arch in (excludes.get("arches") or ()):
            return False
        if not bounding.isdisjoint(excludes.get("caps") or ()):
            return False
    includes = call.get("includes")
    if includes:
        arches = includes.get("arches")
        if arches and arch not in arches:
            return False
        if not bounding.issuperset(includes.get("caps") or ()):
            return False
    return True


def _rule(call: dict[str, Any]) -> dict[str, Any]:
    name, names = call.get("name"), call.get("names")
    if name and names:
        raise ConfigError("use either 'name' or 'names', not both")
    rule: dict[str, Any] = {"names": names or [name], "action": call["action"]}
    number = _errno(call.get("errno"), call.get("errnoRet"))
    if number is not None:
        rule["errnoRet"] = number
    if call.get("args"):
        rule["args"] = call["args"]
    return rule


def _errno(name: str | None, number: int | None) -> int | None:
    """A profile gives errno as a name or as digits, beside the plain number."""
    if not name:
        return number
    if name.isdigit():
        return int(name)
    value = getattr(errno, name, None)
    if not isinstance(value, int):
        raise ConfigError(f"unknown errno {name}")
    return value
