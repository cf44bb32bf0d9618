"""Reads registries.conf(5) and its drop-ins into :class:`~polypod.registry.conf.Registries`."""

from __future__ import annotations

from ..errors import ConfigError
from ..oci import image_shortnames
from .conf import AUTH_FILES, Mirror, Registries, Registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MODES = ("enforcing", "permissive", "disabled")
PULLS = ("all", "digest-only", "tag-only")


class _Draft:
    """What the files so far say; later ones win."""

    def __init__(self) -> None:
        self.registries: dict[str, Registry] = {}
        self.search: tuple[str, ...] = ()
        self.search_source = ""
        self.aliases: dict[str, tuple[str, str]] = {}
        self.mode = ""
        self.helpers: tuple[str, ...] = ()


class _File:
    """One parsed file, and where in it a key stands."""

    def __init__(self, path: str, text: str) -> None:
        import tomllib

        self.path = path
        self.lines = text.splitlines()
        try:
            self.document: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"loading registries configuration {path}: {error}") from None

    def bad(self, key: str, problem: str, table: str = "", number: int = 0) -> ConfigError:
        """The error for a key of the ``number``-th table of that name."""
        where = f"{table}.{key}" if table else key
        line = self._line(key, table, number)
        return ConfigError(
            f"loading registries configuration {self.path}: line {line}: {where}: {problem}"
        )

    def _line(self, key: str, table: str, number: int) -> int:
        start, left = 0, number
        if table:
            for index, line in enumerate(self.lines):
                if line.replace(" ", "").startswith((f"[[{table}]]", f"[{table}]")):
                    start = index
                    if left == 0:
                        break
                    left -= 1
        for index in range(start, len(self.lines)):
            word = self.lines[index].partition("=")[0].strip().strip("\"'")
            if word in (key, f"[{key}]", f"[[{key}]]") or word.startswith(f"[{key}."):
                return index + 1
        return start + 1


def read(path: str, environ: Mapping[str, str] | None) -> Registries:
    """See :func:`polypod.registry.conf.load`."""
    draft = _Draft()
    files = image_shortnames.config_files(path, environ)
    for number, name in enumerate(files):
        text = _text(name, needed=number == 0 and bool(path))
        if text is not None:
            _merge(draft, _File(name, text))
    alias_file = image_shortnames.alias_file(environ)
    text = _text(alias_file, needed=False)
    if text is not None:
        _aliases(draft, _File(alias_file, text))
    return Registries(
        registries=tuple(draft.registries.values()),
        search=draft.search,
        search_source=draft.search_source or files[0],
        aliases=draft.aliases,
        mode=draft.mode or "permissive",
        credential_helpers=draft.helpers or (AUTH_FILES,),
        source=files[0],
        alias_file=alias_file,
    )


def _text(path: str, needed: bool) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        if not needed:
            return None
        raise ConfigError(
            f"loading registries configuration: open {path}: no such file or directory"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise ConfigError(
            f"loading registries configuration: reading {path}: {reason.lower()}"
        ) from None


def _merge(draft: _Draft, file: _File) -> None:
    document = file.document
    if isinstance(document.get("registries"), dict):
        raise file.bad(
            "registries", "is version 1 of the format, which is not supported; "
            "use unqualified-search-registries and [[registry]] (registries.conf version 2)"
        )  # fmt: skip
    search = _strings(file, "unqualified-search-registries")
    if search is not None:
        draft.search = tuple(_location(file, entry, "unqualified-search-registries") for entry in search)
        draft.search_source = file.path
    helpers = _strings(file, "credential-helpers")
    if helpers:
        draft.helpers = tuple(helpers)
    mode = document.get("short-name-mode", "")
    if mode:
        if mode not in MODES:
            raise file.bad("short-name-mode", f'invalid value "{mode}", must be one of {", ".join(MODES)}')
        draft.mode = mode
    _registries(draft, file)
    _aliases(draft, file)


def _strings(file: _File, key: str) -> list[str] | None:
    value = file.document.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise file.bad(key, "must be a list of strings")
    return value


def _registries(draft: _Draft, file: _File) -> None:
    tables = file.document.get("registry", [])
    if not isinstance(tables, list):
        raise file.bad("registry", "must be a list of tables: write [[registry]]")
    own: dict[str, Registry] = {}
    mirrors = 0
    for number, table in enumerate(tables):
        registry = _registry(file, table, number, mirrors)
        mirrors += len(registry.mirrors)
        before = own.get(registry.prefix)
        for field in ("insecure", "blocked"):
            if before is not None and getattr(before, field) != getattr(registry, field):
                raise file.bad(
                    field, f"registry '{registry.prefix}' is defined multiple times "
                    f"with conflicting '{field}' setting", "registry", number
                )  # fmt: skip
        own[registry.prefix] = registry
    draft.registries.update(own)


def _registry(file: _File, table: Any, number: int, mirrors: int) -> Registry:
    if not isinstance(table, dict):
        raise file.bad("registry", "must be a list of tables: write [[registry]]")
    prefix = _text_of(file, table, "prefix", "registry", number)
    location = _text_of(file, table, "location", "registry", number)
    if not prefix and not location:
        raise file.bad("location", "both location and prefix are unset", "registry", number)
    location = _location(file, location, "location", "registry", number)
    prefix = _location(file, prefix, "prefix", "registry", number) or location
    wildcard = prefix.startswith("*.")
    if "*" in (prefix[2:] if wildcard else prefix) or (wildcard and ("/" in prefix or ":" in prefix)):
        raise file.bad(
            "prefix", f'wildcards are only possible as in *.example.com, not "{prefix}"',
            "registry", number
        )  # fmt: skip
    if not location and not wildcard:
        raise file.bad(
            "location", "is unset, and prefix is not in the format *.example.com", "registry", number
        )
    by_digest = _flag(file, table, "mirror-by-digest-only", "registry", number)
    listed = table.get("mirror", [])
    if not isinstance(listed, list):
        raise file.bad("mirror", "must be a list of tables: write [[registry.mirror]]", "registry", number)
    return Registry(
        prefix=prefix,
        location=location,
        insecure=_flag(file, table, "insecure", "registry", number),
        blocked=_flag(file, table, "blocked", "registry", number),
        mirrors=tuple(
            _mirror(file, entry, prefix, by_digest, mirrors + index)
            for index, entry in enumerate(listed)
        ),
        by_digest=by_digest,
        source=file.path,
    )


def _mirror(file: _File, table: Any, prefix: str, by_digest: bool, number: int) -> Mirror:
    name = "registry.mirror"
    if not isinstance(table, dict):
        raise file.bad("mirror", "must be a list of tables: write [[registry.mirror]]", "registry")
    location = _location(file, _text_of(file, table, "location", name, number), "location", name, number)
    if not location:
        raise file.bad("location", "mirror location is unset", name, number)
    pull = _text_of(file, table, "pull-from-mirror", name, number)
    if pull and by_digest:
        raise file.bad(
            "pull-from-mirror", f'cannot be set together with mirror-by-digest-only of "{prefix}"',
            name, number
        )  # fmt: skip
    if pull and pull not in PULLS:
        raise file.bad(
            "pull-from-mirror", f'invalid value "{pull}", must be one of {", ".join(PULLS)}', name, number
        )
    return Mirror(
        location=location,
        insecure=_flag(file, table, "insecure", name, number),
        pull=pull or ("digest-only" if by_digest else "all"),
    )


def _text_of(file: _File, table: dict[str, Any], key: str, name: str, number: int) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise file.bad(key, "must be a string", name, number)
    return value.strip()


def _flag(file: _File, table: dict[str, Any], key: str, name: str, number: int) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise file.bad(key, "must be true or false", name, number)
    return value


def _location(file: _File, text: str, key: str, table: str = "", number: int = 0) -> str:
    text = text.strip().rstrip("/")
    if "://" in text:
        raise file.bad(key, f'URI schemes are not supported: "{text}"', table, number)
    return text


def _aliases(draft: _Draft, file: _File) -> None:
    table = file.document.get("aliases", {})
    if not isinstance(table, dict):
        raise file.bad("aliases", "must be a table: write [aliases]")
    from .shortnames import check_alias

    for name, value in table.items():
        if not isinstance(value, str):
            raise file.bad(name, "must be a string", "aliases")
        problem = check_alias(name, value)
        if problem:
            raise file.bad(name, problem, "aliases")
        if value:
            draft.aliases[name] = (value, file.path)
        else:
            draft.aliases.pop(name, None)


