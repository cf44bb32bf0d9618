"""Settings while files and flags are read, one over the other, with the origin of each value."""

from __future__ import annotations

from ..errors import ConfigError
from ..model.settings import ContainersSettings, EngineSettings, NetworkSettings, StorageSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.struct import Struct
    from .tomlfile import TomlFile

TABLES: dict[str, type[Struct]] = {
    "storage": StorageSettings,
    "engine": EngineSettings,
    "containers": ContainersSettings,
    "network": NetworkSettings,
}

_SUFFIXES = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Draft:
    """Values by table and field; later :meth:`put` calls win."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
        self.plugins: dict[str, dict[str, Any]] = {}
        self.origin: dict[str, str] = {}
        self.debug: list[str] = []  # what podman logs at debug: keys that nobody knows
        self.files: list[str] = []  # read, in order
        self._append: dict[tuple[str, str], bool] = {}

    def put(self, table: str, field: str, value: Any, origin: str) -> None:
        """Set a value that came from a flag, the environment or a default."""
        self.values[table][field] = value
        self.origin[f"{table}.{field}"] = origin

    def take(self, file: TomlFile, keys: tuple[str, ...], table: str, field: str, raw: Any) -> None:
        """Set a value from a file, checked against the field's type."""
        where = file.where(*keys)
        kind = TABLES[table].__annotations__[field]
        known = self.values[table]
        try:
            if kind.startswith("tuple[str"):
                known[field] = self._array(table, field, raw)
            elif kind.startswith("dict["):
                fresh = _mapping(kind, raw)
                known[field] = {**known.get(field, {}), **fresh}
                self.origin.update({f"{table}.{field}.{key}": file.where(*keys, key) for key in fresh})
            else:
                known[field] = _scalar(kind, field, raw)
        except ValueError as error:
            raise ConfigError(f"{where}: {keys[-1]} must be {error}, not {raw!r}") from None
        self.origin[f"{table}.{field}"] = where

    def _array(self, table: str, field: str, raw: Any) -> tuple[str, ...]:
        """An array of strings; ``{append=true}`` adds to what earlier files said, from now on."""
        if not isinstance(raw, list):
            raise ValueError("an array of strings")  # noqa: TRY004 - see take()
        items = []
        for item in raw:
            if isinstance(item, str):
                items.append(item)
            elif isinstance(item, dict) and isinstance(item.get("append"), bool) and len(item) == 1:
                self._append[table, field] = item["append"]
            else:
                raise ValueError("an array of strings")
        if self._append.get((table, field)):
            return (*(self.values[table].get(field) or ()), *items)
        return tuple(items)


def _scalar(kind: str, field: str, raw: Any) -> Any:
    if field == "events_logfile_max_size" and isinstance(raw, str):
        return _bytes(raw)
    if kind.startswith("tuple[SubnetPool"):
        return _pools(raw)
    if kind == "str" and isinstance(raw, str):
        return raw
    if kind == "bool" and isinstance(raw, bool):
        return raw
    if kind.startswith("int") and isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    raise ValueError({"str": "a string", "bool": "true or false"}.get(kind, "an integer"))


def _mapping(kind: str, raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError("a table")  # noqa: TRY004 - see Draft.take()
    lists = "tuple" in kind
    result: dict[str, Any] = {}
    for key, value in raw.items():
        if lists and isinstance(value, list) and all(isinstance(item, str) for item in value):
            result[key] = tuple(value)
        elif not lists and isinstance(value, str):
            result[key] = value
        else:
            raise ValueError("a table of " + ("arrays of strings" if lists else "strings"))
    return result


def _pools(raw: Any) -> tuple[dict[str, Any], ...]:
    import ipaddress

    pools = []
    items: list[Any] = raw if isinstance(raw, list) else [None]
    for item in items:
        try:
            base, size = ipaddress.IPv4Network(item["base"], strict=False), item["size"]
        except (TypeError, KeyError, ValueError):
            raise ValueError('an array of {"base" = IPv4 subnet, "size" = prefix}') from None
        if not isinstance(size, int) or not base.prefixlen <= size <= 32:
            raise ValueError("an array of pools whose size is between the base's prefix and 32")
        pools.append({"base": str(base), "size": size})
    return tuple(pools)


def _bytes(text: str) -> int:
    number = text.strip().lower().removesuffix("ib").removesuffix("b")
    scale = _SUFFIXES.get(number[-1:], 0)
    try:
        return int(float(number[:-1] if scale else number) * (scale or 1))
    except ValueError:
        raise ValueError("a size such as 1m") from None
