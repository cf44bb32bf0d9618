"""Mount options as users write them, checked and completed as podman does.

Without a choice of their own, bind mounts keep what their source's file system has of
``nodev``, ``nosuid`` and ``noexec``, and tmpfs mounts are ``nosuid`` and ``nodev``.
"""

from __future__ import annotations

import os

from ..errors import UsageError

_ST_NOSUID, _ST_NODEV, _ST_NOEXEC = 2, 4, 8

# option -> the group of which one may be given
_GROUPS = {
    "copy": "nocopy' and 'copy",
    "nocopy": "nocopy' and 'copy",
    "exec": "noexec' and 'exec",
    "noexec": "noexec' and 'exec",
    "suid": "nosuid' and 'suid",
    "nosuid": "nosuid' and 'suid",
    "dev": "nodev' and 'dev",
    "nodev": "nodev' and 'dev",
    "rw": "rw' and 'ro",
    "ro": "rw' and 'ro",
    "bind": "rbind' and 'bind",
    "rbind": "rbind' and 'bind",
    "z": "z' and 'Z",
    "Z": "z' and 'Z",
}
_PROPAGATION = frozenset(
    (
        "private",
        "rprivate",
        "slave",
        "rslave",
        "shared",
        "rshared",
        "unbindable",
        "runbindable",
    )
)
_TMPFS_ONLY = frozenset(
    ("size", "mode", "tmpcopyup", "notmpcopyup", "noswap", "noatime", "nr_inodes")
)
_BIND_ONLY = frozenset(("bind", "rbind", "z", "Z"))
# Handled before a mount is made, or of no meaning here (SELinux is the runtime's mountLabel).
_DROPPED = frozenset(
    ("copy", "nocopy", "consistency", "notmpcopyup", "z", "Z", "U", "O", "nocreate", "volume-opt")
)


def bind_options(options: list[str], source: str, *, volume: bool = False) -> list[str]:
    """Return the runtime's options for binding ``source``; ``UsageError`` when malformed.

    A volume is ``nosuid`` and ``nodev`` wherever it lies.
    """
    seen = _check(options, tmpfs=False)
    result = []
    for option in options:
        key = option.partition("=")[0]
        if key == "no-dereference":
            result.append("copy-symlink")
        elif key not in _DROPPED and key not in ("subpath", "idmap"):
            result.append(option)
    if any(option.partition("=")[0] == "idmap" for option in options):
        raise UsageError(f"the 'idmap' option of the mount of {source} is not supported")
    if "propagation" not in seen:
        result.append("private" if "bind" in options else "rprivate")
    flags = _ST_NOSUID | _ST_NODEV if volume else _flags(source)
    for group, name, bit in (
        ("exec", "noexec", _ST_NOEXEC),
        ("suid", "nosuid", _ST_NOSUID),
        ("dev", "nodev", _ST_NODEV),
    ):
        if f"no{group}' and '{group}" not in seen and flags & bit:
            result.append(name)
    if "rbind' and 'bind" not in seen:
        result.append("rbind")
    return result


def _flags(source: str) -> int:
    try:
        return os.statvfs(source).f_flag
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise UsageError(f"statfs {source}: {reason}") from error


def tmpfs_options(options: list[str]) -> list[str]:
    """Return the runtime's options for a tmpfs (``U`` stays); ``UsageError`` when malformed."""
    seen = _check(options, tmpfs=True)
    result = [
        option for option in options if option == "U" or option.partition("=")[0] not in _DROPPED
    ]
    if "propagation" not in seen:
        result.append("rprivate")
    if "nosuid' and 'suid" not in seen:
        result.append("nosuid")
    if "nodev' and 'dev" not in seen:
        result.append("nodev")
    if "tmpcopyup" not in options and "notmpcopyup" not in options:
        result.append("tmpcopyup")
    return result


def _check(options: list[str], *, tmpfs: bool) -> set[str]:
    """Refuse unknown, doubled and misplaced options; return which groups were chosen from."""
    seen: set[str] = set()
    for option in options:
        key = option.partition("=")[0]
        if tmpfs and key in _BIND_ONLY:
            kind = "bind' and 'rbind" if key.endswith("bind") else "z' and 'Z"
            raise UsageError(
                f"the '{kind}' options are not allowed with tmpfs mounts: invalid mount option"
            )
        if not tmpfs and key in _TMPFS_ONLY:
            raise UsageError(
                f"the '{key}' option is only allowed with tmpfs mounts: invalid mount option"
            )
        if key in _PROPAGATION:
            group = "propagation"
            problem = "only one root propagation mode can be used"
        elif key in _GROUPS:
            group = _GROUPS[key]
            problem = f"only one of '{group}' can be used"
        elif key in _TMPFS_ONLY or key in _DROPPED or key in ("no-dereference", "subpath", "idmap"):
            group = key.removeprefix("no") if key.endswith("tmpcopyup") else key
            problem = f"the '{key}' option can only be set once"
        elif key in ("upperdir", "workdir") and "O" in options:
            continue
        else:
            raise UsageError(f'unknown mount option "{option}": invalid mount option')
        if group in seen and group not in ("noatime", "volume-opt", "consistency"):
            raise UsageError(f"{problem}: duplicate mount option passed")
        seen.add(group)
    return seen
