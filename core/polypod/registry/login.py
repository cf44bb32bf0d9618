"""What ``login`` and ``logout`` do: try credentials, keep them, forget them."""

from __future__ import annotations

from ..errors import RegistryDenied, RegistryError, UsageError
from ..oci import reference as references
from . import authfiles, helpers
from .auth import Credentials
from .client import open_host
from .conf import AUTH_FILES
from .transport import discard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .access import Access
    from .conf import Registries


def split_key(text: str) -> tuple[str, str]:
    """Key and registry of an argument: ``host[:port][/namespace...]`` or a URL of the host.

    Raises ``UsageError`` for a name with tag or digest, and for one that is none.
    """
    if text.startswith(("https://", "http://")):
        text = text.partition("://")[2].partition("/")[0]
    registry, slash, _ = text.partition("/")
    if not slash:
        return text, text
    try:
        parsed = references.parse(text)
    except UsageError as error:
        raise UsageError(f'parse reference from "{text}": {error}') from None
    if parsed.tag or parsed.digest:
        raise UsageError(f'reference "{text}" contains tag or digest')
    return text, registry


def default_registry(registries: Registries) -> str:
    """The registry that is meant when none is named: the first that short names are looked up in."""
    if not registries.search:
        raise UsageError("no registries found in registries.conf, a registry must be provided")
    return registries.search[0]


def check(registry: str, credentials: Credentials, access: Access, registries: Registries) -> None:
    """Ask the registry whether it takes the credentials.

    Raises ``RegistryDenied`` when it does not, ``RegistryError`` when it cannot be asked.
    """
    host = open_host(registry, access, registries, credentials)
    try:
        response = host.request("GET", "/v2/")
        if response.status == 401:
            discard(response)
            raise RegistryDenied("invalid username/password")
        if response.status != 200:
            from .faults import failure

            raise failure(response, f"pinging container registry {registry}")
        discard(response)
    finally:
        host.close()


def store(key: str, credentials: Credentials, access: Access, registries: Registries) -> str:
    """Keep credentials; returns where: the path of a file or the name of a helper.

    The helpers of registries.conf are tried in order until one takes them.
    """
    problems = []
    for helper in registries.credential_helpers:
        try:
            if helper == AUTH_FILES:
                return _store_in_file(key, credentials, access)
            return _store_with_helper(helper, key, key, credentials)
        except RegistryError as error:
            problems.append(str(error))
    raise RegistryError("; ".join(problems))


def _store_with_helper(helper: str, key: str, server: str, credentials: Credentials) -> str:
    if "/" in key:
        raise RegistryError(f"namespaced key is not supported for credential helper {helper}")
    helpers.store(helper, server, credentials.username, credentials.password)
    return f"credential helper: {helper}"


def _store_in_file(key: str, credentials: Credentials, access: Access) -> str:
    target = authfiles.target(access)
    document = authfiles.read(target)
    helper = authfiles.helper_for(document, key)
    stored = document.get("credsStore")
    if not helper and target.docker and isinstance(stored, str):
        helper = stored
    written = _written(key, target)
    if helper:
        return _store_with_helper(helper, key, written, credentials)

    def edit(document: dict[str, Any]) -> None:
        # "Basic " is no part of what the file holds.
        document["auths"][written] = {"auth": credentials.basic().partition(" ")[2]}

    authfiles.change(target.path, edit)
    return target.path


def _written(key: str, target: authfiles.AuthFile) -> str:
    """The key as this kind of file has it."""
    if not target.docker:
        return key
    if "/" in key:
        raise RegistryError(
            f'credentials cannot be recorded in Docker-compatible format with namespaced key "{key}"'
        )
    return authfiles.server_name(key)


def forget(key: str, access: Access, registries: Registries) -> bool:
    """Remove what is kept for a key; returns whether there was something."""
    found = False
    for helper in registries.credential_helpers:
        if helper != AUTH_FILES:
            found |= _erase(helper, key)
            continue
        found |= _forget_in_file(key, access)
    return found


def _forget_in_file(key: str, access: Access) -> bool:
    target = authfiles.target(access)
    document = authfiles.read(target)
    helper = authfiles.helper_for(document, key)
    stored = document.get("credsStore")
    if not helper and target.docker and isinstance(stored, str):
        helper = stored
    found = _erase(helper, key) if helper else False
    keys = {key, _written(key, target)}
    if keys.isdisjoint(document["auths"]):
        return found

    def edit(document: dict[str, Any]) -> None:
        for name in keys:
            document["auths"].pop(name, None)

    authfiles.change(target.path, edit)
    return True


def _erase(helper: str, key: str) -> bool:
    """Forget a registry with a helper, which knows no name spaces."""
    if "/" in key:
        return False
    erased = [helpers.erase(helper, server) for server in authfiles.server_names(key)]
    return any(erased)


def forget_all(access: Access, registries: Registries) -> None:
    """Remove all that is kept in the file and with the helpers."""
    for helper in registries.credential_helpers:
        if helper == AUTH_FILES:
            _empty_file(authfiles.target(access))
            continue
        for server in helpers.listed(helper):
            helpers.erase(helper, server)


def _empty_file(target: authfiles.AuthFile) -> None:
    document = authfiles.read(target)
    for registry, helper in (document.get("credHelpers") or {}).items():
        _erase(helper, authfiles.registry_of(registry))
    if not document["auths"] and not document.get("credHelpers"):
        return

    def edit(document: dict[str, Any]) -> None:
        document["auths"] = {}
        document.pop("credHelpers", None)

    authfiles.change(target.path, edit)
