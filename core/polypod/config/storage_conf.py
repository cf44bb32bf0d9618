"""Reader of storage.conf (containers-storage.conf(5))."""

from __future__ import annotations

from .draft import TABLES
from .tomlfile import read_toml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .draft import Draft
    from .tomlfile import TomlFile

_RENAMED = {
    "graphroot": "root",
    "root-auto-userns-user": "root_auto_userns_user",
    "auto-userns-min-size": "auto_userns_min_size",
    "auto-userns-max-size": "auto_userns_max_size",
    "disable-volatile": "disable_volatile",
    "additionalimagestores": "additional",
}

_PLAIN = ("runroot", "graphroot", "imagestore", "driver", "driver_priority", "transient_store")


def read(system: list[str], user: str, environ: Mapping[str, str], draft: Draft) -> None:
    """Read the first system file that exists, then, for a rootless user, their own.

    A rootless user's own file replaces the system's; of the system's they inherit
    ``rootless_storage_path`` and a driver that works without root.
    """
    first = next((file for file in map(read_toml, system) if file), None)
    own = read_toml(user) if user and user not in system else first
    if first and (own is first or not user):
        _take(first, draft, _PLAIN)
        draft.files.append(first.path)
    elif first:
        _take(first, draft, ("driver", "driver_priority"))
        path = first.data.get("storage", {}).get("rootless_storage_path")
        if path:
            draft.put("storage", "root", path, first.where("storage", "rootless_storage_path"))
        draft.files.append(first.path)
    if own and own is not first:
        _take(own, draft, _PLAIN)
        draft.files.append(own.path)
    for name in ("root", "runroot", "imagestore"):
        if draft.values["storage"].get(name):
            draft.values["storage"][name] = _expand(draft.values["storage"][name], environ)
    _from_environment(environ, draft)


def _take(file: TomlFile, draft: Draft, plain: tuple[str, ...]) -> None:
    storage = file.data.get("storage", {})
    for key, raw in storage.items():
        if key in plain and raw not in ("", []):
            draft.take(file, ("storage", key), "storage", _RENAMED.get(key, key), raw)
        elif key not in (*_PLAIN, "options", "rootless_storage_path"):
            draft.debug.append(f"{file.where('storage', key)}: unknown key storage.{key}")
    if plain is _PLAIN:
        _options(file, storage.get("options", {}), draft)


def _options(file: TomlFile, options: dict[str, Any], draft: Draft) -> None:
    flat: dict[str, str] = {}
    for key, raw in options.items():
        keys = ("storage", "options", key)
        field = _RENAMED.get(key, key)
        if key == "pull_options" or (field in TABLES["storage"]._fields_ and key in _RENAMED):
            draft.take(file, keys, "storage", field, raw)
        elif isinstance(raw, dict):
            flat.update({f"{key}.{name}": _text(value) for name, value in raw.items()})
            for name in raw:
                draft.origin[f"storage.options.{key}.{name}"] = file.where(*keys, name)
        elif raw not in ("", []):
            flat[key] = _text(raw)
            draft.origin[f"storage.options.{key}"] = file.where(*keys)
    draft.put("storage", "options", flat, file.where("storage", "options"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def _expand(path: str, environ: Mapping[str, str]) -> str:
    """Replace $UID and environment variables, as containers/storage does."""
    import os.path
    import string

    from .paths import user_id

    values = {**environ, "UID": str(user_id(environ))}
    return os.path.normpath(string.Template(path).safe_substitute(values))


def _from_environment(environ: Mapping[str, str], draft: Draft) -> None:
    if environ.get("STORAGE_DRIVER"):
        draft.put("storage", "driver", environ["STORAGE_DRIVER"], "environment STORAGE_DRIVER")
    if "STORAGE_OPTS" in environ:
        options = parse_options(environ["STORAGE_OPTS"].split(","))
        draft.put("storage", "options", options, "environment STORAGE_OPTS")
    if draft.values["storage"].get("driver") == "overlay2":
        draft.values["storage"]["driver"] = "overlay"


def parse_options(items: list[str]) -> dict[str, str]:
    """``["overlay.mountopt=nodev", ...]`` as a dict; a repeated key gathers its values with commas."""
    result: dict[str, str] = {}
    for item in items:
        key, _, value = item.partition("=")
        if key:
            result[key] = f"{result[key]},{value}" if key in result else value
    return result
