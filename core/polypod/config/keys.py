"""The flags and environment variables that decide what is put together.

Apart from the readers, because the composition snapshot is looked up by them on
every start.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: flag -> table and field.
FIELDS = {
    "root": ("storage", "root"),
    "runroot": ("storage", "runroot"),
    "imagestore": ("storage", "imagestore"),
    "storage-driver": ("storage", "driver"),
    "transient-store": ("storage", "transient_store"),
    "runtime": ("engine", "runtime"),
    "runtime-flag": ("engine", "runtime_flags"),
    "state-backend": ("engine", "state_backend"),
    "monitor": ("engine", "monitor"),
    "conmon": ("engine", "conmon"),
    "cgroup-manager": ("engine", "cgroup_manager"),
    "hooks-dir": ("engine", "hooks_dir"),
    "cdi-spec-dir": ("engine", "cdi_spec_dirs"),
    "default-mounts-file": ("engine", "default_mounts_file"),
    "tmpdir": ("engine", "tmp_dir"),
    "volumepath": ("engine", "volume_path"),
    "events-backend": ("engine", "events_logger"),
    "namespace": ("engine", "namespace"),
    "network-cmd-path": ("engine", "network_cmd_path"),
    "network-backend": ("network", "backend"),
    "network-config-dir": ("network", "config_dir"),
}

#: All flags that change what is put together; part of the snapshot's key.
COMPOSITION = (*FIELDS, "storage-opt", "config", "module", "log-level", "debug")

#: Environment variables that change what is read or found; part of the snapshot's key.
VARIABLES = (
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "CONTAINERS_CONF",
    "CONTAINERS_CONF_OVERRIDE",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINERS_HELPER_BINARY_DIR",
    "STORAGE_DRIVER",
    "STORAGE_OPTS",
    "POLYPOD_CONF",
    "TMPDIR",
    "PYTHONPATH",
    "_CONTAINERS_ROOTLESS_UID",
)


def normalized(flags: Mapping[str, Any]) -> dict[str, Any]:
    """The composition flags that were given, in a fixed order; ``runtime_flag`` is ``runtime-flag``.

    What is empty or false counts as not given. Lists become tuples.
    """
    given = {key.replace("_", "-"): value for key, value in flags.items() if value}
    return {
        name: tuple(given[name]) if isinstance(given[name], list) else given[name]
        for name in COMPOSITION
        if name in given
    }
