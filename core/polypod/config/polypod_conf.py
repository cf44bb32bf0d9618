"""Reader of polypod.conf: what podman has no key for.

Top level: ``state_backend``, ``runtime``, ``network_backend``, ``storage_driver``,
``monitor`` (driver names) and ``observers`` (a list of names; without it all installed
ones are active). One table a plugin, ``[plugin.GROUP.NAME]``, which only the
plugin's own ``Config`` can judge: that happens when it is chosen.
"""

from __future__ import annotations

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .draft import Draft
    from .tomlfile import TomlFile

_FIELDS = {
    "state_backend": ("engine", "state_backend"),
    "runtime": ("engine", "runtime"),
    "network_backend": ("network", "backend"),
    "storage_driver": ("storage", "driver"),
    "monitor": ("engine", "monitor"),
    "observers": ("engine", "observers"),
}

_GROUPS = ("state", "runtime", "network", "storage", "monitor", "observer", "command")


def read(file: TomlFile, draft: Draft) -> None:
    """Lay a file over the draft; an unknown key is an error that names file, key and line."""
    for key, raw in file.data.items():
        if key == "plugin":
            _plugins(file, raw, draft)
        elif key in _FIELDS:
            draft.take(file, (key,), *_FIELDS[key], raw)
        else:
            known = ", ".join((*_FIELDS, "[plugin.GROUP.NAME]"))
            raise ConfigError(f"{file.where(key)}: unknown key {key!r}; polypod.conf knows {known}")


def _plugins(file: TomlFile, raw: object, draft: Draft) -> None:
    groups = raw if isinstance(raw, dict) else {}
    for group, tables in groups.items():
        if group not in _GROUPS:
            raise ConfigError(
                f"{file.where('plugin', group)}: unknown plugin group {group!r};"
                f" groups are {', '.join(_GROUPS)}"
            )
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if not isinstance(table, dict):
                raise ConfigError(
                    f"{file.where('plugin', group, name)}: {name!r} must be a table [plugin.{group}.{name}]"
                )
            plugin = f"{group}.{name}"
            draft.plugins[plugin] = {**draft.plugins.get(plugin, {}), **table}
            draft.origin[f"plugin.{plugin}"] = file.where("plugin", group, name)
            for key in table:
                draft.origin[f"plugin.{plugin}.{key}"] = file.where("plugin", group, name, key)
