"""Read all configuration files and flags into one :class:`Settings`."""

from __future__ import annotations

import os

from ..errors import ConfigError
from ..model.settings import BACKEND_MARKER, Settings
from . import containers_conf, defaults, paths, polypod_conf, storage_conf
from . import flags as flag_table
from .draft import TABLES, Draft
from .keys import normalized
from .tomlfile import read_toml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .tomlfile import TomlFile


class Loaded:
    """``settings``, the ``watched`` paths whose change makes them stale, and the ``files`` read."""

    def __init__(self, settings: Settings, watched: list[str], files: list[str], notes: list[str]) -> None:
        self.settings = settings
        self.watched = watched
        self.files = files
        self.notes = notes  # for the debug log


def load(flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Settings from files, environment and global flags; raises ``ConfigError``."""
    environ = os.environ if environ is None else environ
    given = normalized(flags or {})
    draft = Draft()
    _defaults(draft, environ)
    search = paths.containers_conf(environ, given.get("module", ()))
    _read_all(search, containers_conf.read, draft, environ, "CONTAINERS_CONF")
    watched = [*search.watched, *_read_storage(environ, draft)]
    search = paths.polypod_conf(environ, _config_file(given))
    _read_all(search, polypod_conf.read, draft, environ, "POLYPOD_CONF")
    watched += search.watched
    flag_table.apply(given, draft)
    containers_conf.check(draft)
    watched.append(_finish(draft, environ))
    settings = Settings(
        plugins=draft.plugins,
        log_level=_log_level(given),
        origin=draft.origin,
        **_structs(draft),
    )
    return Loaded(settings, list(dict.fromkeys(watched)), draft.files, draft.debug)


def _structs(draft: Draft) -> dict[str, Any]:
    return {name: struct.from_dict(draft.values[name]) for name, struct in TABLES.items()}


def _defaults(draft: Draft, environ: Mapping[str, str]) -> None:
    draft.values["engine"].update(defaults.ENGINE)
    draft.values["containers"].update(defaults.CONTAINERS)
    draft.values["network"].update(defaults.NETWORK)
    rootless = bool(paths.user_id(environ))
    unified = defaults.unified_cgroups()
    systemd = defaults.uses_systemd() and (unified or not rootless)
    journald = defaults.uses_journald()
    draft.values["engine"].update(
        cgroup_manager="systemd" if systemd else "cgroupfs",
        events_logger="journald" if journald else "file",
        image_copy_tmp_dir=environ.get("TMPDIR") or "/var/tmp",
    )
    draft.values["containers"].update(
        cgroupns="private" if unified else "host",
        log_driver="journald" if journald else "k8s-file",
        label=os.path.exists("/sys/fs/selinux/enforce"),
    )


def _read_all(
    search: paths.Search,
    read: Callable[[TomlFile, Draft], None],
    draft: Draft,
    environ: Mapping[str, str],
    variable: str,
) -> None:
    """Read files in order; one that the environment names must exist."""
    named = environ.get(variable, "")
    for path in search.files:
        file = read_toml(path)
        if file:
            read(file, draft)
            draft.files.append(path)
        elif named and path == os.path.abspath(named):
            raise ConfigError(f"{path}, which {variable} names, does not exist")


def _read_storage(environ: Mapping[str, str], draft: Draft) -> list[str]:
    system, watched, user = paths.storage_conf(environ)
    storage_conf.read(system, user, environ, draft)
    return watched


def docker_config(given: Mapping[str, Any]) -> str:
    """The folder of a ``config.json`` that ``--config`` names as podman's and docker's does.

    "" where it names a polypod.conf, an existing file or one called so.
    """
    path = str(given.get("config", ""))
    if not path or os.path.isfile(path) or (path.endswith(".conf") and not os.path.isdir(path)):
        return ""
    return os.path.abspath(path)


def _config_file(given: dict[str, Any]) -> str:
    """The file of ``--config``, "" where it is a folder of credentials."""
    path = given.get("config", "")
    if not path or docker_config(given):
        return ""
    if not os.path.exists(path):
        raise ConfigError(f"{path}, which flag --config names, does not exist")
    return os.path.abspath(str(path))


def _log_level(given: dict[str, Any]) -> str:
    level = "debug" if given.get("debug") else str(given.get("log-level", "warning")).lower()
    return {"warn": "warning"}.get(level, level)


def _finish(draft: Draft, environ: Mapping[str, str]) -> str:
    """Fill in what follows from other values; returns the path of the backend marker."""
    storage, engine, network = (draft.values[t] for t in ("storage", "engine", "network"))
    _roots(storage, environ)
    if storage.get("imagestore") == storage["root"]:
        raise ConfigError(
            f"{draft.origin['storage.imagestore']}: imagestore {storage['root']} must either be"
            " not set or be different from graphroot"
        )
    root, runroot = storage["root"], storage["runroot"]
    _add_image_stores(storage)
    engine.setdefault("static_dir", os.path.join(root, "polypod"))
    engine.setdefault("tmp_dir", os.path.join(runroot, "polypod"))
    engine.setdefault("volume_path", os.path.join(root, "volumes"))
    rootless = bool(paths.user_id(environ))
    if not network.get("config_dir"):
        network["config_dir"] = f"{root}/networks" if rootless else "/etc/containers/networks"
    # All engines of root share one network namespace, and so the leases.
    network["run_dir"] = f"{runroot}/networks" if rootless else "/run/containers/networks"
    helper = environ.get("CONTAINERS_HELPER_BINARY_DIR")
    if helper:
        engine["helper_binaries_dir"] = (helper, *engine["helper_binaries_dir"])
    return _state_backend(draft)


def _add_image_stores(storage: dict[str, Any]) -> None:
    """``--storage-opt overlay.imagestore=DIR`` names a read-only store, as storage.conf can."""
    stores = list(storage.get("additional", ()))
    for key, value in storage.get("options", {}).items():
        if key.rpartition(".")[2] == "imagestore":
            stores += [path for path in value.split(",") if path and path not in stores]
    storage["additional"] = tuple(stores)


def _roots(storage: dict[str, Any], environ: Mapping[str, str]) -> None:
    if paths.user_id(environ):
        data = environ.get("XDG_DATA_HOME") or os.path.join(paths.home(environ), ".local/share")
        storage.setdefault("root", os.path.join(data, "containers/storage"))
        storage.setdefault("runroot", os.path.join(paths.runtime_dir(environ), "containers"))
    for name, path in defaults.STORAGE.items():
        storage.setdefault(name, path)


def _state_backend(draft: Draft) -> str:
    """Flag, else what a migration left, else polypod.conf, else database_backend."""
    engine, origin = draft.values["engine"], draft.origin
    marker = os.path.join(engine["static_dir"], BACKEND_MARKER)
    flag = origin.get("engine.state_backend", "").startswith("flag")
    migrated = "" if flag else _marker(marker)
    podman = engine.get("database_backend", "")
    if migrated:
        draft.put("engine", "state_backend", migrated, marker)
    elif podman and not engine.get("state_backend"):
        where = origin["engine.database_backend"]
        if podman not in defaults.DATABASE_BACKENDS:
            raise ConfigError(
                f"{where}: unsupported database backend {podman!r}; containers.conf knows"
                f" {', '.join(defaults.DATABASE_BACKENDS)}, polypod.conf's state_backend any name"
            )
        draft.put("engine", "state_backend", defaults.DATABASE_BACKENDS[podman], where)
    return marker


def _marker(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""
