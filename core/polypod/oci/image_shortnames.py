"""Short names in registries.conf(5): aliases and unqualified-search registries.

Read only when a short name is looked up, and parsed as TOML only when a file
mentions the name: ``run busybox`` must not pay 5 ms for ``tomllib``.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "/etc/containers/registries.conf"
ALIAS_CACHE = "/var/cache/containers/short-name-aliases.conf"


def config_files(path: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
    """The registries.conf files that apply, in the order in which later ones win.

    ``path`` stands for the main file; else the environment's, the user's, the system's.
    """
    env = os.environ if environ is None else environ
    config = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME") or "/root", ".config")
    user = os.path.join(config, "containers/registries.conf")
    main = path or env.get("CONTAINERS_REGISTRIES_CONF") or env.get("REGISTRIES_CONFIG_PATH") or ""
    folders = [SYSTEM + ".d", user + ".d"]
    if not main and os.path.exists(user):
        main, folders = user, [user + ".d"]
    if not main:
        main = SYSTEM if os.path.exists(SYSTEM) else "/usr/share/containers/registries.conf"
        main = main if os.path.exists(main) else SYSTEM
    files = [main]
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        files += [os.path.join(folder, name) for name in names if name.endswith(".conf")]
    return files


def alias_file(environ: Mapping[str, str] | None = None) -> str:
    """Where podman remembers the registries that the user chose."""
    env = os.environ if environ is None else environ
    named = env.get("CONTAINERS_SHORT_NAME_ALIASES_CONF")
    if named or os.geteuid() == 0:
        return named or ALIAS_CACHE
    cache = env.get("XDG_CACHE_HOME") or os.path.join(env.get("HOME") or "/", ".cache")
    return os.path.join(cache, "containers/short-name-aliases.conf")


def alias(short: str) -> str:
    """The full name that is configured for a repository without tag or digest, or ""."""
    found = ""
    keys = (f'"{short}"', f"'{short}'", f"\n{short} ", f"\n{short}=")
    for path in [*config_files(), alias_file()]:
        body = _body(path)
        if any(key in body for key in keys):
            found = str(_parse(body).get("aliases", {}).get(short, found))
    return found


def search_registries() -> tuple[str, ...]:
    """The registries in which podman looks for short names, in order."""
    found: tuple[str, ...] = ()
    for path in config_files():
        body = _body(path)
        if "unqualified-search-registries" in body:
            listed = _parse(body).get("unqualified-search-registries", found)
            found = tuple(map(str, listed))
    return found


def has_tables() -> bool:
    """Whether a file has a ``[[registry]]`` table, so that reading it all is worth the while."""
    return any("\n[[registry]]" in _body(path) for path in config_files())


def _body(path: str) -> str:
    """The file without comments, each line after a newline; "" when it cannot be read."""
    try:
        with open(path, "rb") as file:
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    kept = [line.strip() for line in lines]
    return "\n" + "\n".join(line for line in kept if line and line[0] != "#") + "\n"


def _parse(body: str) -> dict:  # type: ignore[type-arg]
    import tomllib

    try:
        return tomllib.loads(body)
    except tomllib.TOMLDecodeError:
        # The registry code refuses a bad file by name; a look-up in the local store goes on.
        return {}
