"""Devices of a container: the nodes in its /dev and what its cgroup lets it use."""

from __future__ import annotations

import os
import stat

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, Device
    from ..model.settings import Settings
    from .host_facts import HostFacts

_KINDS = ((stat.S_ISBLK, "b"), (stat.S_ISCHR, "c"), (stat.S_ISFIFO, "p"))
_SKIPPED = frozenset(("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts"))


def spec_devices(
    container: Container, settings: Settings, facts: HostFacts
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return (``linux.devices``, ``linux.resources.devices``)."""
    if container.security.privileged:
        systemd = container.lifecycle.systemd == "always"
        return list(_host_nodes("/dev", systemd)), [{"allow": True, "access": "rwm"}]
    nodes: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = [{"allow": False, "access": "rwm"}]
    for device in (*map(parse_device, settings.containers.devices), *container.devices):
        for path, target in _expand(device):
            node = _node(path, target)
            nodes.append(node)
            rules.append(
                {
                    "allow": True,
                    "type": node["type"],
                    "major": node["major"],
                    "minor": node["minor"],
                    "access": device.permissions,
                }
            )
    rules.extend(map(parse_rule, container.resources.device_cgroup_rules))
    return nodes, rules


def parse_device(text: str) -> Device:
    """Parse ``HOST[:CONTAINER][:PERMISSIONS]``; permissions are of ``rwm``."""
    from ..model.container import Device

    parts = text.split(":")
    permissions, target = "rwm", ""
    if len(parts) > 3 or not parts[0]:
        raise UsageError(f"invalid device specification: {text}")
    if len(parts) == 3:
        permissions = parts[2]
        if not _is_mode(permissions):
            raise UsageError(f'invalid device mode "{permissions}" in device "{text}"')
    if len(parts) > 1:
        if _is_mode(parts[1]):
            permissions = parts[1]
        elif parts[1] and not parts[1].startswith("/"):
            raise UsageError(f'invalid device mode "{parts[1]}" in device "{text}"')
        else:
            target = parts[1]
    return Device(path=parts[0], container_path=target, permissions=permissions)


def _is_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def parse_rule(text: str) -> dict[str, Any]:
    """Parse a ``--device-cgroup-rule`` such as ``c 42:* rwm``."""
    parts = text.split()
    if len(parts) != 3:
        raise UsageError(
            "invalid device cgroup rule requires type, major:Minor, and access rules: "
            f'"{text}"'
        )
    kind, numbers, access = parts
    if kind not in ("a", "b", "c"):
        raise UsageError(f"invalid device type in device-access-add: {kind}")
    rule: dict[str, Any] = {"allow": True, "type": kind, "access": access}
    for name, number in zip(("major", "minor"), numbers.split(":"), strict=False):
        if number != "*":
            if not number.isdigit():
                raise UsageError(f'strconv.ParseUint: parsing "{number}": invalid syntax')
            rule[name] = int(number)
    for letter in access:
        if letter not in "rwm":
            raise UsageError(f"invalid device access in device-access-add: {letter}")
    return rule


def _expand(device: Device) -> list[tuple[str, str]]:
    """(host path, container path) pairs: one, or all devices of a directory."""
    path = os.path.realpath(device.path) if os.path.islink(device.path) else device.path
    target = device.container_path or device.path
    if not os.path.isdir(path):
        return [(path, target)]
    target = device.container_path or path
    found = []
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            full = os.path.join(folder, name)
            mode = os.lstat(full).st_mode
            if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
                found.append((full, os.path.normpath(target + full[len(path) :])))
    if not found:
        raise UsageError(f"no devices found in {device.path}: invalid argument")
    return found


def _node(path: str, target: str) -> dict[str, Any]:
    try:
        info = os.stat(path, follow_symlinks=False)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UsageError(f"stat {path}: {reason}") from error
    node = _describe(info, target)
    if node is None:
        raise UsageError(f"{path} is not a valid device: not a device node")
    return node


def _describe(info: os.stat_result, target: str) -> dict[str, Any] | None:
    for is_kind, kind in _KINDS:
        if is_kind(info.st_mode):
            return {
                "path": target,
                "type": kind,
                "major": os.major(info.st_rdev),
                "minor": os.minor(info.st_rdev),
                "fileMode": stat.S_IMODE(info.st_mode),
                "uid": info.st_uid,
                "gid": info.st_gid,
            }
    return None


def _host_nodes(folder: str, systemd: bool) -> list[dict[str, Any]]:
    """All device nodes below /dev, for ``--privileged``; systemd must not get the consoles."""
    found: list[dict[str, Any]] = []
    try:
        with os.scandir(folder) as entries:
            listing = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return found
    for entry in listing:
        try:
            if entry.is_symlink() or entry.name == "console":
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    found.extend(_host_nodes(entry.path, systemd))
                continue
            node = _describe(entry.stat(follow_symlinks=False), entry.path)
        except FileNotFoundError:
            continue  # devices come and go while we look
        if node is None or node["type"] == "p":
            continue
        if systemd and entry.path.startswith("/dev/tty") and entry.path[8:].isdigit():
            continue
        found.append(node)
    return found
