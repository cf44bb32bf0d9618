"""HTTP to one registry: credentials, redirects, retries. Knows no endpoint but ``/v2/``."""

from __future__ import annotations

import os
import time
from threading import Lock

from ..errors import RegistryError
from ..kit import log
from . import challenge, faults
from .access import duration_text
from .transport import Lost, Transport, discard, origin, resolve, retry_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .access import Access
    from .auth import Credentials
    from .tokens import Tokens
    from .transport import Body, Response

MAX_REDIRECTS = 10
REDIRECTS = frozenset((301, 302, 303, 307, 308))
TRANSIENT = frozenset((408, 429, 500, 502, 503, 504))


class _Call:
    """A request that is to be made, perhaps several times."""

    __slots__ = ("anonymous", "answered", "body", "headers", "method", "replay", "scopes", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        body: Body = None,
        scopes: tuple[str, ...] = (),
        replay: bool = True,
        anonymous: bool = False,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers or {}
        self.body = body
        self.scopes = scopes
        self.replay = replay
        self.anonymous = anonymous
        self.answered = url  # behind redirects


class Host:
    """One registry server. ``domain`` is how users write it (``docker.io``, ``localhost:5000``).

    With ``insecure`` its certificate is not looked at, and plain HTTP is tried when
    HTTPS does not work. ``context`` stands before every retry's warning. ``address``
    replaces the server that the domain stands for. Threads may share a host.
    """

    def __init__(
        self,
        domain: str,
        access: Access,
        *,
        insecure: bool = False,
        credentials: Credentials | None = None,
        retries: int | None = None,
        address: str = "",
    ) -> None:
        self.domain = domain
        self.address = address or ("registry-1.docker.io" if domain == "docker.io" else domain)
        self.insecure = insecure
        self.credentials = credentials
        self.access = access
        self.retries = access.retry if retries is None else retries
        self.context = ""
        self.base = ""  # scheme and address, once the server has answered
        self._challenges: list[challenge.Challenge] = []
        self._lock = Lock()
        self._transport = Transport(domain, access, insecure)
        self._tokens: Tokens | None = None

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: Body = None,
        scopes: tuple[str, ...] = (),
        replay: bool = True,
        anonymous: bool = False,
    ) -> Response:
        """Send a request and return the answer, whatever its status; the caller ends it.

        ``target`` is a path on this registry or a full URL. ``scopes`` are those of a
        token (``repository:name:pull``). ``replay`` allows to send the request again,
        ``anonymous`` keeps credentials out of it. Raises ``RegistryError`` when no
        answer can be had, ``RegistryDenied`` when no token can.
        """
        self.ping()
        url = target if "://" in target else self.base + target
        call = _Call(method, url, headers, body, scopes, replay, anonymous)
        response = self._patiently(lambda: self._follow(call), replay)
        # Another server's wish for credentials must not decide where the registry's are sent.
        if response.status != 401 or origin(call.answered) != origin(self.base):
            return response
        if not replay or anonymous or not self._renew(response, scopes):
            return response
        discard(response)
        return self._patiently(lambda: self._follow(call), replay)

    def fetch(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """A request to any server with exactly these headers, such as to a token service."""
        return self._patiently(lambda: self._transport.exchange(method, url, headers, body))

    def _patiently(
        self, send: Callable[[], Response], replay: bool = True, doing: str = ""
    ) -> Response:
        """Send until an answer comes that is no passing failure, or until the tries are used up."""
        attempt = 0
        while True:
            try:
                response = send()
                if response.status not in TRANSIENT or not replay or attempt >= self.retries:
                    return response
                lost = Lost(str(faults.failure(response, "")), True, retry_after(response))
            except Lost as error:
                lost = error
            problem = f"{doing}{lost}"
            if not lost.transient or not replay or attempt >= self.retries:
                raise RegistryError(problem) from lost
            attempt += 1
            self.wait(attempt, problem, lost.asked)

    def wait(self, attempt: int, problem: str, asked: float = 0.0) -> None:
        """Warn as podman does, and wait before try ``attempt`` of a thing."""
        delay = self.access.delay(attempt, asked)
        start = f"{self.context}: " if self.context else ""
        log.warning(
            f"Failed, retrying in {duration_text(delay)} ... ({attempt}/{self.retries}). "
            f"Error: {start}{problem}"
        )
        # Clients that failed together shall not come back together.
        time.sleep(delay * (1 + os.urandom(1)[0] / 2560))

    def ping(self) -> None:
        """Find out how the registry is reached and what it asks for; once.

        Raises ``RegistryError`` when it cannot be reached or is no registry.
        """
        if self.base:
            return
        with self._lock:
            if self.base:
                return
            doing = f"pinging container registry {self.domain}: "
            response = self._patiently(self._try_schemes, doing=doing)
            if response.status not in (200, 401):
                # Not a RegistryNotFound: it is the registry that is not there.
                raise RegistryError(str(faults.failure(response, doing.removesuffix(": "))))
            self._challenges = challenges(response)
            discard(response)
            self.base = self._found

    def _try_schemes(self) -> Response:
        for scheme in ("https", "http") if self.insecure else ("https",):
            self._found = f"{scheme}://{self.address}"
            try:
                return self._transport.exchange("GET", f"{self._found}/v2/", {}, None)
            except Lost:
                if scheme == "https" and self.insecure:
                    continue
                raise
        raise AssertionError("no scheme was tried")

    def _follow(self, call: _Call) -> Response:
        """Send, and go where redirects lead; credentials are shown to the registry alone."""
        seen: set[str] = set()
        url = call.url
        while True:
            sent = dict(call.headers)
            if not call.anonymous and origin(url) == origin(self.base):
                shown = self._authorization(call.scopes)
                if shown:
                    sent["Authorization"] = shown
            response = self._transport.exchange(call.method, url, sent, call.body)
            call.answered = url
            status, location = response.status, response.headers.get("Location")
            if status not in REDIRECTS or not location or not call.replay:
                return response
            if call.method not in ("GET", "HEAD") and status not in (307, 308):
                return response
            seen.add(url)
            discard(response)
            url = self._redirected(url, location, seen)

    def _redirected(self, url: str, location: str, seen: set[str]) -> str:
        target = self.resolve(url, location)
        start, to = url.partition("?")[0], target.partition("?")[0]
        if target in seen:
            raise RegistryError(f'Get "{to}": the server redirects in a loop')
        if len(seen) > MAX_REDIRECTS:
            raise RegistryError(f'Get "{start}": stopped after {MAX_REDIRECTS} redirects')
        if url.startswith("https:") and not target.startswith("https:") and not self.insecure:
            raise RegistryError(f'Get "{start}": the server redirects to "{to}", which is not https')
        return target

    def resolve(self, url: str, location: str) -> str:
        """A ``Location`` of this registry as a full URL."""
        return resolve(url, location, self.domain)

    def _authorization(self, scopes: tuple[str, ...]) -> str:
        for offered in self._challenges:
            if offered.scheme == "bearer" and offered.parameters.get("realm"):
                return f"Bearer {self._token_store().get(offered, scopes)}"
        for offered in self._challenges:
            if offered.scheme == "basic" and self.credentials is not None:
                return self.credentials.basic()
        return ""

    def _token_store(self) -> Tokens:
        if self._tokens is None:
            from .tokens import Tokens

            self._tokens = Tokens(self)
        return self._tokens

    def _renew(self, response: Response, scopes: tuple[str, ...]) -> bool:
        """After a 401: whether trying again with what the registry asks for makes sense."""
        asked = challenges(response)
        if not asked:
            return False
        known = [offered.scheme for offered in self._challenges]
        self._challenges = asked
        if any(offered.scheme == "bearer" for offered in asked):
            self._token_store().forget(scopes)
            return True
        return self.credentials is not None and "basic" not in known

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._transport.close()


def challenges(response: Response) -> list[challenge.Challenge]:
    """What the answer's ``WWW-Authenticate`` headers ask for."""
    return challenge.parse(response.headers.getlist("WWW-Authenticate"))
