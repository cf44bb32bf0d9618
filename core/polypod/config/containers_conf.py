"""Reader of containers.conf(5)."""

from __future__ import annotations

from ..errors import ConfigError
from .draft import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .tomlfile import TomlFile

#: containers.conf table and key -> field, where the names differ.
_RENAMED: dict[tuple[str, str], str] = {
    ("network", "network_backend"): "backend",
    ("network", "network_config_dir"): "config_dir",
    ("engine", "runtime_supports_nocgroup"): "runtime_supports_nocgroups",
}

#: Fields that containers.conf must not set: they are polypod's own or come from flags.
_FOREIGN: dict[str, set[str]] = {
    "engine": {"state_backend", "monitor", "conmon", "observers", "runtime_flags"},
    "network": {"backend", "config_dir", "run_dir"},
}


def read(file: TomlFile, draft: Draft) -> None:
    """Lay a file over the draft. Unknown keys are noted for the debug log, as podman does."""
    for table, content in file.data.items():
        if table not in ("engine", "containers", "network") or not isinstance(content, dict):
            if table not in ("secrets", "machine", "configmaps", "farms", "podmansh"):
                draft.debug.append(f"{file.where(table)}: unknown table {table}")
            continue
        for key, raw in content.items():
            field = _RENAMED.get((table, key)) or key
            own = key in _FOREIGN.get(table, ()) or field not in TABLES[table]._fields_
            if own:
                draft.debug.append(f"{file.where(table, key)}: unknown key {table}.{key}")
            else:
                draft.take(file, (table, key), table, field, raw)


def check(draft: Draft) -> None:
    """Refuse values that podman refuses, and write capabilities with their prefix."""
    containers, engine = draft.values["containers"], draft.values["engine"]
    containers["default_capabilities"] = tuple(
        name if name.upper().startswith("CAP_") else "CAP_" + name.upper()
        for name in containers.get("default_capabilities", ())
    )
    size = containers.get("log_size_max", -1)
    if 0 <= size < 8192:
        raise ConfigError(
            f"{draft.origin['containers.log_size_max']}: log size max should be negative or >= 8192"
        )
    _one_of(draft, engine, "pull_policy", ("missing", "always", "never", "newer", ""))
    _one_of(draft, engine, "cgroup_manager", ("cgroupfs", "systemd"))
    _one_of(draft, engine, "image_volume_mode", ("anonymous", "bind", "tmpfs", "ignore", "nil", ""))
    _one_of(draft, engine, "events_logger", ("file", "journald", "none", "null"))


def _one_of(draft: Draft, table: dict[str, object], key: str, allowed: tuple[str, ...]) -> None:
    value = table.get(key, allowed[0])
    if value not in allowed:
        shown = ", ".join(word for word in allowed if word)
        origin = draft.origin.get(f"engine.{key}", "")
        raise ConfigError(f"{origin}: {key} is {value!r}; it must be one of {shown}")
