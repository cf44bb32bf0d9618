"""HTTP to one registry: connections, credentials, redirects, retries. Knows no endpoint but ``/v2/``.

A :class:`Host` may be used by several threads at once; each request has a connection of its own.
"""

from __future__ import annotations

import time
from threading import Lock

from ..errors import RegistryError
from ..kit import log
from . import challenge, faults
from .access import duration_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    import urllib3

    from .access import Access
    from .auth import Credentials
    from .tokens import Tokens

    Response: TypeAlias = urllib3.BaseHTTPResponse
    Body: TypeAlias = bytes | Iterable[bytes] | None

MAX_REDIRECTS = 10
CONNECTIONS = 32  # kept open per server; more work, but are closed after use
REDIRECTS = frozenset((301, 302, 303, 307, 308))
TRANSIENT = frozenset((408, 429, 500, 502, 503, 504))


class Host:
    """One registry server. ``domain`` is how users write it (``docker.io``, ``localhost:5000``).

    With ``insecure`` its certificate is not looked at, and plain HTTP is tried when
    HTTPS does not work. ``context`` stands before every retry's warning.
    """

    def __init__(
        self,
        domain: str,
        access: Access,
        *,
        insecure: bool = False,
        credentials: Credentials | None = None,
        retries: int | None = None,
    ) -> None:
        self.domain = domain
        self.address = "registry-1.docker.io" if domain == "docker.io" else domain
        self.insecure = insecure
        self.credentials = credentials
        self.access = access
        self.retries = access.retry if retries is None else retries
        self.context = ""
        self.base = ""  # scheme and address, once the server has answered
        self._challenges: list[challenge.Challenge] = []
        self._lock = Lock()
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._tokens: Tokens | None = None
        self._context: Any = None

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: Body = None,
        scopes: tuple[str, ...] = (),
        replay: bool = True,
    ) -> Response:
        """Send a request and return the answer, whatever its status; the caller ends it.

        ``target`` is a path on this registry or a full URL. ``scopes`` are those of a
        token (``repository:name:pull``). ``replay`` allows to send the request again.
        Raises ``RegistryError`` when no answer can be had.
        """
        self.ping()
        url = target if "://" in target else self.base + target
        attempt = 0
        renewed = False
        while True:
            asked = 0.0
            try:
                response = self._follow(method, url, headers or {}, body, scopes, replay)
            except _Lost as lost:
                if not replay or attempt >= self.retries:
                    raise RegistryError(str(lost)) from lost
                problem = str(lost)
            else:
                if response.status == 401 and replay and not renewed and self._renew(response, scopes):
                    renewed = True
                    discard(response)
                    continue
                if response.status not in TRANSIENT or not replay or attempt >= self.retries:
                    return response
                asked = retry_after(response)
                problem = str(faults.failure(response, f'{method.capitalize()} "{url}"'))
            attempt += 1
            self.wait(attempt, problem, asked)

    def wait(self, attempt: int, problem: str, asked: float = 0.0) -> None:
        """Warn as podman does, and wait before try ``attempt`` of a thing."""
        delay = self.access.delay(attempt, asked)
        start = f"{self.context}: " if self.context else ""
        log.warning(
            f"Failed, retrying in {duration_text(delay)} ... ({attempt}/{self.retries}). "
            f"Error: {start}{problem}"
        )
        time.sleep(delay)

    def ping(self) -> None:
        """Find out how the registry is reached and what it asks for; once."""
        if self.base:
            return
        with self._lock:
            attempt = 0
            while not self.base:
                try:
                    self._try_schemes()
                except _Lost as lost:
                    problem = f"pinging container registry {self.domain}: {lost}"
                    if not lost.transient or attempt >= self.retries:
                        raise RegistryError(problem) from lost
                    attempt += 1
                    self.wait(attempt, problem, lost.asked)

    def _try_schemes(self) -> None:
        for scheme in ("https", "http") if self.insecure else ("https",):
            base = f"{scheme}://{self.address}"
            url = f"{base}/v2/"
            try:
                response = self._exchange("GET", url, {}, None)
            except _Lost:
                if scheme == "https" and self.insecure:
                    continue
                raise
            if response.status not in (200, 401):
                asked, status = retry_after(response), response.status
                raise _Lost(str(faults.failure(response, "")), status in TRANSIENT, asked)
            self._challenges = challenges(response)
            discard(response)
            self.base = base
            return

    def _follow(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: Body,
        scopes: tuple[str, ...],
        replay: bool,
    ) -> Response:
        """Send, and go where redirects lead; credentials are shown to the registry alone."""
        seen: set[str] = set()
        while True:
            sent = dict(headers)
            if self._is_own(url) and (shown := self._authorization(scopes)):
                sent["Authorization"] = shown
            response = self._exchange(method, url, sent, body)
            if response.status not in REDIRECTS or not response.headers.get("Location"):
                return response
            if not replay or (method not in ("GET", "HEAD") and response.status not in (307, 308)):
                return response
            seen.add(url)
            url = self._redirected(url, response.headers["Location"], seen)
            discard(response)

    def _redirected(self, url: str, location: str, seen: set[str]) -> str:
        target = self.resolve(url, location)
        if target in seen:
            raise RegistryError(f'Get "{target}": the server redirects in a loop')
        if len(seen) > MAX_REDIRECTS:
            raise RegistryError(f'Get "{url}": stopped after {MAX_REDIRECTS} redirects')
        if url.startswith("https://") and not target.startswith("https://") and not self.insecure:
            raise RegistryError(f'Get "{url}": the server redirects to "{target}", which is not https')
        return target

    def resolve(self, url: str, location: str) -> str:
        """A ``Location`` as a full URL; a proxy that ends TLS may have it wrong, which is mended."""
        from urllib.parse import urljoin, urlsplit

        try:
            target = urljoin(url, location)
            before, after = urlsplit(url), urlsplit(target)
            downgraded = before.scheme == "https" and after.scheme == "http"
            if downgraded and after.hostname == before.hostname and after.port in (None, before.port):
                target = "https" + target[4:]
            if after.scheme not in ("http", "https") or not after.hostname:
                raise ValueError(target)
        except ValueError:
            raise RegistryError(
                f'{self.domain} sent an invalid location "{location[:200]}"'
            ) from None
        return target

    def _is_own(self, url: str) -> bool:
        from urllib.parse import urlsplit

        def origin(text: str) -> tuple[str, str | None, int]:
            parts = urlsplit(text)
            return parts.scheme, parts.hostname, parts.port or (443, 80)[parts.scheme == "http"]

        return url.startswith(f"{self.base}/") or origin(url) == origin(self.base)

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
        bearer = any(offered.scheme == "bearer" for offered in asked)
        if bearer:
            self._token_store().forget(scopes)
        return bearer or (self.credentials is not None and "basic" not in known)

    def fetch(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """One exchange with any server, such as a token service, retried while it fails to answer."""
        attempt = 0
        while True:
            asked = 0.0
            try:
                response = self._exchange(method, url, headers, body)
                if response.status not in TRANSIENT or attempt >= self.retries:
                    return response
                asked = retry_after(response)
                problem = str(faults.failure(response, f'{method.capitalize()} "{url}"'))
            except _Lost as lost:
                if not lost.transient or attempt >= self.retries:
                    raise RegistryError(str(lost)) from lost
                problem = str(lost)
            attempt += 1
            self.wait(attempt, problem, asked)

    def _exchange(self, method: str, url: str, headers: dict[str, str], body: Body) -> Response:
        import urllib3

        sent = {"User-Agent": user_agent(), "Accept-Encoding": "identity", **headers}
        try:
            return self._pool(url).urlopen(
                method, url, body=body, headers=sent, preload_content=False,
                decode_content=False, redirect=False, retries=False,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            reason, transient = faults.explain(error, method, url)
            raise _Lost(reason, transient) from error

    def _pool(self, url: str) -> urllib3.PoolManager:
        import urllib3

        from .proxies import proxy_for

        parsed = urllib3.util.parse_url(url)
        scheme = parsed.scheme or ""
        port = parsed.port or (443 if scheme == "https" else 80)
        proxy = proxy_for(scheme, parsed.host or "", port, self.access.env)
        key = f"{scheme} {proxy}"
        if key not in self._pools:
            self._pools[key] = self._new_pool(scheme, proxy)
        return self._pools[key]

    def _new_pool(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        import urllib3

        options: dict[str, Any] = {
            "num_pools": 16,
            "maxsize": CONNECTIONS,
            "timeout": urllib3.Timeout(
                connect=self.access.connect_timeout, read=self.access.timeout
            ),
        }
        if scheme == "https":
            options["ssl_context"] = self._tls()
        if not proxy:
            return urllib3.PoolManager(**options)
        from .proxies import manager

        return manager(proxy, options)

    def _tls(self) -> Any:
        if self._context is None:
            from . import tls

            self._context = tls.context(self.domain, self.access, not self.insecure)
            if self.insecure:
                import urllib3

                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return self._context

    def close(self) -> None:
        """Close all connections that are not in use."""
        for pool in self._pools.values():
            pool.clear()
        self._pools.clear()


class _Lost(Exception):
    """No answer: the reason, whether it may pass, and how long the server wants to be left alone."""

    def __init__(self, reason: str, transient: bool, asked: float = 0.0) -> None:
        super().__init__(reason)
        self.transient = transient
        self.asked = asked


def challenges(response: Response) -> list[challenge.Challenge]:
    """What the answer's ``WWW-Authenticate`` headers ask for."""
    return challenge.parse(response.headers.getlist("WWW-Authenticate"))


def user_agent() -> str:
    """The ``User-Agent`` of every request."""
    from .. import __version__

    return f"polypod/{__version__}"


def retry_after(response: Response) -> float:
    """Seconds that ``Retry-After`` asks for, 0 when it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text[:6])
    if not text:
        return 0.0
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0


def discard(response: Response) -> None:
    """End an answer whose body does not matter, keeping the connection when that is cheap."""
    try:
        if len(response.read(16 << 10)) < 16 << 10:
            response.release_conn()
            return
    except Exception:  # noqa: BLE001 - whatever is wrong with it, nobody wants to read it
        pass
    response.close()


def read_body(response: Response, limit: int, what: str) -> bytes:
    """The whole body, which may have ``limit`` bytes; ends the answer.

    Raises ``RegistryError`` naming ``what`` when it is longer or breaks off.
    """
    import urllib3

    pieces: list[bytes] = []
    left = limit + 1
    try:
        while left > 0 and (piece := response.read(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        response.close()
        raise RegistryError(f"{what}: the answer broke off: {faults.reason_of(error)}") from error
    if left <= 0:
        response.close()
        raise RegistryError(f"{what}: the answer is longer than {limit} bytes")
    response.release_conn()
    return b"".join(pieces)
