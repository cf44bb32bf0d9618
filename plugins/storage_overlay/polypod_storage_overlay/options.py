"""The driver's options: ``[storage.options.overlay]`` and ``--storage-opt overlay.KEY=VALUE``."""

from __future__ import annotations

import os

from polypod.errors import ConfigError
from polypod.model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Known to containers/storage and refused when set: they would change what is on disk.
_UNSUPPORTED = {
    "use_composefs": "composefs layers",
    "additionallayerstore": "additional layer stores",
    "force_mask": "permission masks",
    "size": "project quotas",
    "inodes": "project quotas",
}
_OFF = ("", "0", "false")
# Understood elsewhere (stores are composed by polypod.store) or without a meaning today.
_IGNORED = ("imagestore", "additionalimagestore", "override_kernel_check", "pull_options")


class OverlayConfig(Struct):
    """The table ``[plugin.storage.overlay]`` of polypod.conf. It has no keys: storage.conf has them all."""


class Options(Struct):
    """The options in effect; names as in containers-storage.conf(5)."""

    mountopt: tuple[str, ...] = ()
    mount_program: str = ""
    skip_mount_home: bool = False
    ignore_chown_errors: bool = False


def parse(options: dict[str, str]) -> Options:
    """Check and sort the options; an unknown one is a ``ConfigError`` with its name."""
    found: dict[str, Any] = {}
    for key, value in options.items():
        prefix, dot, name = key.lower().rpartition(".")
        if dot and prefix.removeprefix("storage.options").strip(".") not in ("", "overlay", "overlay2"):
            continue  # another driver's
        if name == "mountopt":
            found["mountopt"] = tuple(part for part in value.split(",") if part)
        elif name == "mount_program":
            if value and not os.path.exists(value):
                raise ConfigError(f"overlay: mount_program {value} does not exist")
            found["mount_program"] = value
        elif name in ("skip_mount_home", "ignore_chown_errors"):
            found[name] = _boolean(name, value)
        elif name in _UNSUPPORTED:
            if value.lower() not in _OFF:
                raise ConfigError(
                    f"overlay: option {name}={value} is not supported: polypod's overlay driver"
                    f" has no {_UNSUPPORTED[name]}; remove it from storage.conf"
                )
        elif name not in _IGNORED:
            raise ConfigError(f"overlay: unknown option {key}")
    return Options(**found)


def _boolean(name: str, value: str) -> bool:
    lowered = value.lower()
    if lowered in ("1", "t", "true"):
        return True
    if lowered in ("0", "f", "false", ""):
        return False
    raise ConfigError(f"overlay: option {name} must be true or false, not {value!r}")
