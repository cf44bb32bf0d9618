"""The scopes of policy.json and registries.d: under which keys an image is looked up.

The most specific scope comes first. Sources: containers-policy.json(5), section
"Supported transports and their scopes", and containers-transports(5).
"""

from __future__ import annotations

from ..oci.reference import Reference

#: Transports whose scopes are paths; docker-archive and tarball have no scopes at all.
_PATHS = ("dir", "oci", "oci-archive", "sif")
_NONE = ("docker-archive", "tarball")
TRANSPORTS = (*_PATHS, *_NONE, "docker", "docker-daemon", "atomic", "containers-storage", "ostree")


def docker(reference: Reference) -> list[str]:
    """The scopes of an image in a registry: itself, its repository, name spaces, host, ``*.domain``.

    Where a name has both, the tag counts and the digest does not.
    """
    full = f":{reference.tag}" if reference.tag else f"@{reference.digest}"
    scopes = [reference.name + full] if reference.tag or reference.digest else []
    name = reference.name
    while True:
        scopes.append(name)
        head, slash, _ = name.rpartition("/")
        if not slash:
            break
        name = head
    host = name.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        scopes.append(f"*.{host}")
    return scopes


def path(location: str) -> list[str]:
    """The scopes of an image at a path: the path without links, and the directories above it."""
    import os

    current = os.path.realpath(location)
    scopes = []
    while current not in ("/", ""):
        scopes.append(current)
        current = current.rpartition("/")[0]
    return scopes


def storage(driver: str, root: str, name: Reference | None, image_id: str = "") -> list[str]:
    """The scopes of an image in a store: ``[driver@root]name``, its parts, then the store."""
    spec = f"[{driver}@{root}]"
    named = str(name) if name is not None else ""
    scopes = [spec + named + (f"@{image_id}" if image_id else "")] if named or image_id else []
    if name is not None:
        if image_id:
            scopes.append(spec + named)
        if name.tag and name.digest:
            scopes.append(f"{spec}{name.name}:{name.tag}")
        part = name.name
        while part:
            scopes.append(spec + part)
            part = part.rpartition("/")[0]
    return [*dict.fromkeys(scopes), spec, f"[{root}]"]


def problem(transport: str, scope: str) -> str:
    """Why a key is no scope of the transport, "" when it is one. "" is the transport's default."""
    if not scope:
        return ""
    if transport in _NONE:
        return f'{transport} knows no scope but the default one, ""'
    if transport in _PATHS:
        return _path_problem(scope)
    if transport == "containers-storage":
        return _storage_problem(scope)
    if transport == "docker-daemon" and _is_digest(scope):
        return "an image ID is no scope"
    return ""


def _path_problem(scope: str) -> str:
    if scope == "/":
        return 'the scope "/" is forbidden; use the default one, ""'
    if not scope.startswith("/"):
        return "the scope must be an absolute path"
    parts = scope[1:].split("/")
    if "" in parts or "." in parts or ".." in parts:
        return "the scope must be a path without '.', '..' and doubled slashes"
    return ""


def _storage_problem(scope: str) -> str:
    inside, closed, rest = scope[1:].partition("]")
    driver, at, root = inside.partition("@")
    root = root if at else inside
    if scope[0] != "[" or not closed or not root.startswith("/") or (at and not driver):
        return "the scope must start with [DRIVER@ROOT] or [ROOT]"
    fields = rest.split("@", 2)
    for field in fields[1:]:
        if not _is_digest(field) and not _is_id(field):
            return f'"{field}" is neither a digest nor an image ID'
    return ""


def _is_id(text: str) -> bool:
    return len(text) == 64 and not text.strip("0123456789abcdef")


def _is_digest(text: str) -> bool:
    from ..oci.manifest import is_digest

    return is_digest(text)
