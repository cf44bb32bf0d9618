"""Where configuration files lie, for root and for other users."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ETC = "/etc"
SHARE = "/usr/share"


def user_id(environ: Mapping[str, str]) -> int:
    """The user's UID; the outer one inside the user namespace of a rootless engine."""
    outer = environ.get("_CONTAINERS_ROOTLESS_UID", "")
    return int(outer) if outer.isdigit() else os.geteuid()


def home(environ: Mapping[str, str]) -> str:
    """The user's home directory, also when HOME is unset (as in a monitor's exit command)."""
    path = environ.get("HOME", "")
    if path:
        return path
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def config_home(environ: Mapping[str, str]) -> str:
    """$XDG_CONFIG_HOME or ~/.config."""
    return environ.get("XDG_CONFIG_HOME") or os.path.join(home(environ), ".config")


def runtime_dir(environ: Mapping[str, str]) -> str:
    """$XDG_RUNTIME_DIR, else what podman falls back to."""
    given = environ.get("XDG_RUNTIME_DIR", "")
    if given:
        return given
    uid = user_id(environ)
    usual = f"/run/user/{uid}"
    if os.access(usual, os.W_OK | os.X_OK):
        return usual
    return f"/tmp/podman-run-{uid}"


class Search:
    """The files to read, in order, and everything to look at to know whether they changed."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.watched: list[str] = []  # files and directories, also absent ones

    def add(self, path: str) -> None:
        """One file."""
        path = os.path.abspath(path)
        self.files.append(path)
        self.watched.append(path)

    def add_with_drop_ins(self, path: str) -> None:
        """One file and then ``PATH.d/*.conf``, sorted."""
        self.add(path)
        self.add_folder(path + ".d")

    def add_folder(self, folder: str) -> None:
        """The ``*.conf`` files of a directory, sorted by name."""
        folder = os.path.abspath(folder)
        self.watched.append(folder)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".conf") and not os.path.isdir(path):
                self.add(path)


def containers_conf(environ: Mapping[str, str], modules: tuple[str, ...] = ()) -> Search:
    """containers.conf(5): /usr/share, /etc, /etc/*.d, rootless, user's; or CONTAINERS_CONF alone."""
    search = Search()
    only = environ.get("CONTAINERS_CONF", "")
    uid = user_id(environ)
    user = os.path.join(config_home(environ), "containers/containers.conf")
    if only:
        search.add(only)
    else:
        search.add(f"{SHARE}/containers/containers.conf")
        search.add_with_drop_ins(f"{ETC}/containers/containers.conf")
        if uid:
            search.add_with_drop_ins(f"{ETC}/containers/containers.rootless.conf")
            search.add_folder(f"{ETC}/containers/containers.rootless.conf.d/{uid}")
        search.add_with_drop_ins(user)
    for module in modules:
        search.add(_module(module, user if uid else ""))
    override = environ.get("CONTAINERS_CONF_OVERRIDE", "")
    if override:
        search.add(override)
    return search


def _module(name: str, user_conf: str) -> str:
    from ..errors import ConfigError

    folders = [f"{root}/containers/containers.conf" for root in (ETC, SHARE)]
    if user_conf:
        folders.insert(0, user_conf)
    tried = [name] if name.startswith("/") else [f"{f}.modules/{name}" for f in folders]
    for path in tried:
        if os.path.exists(path):
            return path
    raise ConfigError(f"could not resolve module {name!r}: not found at {', '.join(tried)}")


def storage_conf(environ: Mapping[str, str]) -> tuple[list[str], list[str], str]:
    """System files to try (the first that exists counts), what to watch, and the user's file or ""."""
    only = environ.get("CONTAINERS_STORAGE_CONF")
    if only:
        path = os.path.abspath(only)
        return [path], [path], path
    system = [f"{root}/containers/storage.conf" for root in (ETC, SHARE)]
    if environ.get("XDG_CONFIG_HOME"):
        system.insert(0, os.path.join(environ["XDG_CONFIG_HOME"], "containers/storage.conf"))
    if not user_id(environ):
        return system, system, ""
    user = os.path.join(config_home(environ), "containers/storage.conf")
    return system, [*system, user], user


def polypod_conf(environ: Mapping[str, str], extra: str) -> Search:
    """polypod.conf: /usr/share, /etc, the user's; or POLYPOD_CONF alone; then ``--config FILE``."""
    search = Search()
    only = environ.get("POLYPOD_CONF", "")
    if only:
        search.add(only)
    else:
        search.add_with_drop_ins(f"{SHARE}/polypod/polypod.conf")
        search.add_with_drop_ins(f"{ETC}/polypod/polypod.conf")
        search.add_with_drop_ins(os.path.join(config_home(environ), "polypod/polypod.conf"))
    if extra:
        search.add(extra)
    return search
