"""Global command-line flags laid over the configuration."""

from __future__ import annotations

import os

from .defaults import DATABASE_BACKENDS
from .keys import FIELDS
from .storage_conf import parse_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .draft import Draft

_PATHS = ("root", "runroot", "imagestore", "tmpdir", "volumepath", "network-config-dir")


def apply(flags: Mapping[str, Any], draft: Draft) -> None:
    """Lay normalized flags over the draft."""
    for name, (table, field) in FIELDS.items():
        if name not in flags:
            continue
        value = flags[name]
        if name in _PATHS:
            value = os.path.abspath(value)
        elif name == "runtime-flag":
            # As podman: --runtime-flag debug gives the runtime --debug.
            value = tuple(item if item.startswith("-") else "--" + item for item in value)
        elif name == "state-backend":
            value = DATABASE_BACKENDS.get(value, value)
        elif name == "events-backend" and value == "null":
            value = "none"
        draft.put(table, field, value, f"flag --{name}")
        if name == "storage-driver":
            # Options in storage.conf are for the driver named there.
            draft.put("storage", "options", {}, "flag --storage-driver")
    if "storage-opt" in flags:
        draft.put("storage", "options", parse_options(list(flags["storage-opt"])), "flag --storage-opt")
