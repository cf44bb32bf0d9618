"""The files that hold credentials: where they are, how a key is found, how they are changed."""

from __future__ import annotations

import os

from ..errors import RegistryError
from ..kit.fastjson import dumps, loads
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .access import Access

DOCKER_SERVER = "https://index.docker.io/v1/"


class AuthFile(Struct):
    """A place for credentials; ``legacy`` is the format of ``~/.dockercfg``.

    ``docker`` says that Docker reads it: its keys are servers, never name spaces.
    """

    path: str
    legacy: bool = False
    docker: bool = False


def paths(access: Access) -> list[AuthFile]:
    """The files to look into, the first that knows the key wins.

    ``--authfile`` (or what the environment names) stands alone.
    """
    chosen = _chosen(access)
    if chosen is not None:
        return [chosen]
    env = access.env
    home = env.get("HOME") or "/root"
    config = env.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    return [
        AuthFile(path=primary(access)),
        AuthFile(path=os.path.join(config, "containers/auth.json")),
        AuthFile(path=os.path.join(home, ".docker/config.json"), docker=True),
        AuthFile(path=os.path.join(home, ".dockercfg"), legacy=True, docker=True),
    ]


def target(access: Access) -> AuthFile:
    """The file that ``login`` and ``logout`` change."""
    return _chosen(access) or AuthFile(path=primary(access))


def _chosen(access: Access) -> AuthFile | None:
    """The one file that flags or environment name: REGISTRY_AUTH_FILE, then DOCKER_CONFIG."""
    env = access.env
    if access.authfile:
        return AuthFile(path=access.authfile)
    if access.compat_auth_file:
        return AuthFile(path=access.compat_auth_file, docker=True)
    if env.get("REGISTRY_AUTH_FILE"):
        return AuthFile(path=env["REGISTRY_AUTH_FILE"])
    if env.get("DOCKER_CONFIG"):
        return AuthFile(path=os.path.join(env["DOCKER_CONFIG"], "config.json"), docker=True)
    return None


def primary(access: Access) -> str:
    """The file that ``login`` writes unless told otherwise."""
    runtime = access.env.get("XDG_RUNTIME_DIR")
    if runtime:
        return os.path.join(runtime, "containers/auth.json")
    return f"/run/containers/{os.getuid()}/auth.json"


def read(file: AuthFile) -> dict[str, Any]:
    """The content, always with ``auths`` as a dict; empty when there is no such file.

    Raises ``RegistryError`` for one that is not JSON or cannot be read.
    """
    from ..kit.atomic import read_bytes

    try:
        body = read_bytes(file.path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RegistryError(f"reading auth file {file.path}: {reason}") from error
    if not body or not body.strip():
        return {"auths": {}}
    try:
        document = loads(body)
    except ValueError as error:
        raise RegistryError(f"reading auth file {file.path}: it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise RegistryError(f"reading auth file {file.path}: it is not a JSON object")
    if file.legacy:
        return {"auths": document}
    if not isinstance(document.get("auths", {}) or {}, dict):
        raise RegistryError(f'reading auth file {file.path}: "auths" is not an object')
    document["auths"] = document.get("auths") or {}
    return document


def helper_for(document: dict[str, Any], registry: str) -> str:
    """The credential helper that ``credHelpers`` names for a registry, "" for none."""
    helpers = document.get("credHelpers")
    if not isinstance(helpers, dict):
        return ""
    found = helpers.get(registry) or helpers.get(server_name(registry)) or ""
    return found if isinstance(found, str) else ""


def entry_for(document: dict[str, Any], name: str, legacy: bool = False) -> Any:
    """The entry of ``auths`` that is most special for a name, ``None`` for none."""
    entries = document["auths"]
    key = name
    if not legacy:
        while True:
            if key in entries:
                return entries[key]
            shorter = key.rpartition("/")[0]
            if not shorter:
                break
            key = shorter
    registry = name.partition("/")[0]
    for written, entry in entries.items():
        if registry_of(written) == normal(registry) and (legacy or _is_server(written)):
            return entry
    return None


def _is_server(key: str) -> bool:
    """Whether a key is a whole registry: a URL with any path, or a bare host."""
    return "://" in key or "/" not in key


def registry_of(key: str) -> str:
    """The registry of a key as Docker writes them: ``https://host/v1/`` is ``host``."""
    return normal(key.partition("://")[2].partition("/")[0] if "://" in key else key.partition("/")[0])


def normal(registry: str) -> str:
    """The registry under its one name: Docker Hub has several."""
    if registry in ("registry-1.docker.io", "index.docker.io"):
        return "docker.io"
    return registry


def server_name(registry: str) -> str:
    """What Docker calls the registry."""
    return DOCKER_SERVER if normal(registry) == "docker.io" else registry


def server_names(registry: str) -> tuple[str, ...]:
    """What a credential helper may call it: Docker's name, and podman's where that is another."""
    return tuple(dict.fromkeys((server_name(registry), normal(registry))))


def change(path: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Read, edit and write a file under a lock; what others put there stays, mode 0600.

    Raises ``RegistryError`` when that cannot be done; then the file is as before.
    """
    import fcntl

    from ..kit.atomic import write_atomic

    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        # The folder is the lock: the file itself is replaced.
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = read(AuthFile(path=target))
            edit(document)
            # Tabs as podman has them, so that a diff of the file shows the change alone.
            body = _tabs(dumps(document, indent=1))
            write_atomic(target, body.encode(), mode=0o600, durable=True)
        finally:
            os.close(lock)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RegistryError(f"writing auth file {path}: {reason}") from error


def _tabs(body: str) -> str:
    """One-blank indents as tabs."""
    lines = []
    for line in body.split("\n"):
        rest = line.lstrip(" ")
        lines.append("\t" * (len(line) - len(rest)) + rest)
    return "\n".join(lines)
