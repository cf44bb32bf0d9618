"""Short names in registries.conf(5): aliases and unqualified-search registries.

Read only when a short name is looked up, and parsed as TOML only when a file
mentions the name: ``run busybox`` must not pay 5 ms for ``tomllib``.
"""

from __future__ import annotations

import os

ALIAS_CACHE = "/var/cache/containers/short-name-aliases.conf"


def config_files() -> list[str]:
    """The registries.conf files that apply, in the order in which later ones win."""
    named = os.environ.get("CONTAINERS_REGISTRIES_CONF") or os.environ.get("REGISTRIES_CONFIG_PATH")
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(
        os.environ.get("HOME", "/root"), ".config"
    )
    user = os.path.join(home, "containers/registries.conf")
    if named:
        main, folders = named, ["/etc/containers/registries.conf.d"]
    elif os.geteuid() != 0 and os.path.exists(user):
        main, folders = user, [user + ".d"]
    else:
        main, folders = "/etc/containers/registries.conf", ["/etc/containers/registries.conf.d"]
    if not os.path.exists(main):
        main = "/usr/share/containers/registries.conf"
    files = [main]
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        files += [os.path.join(folder, name) for name in names if name.endswith(".conf")]
    return files


def alias_file() -> str:
    """Where podman remembers the registries that the user chose."""
    named = os.environ.get("CONTAINERS_SHORT_NAME_ALIASES_CONF")
    if named or os.geteuid() == 0:
        return named or ALIAS_CACHE
    return os.path.join(os.environ.get("HOME", "/"), ".cache/containers/short-name-aliases.conf")


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
