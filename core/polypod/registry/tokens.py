"""Bearer tokens: fetched from the service that the registry names, kept until they expire.

The protocol is distribution's: GET with ``service`` and ``scope``, or OAuth 2's POST where an
identity token stands for user and password.
"""

from __future__ import annotations

import time
from threading import Lock

from ..errors import RegistryDenied, RegistryError
from ..kit.fastjson import loads
from . import faults
from .transport import read_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .auth import Credentials
    from .challenge import Challenge
    from .transport import Response
    from .wire import Host

TOKEN_LIMIT = 1 << 20
LEAST_LIFE = 60.0  # seconds that a token holds where its service does not say
MOST_LIFE = 86400.0
MARGIN = 10.0  # seconds before its end at which a token is not used any more


class Tokens:
    """The tokens for one host; safe to use from several threads."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = Lock()
        self._kept: dict[tuple[str, ...], tuple[str, float]] = {}

    def get(self, offered: Challenge, scopes: tuple[str, ...]) -> str:
        """A token good for the scopes; raises ``RegistryDenied`` when the service gives none."""
        with self._lock:
            token, until = self._kept.get(scopes, ("", 0.0))
            if time.monotonic() < until:
                return token
            token, life = self._fetch(offered, scopes)
            self._kept[scopes] = (token, time.monotonic() + life)
            return token

    def forget(self, scopes: tuple[str, ...]) -> None:
        """Fetch anew next time: the registry has refused the token."""
        with self._lock:
            self._kept.pop(scopes, None)

    def _fetch(self, offered: Challenge, scopes: tuple[str, ...]) -> tuple[str, float]:
        realm = offered.parameters["realm"]
        self._check_realm(realm)
        service = offered.parameters.get("service", "")
        wanted = list(scopes)
        if not wanted and offered.parameters.get("scope"):
            wanted = [offered.parameters["scope"]]
        credentials = self._host.credentials
        if credentials is not None and credentials.identity_token:
            response = self._post(realm, service, wanted, credentials)
        else:
            response = self._get(realm, service, wanted, credentials)
        doing = "unable to retrieve auth token"
        if response.status in (401, 403) and credentials is not None:
            denied = faults.failure(response, "")
            raise RegistryDenied(f"{doing}: invalid username/password: {denied}")
        if response.status != 200:
            raise faults.failure(response, doing)
        return _parse(read_body(response, TOKEN_LIMIT, doing), doing)

    def _check_realm(self, realm: str) -> None:
        secure = self._host.base.startswith("https://") and not self._host.insecure
        if not realm.startswith(("https://", "http://")):
            raise RegistryError(f'{self._host.domain} names an invalid token service "{realm[:200]}"')
        if secure and realm.startswith("http://"):
            raise RegistryError(
                f"{self._host.domain} names the token service {realm}, which is not https; "
                "use --tls-verify=false to allow it"
            )

    def _get(
        self, realm: str, service: str, scopes: list[str], credentials: Credentials | None
    ) -> Response:
        from urllib.parse import urlencode

        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers: dict[str, str] = {}
        if credentials is not None:
            query.insert(0, ("account", credentials.username))
            headers["Authorization"] = credentials.basic()
        joint = "&" if "?" in realm else "?"
        url = realm + joint + urlencode(query) if query else realm
        return self._host.fetch("GET", url, headers, None)

    def _post(
        self, realm: str, service: str, scopes: list[str], credentials: Credentials
    ) -> Response:
        from urllib.parse import urlencode

        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "client_id": "polypod",
            "service": service,
        }
        if scopes:
            form["scope"] = " ".join(scopes)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._host.fetch("POST", realm, headers, urlencode(form).encode())


def _parse(body: bytes, doing: str) -> tuple[str, float]:
    """The token and how many seconds it may be used for."""
    try:
        document: Any = loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RegistryError(f"{doing}: the answer is not a JSON object")
    token = document.get("token") or document.get("access_token")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise RegistryError(f"{doing}: the answer has no token")
    life = document.get("expires_in")
    seconds = life if isinstance(life, (int, float)) else 0
    return token, float(min(max(LEAST_LIFE, seconds), MOST_LIFE)) - MARGIN
