"""Credentials: found for a registry or a repository, kept by ``login``, forgotten by ``logout``.

The files are containers-auth.json(5)'s and Docker's; the programs are Docker's credential helpers.
"""

from __future__ import annotations

from ..errors import RegistryError
from ..model.struct import Struct
from . import authfiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .access import Access
    from .conf import Registries


class Credentials(Struct):
    """Who the user is to a registry. An ``identity_token`` stands for user and password."""

    username: str = ""
    password: str = ""
    identity_token: str = ""

    def basic(self) -> str:
        """The value of an ``Authorization`` header."""
        from base64 import b64encode

        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r})"


def parse_creds(text: str) -> Credentials:
    """``user[:password]`` of ``--creds``; raises ``UsageError`` for no user."""
    from ..errors import UsageError

    username, _, password = text.partition(":")
    if not username:
        raise UsageError("credentials can't be empty")
    return Credentials(username=username, password=password)


def lookup(
    name: str, access: Access, registries: Registries | None = None
) -> Credentials | None:
    """The credentials for ``host[:port]`` or ``host[:port]/repository``, the most special first.

    ``--creds`` come before all; then the helpers that registries.conf names, of which
    the usual one stands for the auth files. Raises ``RegistryError`` when a file or a
    helper program is broken.
    """
    if access.creds:
        return parse_creds(access.creds)
    from .conf import AUTH_FILES

    helpers = registries.credential_helpers if registries is not None else (AUTH_FILES,)
    for helper in helpers:
        if helper == AUTH_FILES:
            found = _in_files(name, access)
        else:
            found = _from_helper(helper, name.partition("/")[0])
        if found is not None:
            return found
    return None


def _in_files(name: str, access: Access) -> Credentials | None:
    for file in authfiles.paths(access):
        found = _in_file(file, name)
        if found is not None:
            return found
    return None


def _in_file(file: authfiles.AuthFile, name: str) -> Credentials | None:
    document = authfiles.read(file)
    registry = name.partition("/")[0]
    helper = authfiles.helper_for(document, registry)
    if helper:
        return _from_helper(helper, registry)
    entry = authfiles.entry_for(document, name, legacy=file.legacy)
    if entry is not None:
        found = decode(entry, file.path, registry)
        if found is not None:
            return found
    store = document.get("credsStore")
    return _from_helper(store, registry) if isinstance(store, str) and store else None


def decode(entry: object, path: str, registry: str) -> Credentials | None:
    """An entry of ``auths``; ``None`` for an empty one."""
    from base64 import b64decode

    if not isinstance(entry, dict):
        raise RegistryError(f'{path}: the entry for "{registry}" is not an object')
    token = entry.get("identitytoken")
    text = entry.get("auth")
    username = str(entry.get("username") or "")
    password = str(entry.get("password") or "")
    if isinstance(text, str) and text:
        try:
            plain = b64decode(text.strip(), validate=True).decode()
        except ValueError as error:
            raise RegistryError(
                f'{path}: the entry for "{registry}" is not valid base64; log in again'
            ) from error
        username, _, password = plain.partition(":")
        password = password.strip("\0")
    if not username and not token:
        return None
    return Credentials(
        username=username,
        password=password,
        identity_token=token if isinstance(token, str) else "",
    )


def _from_helper(helper: str, registry: str) -> Credentials | None:
    from .helpers import get

    for server in authfiles.server_names(registry):
        found = get(helper, server)
        if found is not None:
            username, secret = found
            if username == "<token>":
                return Credentials(username=username, identity_token=secret)
            return Credentials(username=username, password=secret)
    return None
