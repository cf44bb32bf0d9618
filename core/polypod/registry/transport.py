"""One exchange over HTTP: connections kept open, proxies, TLS, and nothing of what is said."""

from __future__ import annotations

from threading import Lock

from ..errors import RegistryError
from . import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TypeAlias

    import urllib3

    from .access import Access

    Response: TypeAlias = urllib3.BaseHTTPResponse
    Body: TypeAlias = bytes | Iterable[bytes] | None

CONNECTIONS = 32  # kept open per server; more work, but are closed after use
PATIENCE = 300.0  # seconds for a small answer, however steadily it comes
SERVERS = 16  # a registry and where it redirects to


class Lost(Exception):
    """No answer: the reason, whether it may pass, and how long the server wants to be left alone."""

    def __init__(self, reason: str, transient: bool, asked: float = 0.0) -> None:
        super().__init__(reason)
        self.transient = transient
        self.asked = asked


class Transport:
    """Connections for one registry and for wherever it sends us. Threads may share it.

    Certificates are those of the registry, also towards other servers: where a registry has an
    authority of its own, so has the storage behind it.
    """

    def __init__(self, domain: str, access: Access, insecure: bool) -> None:
        self._domain = domain
        self._access = access
        self._insecure = insecure
        self._lock = Lock()
        self._pools: dict[str, urllib3.PoolManager] = {}

    def exchange(self, method: str, url: str, headers: dict[str, str], body: Body) -> Response:
        """Send one request and return the answer with its body unread.

        Raises ``Lost`` when there is none, ``RegistryError`` for bad certificates and proxies.
        """
        import urllib3

        sent = {"User-Agent": user_agent(), "Accept-Encoding": "identity", **headers}
        try:
            return self._pool(url).urlopen(
                method, url, body=body, headers=sent, preload_content=False,
                decode_content=False, redirect=False, retries=False,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            reason, transient = faults.explain(error, method, url)
            raise Lost(reason, transient) from error

    def _pool(self, url: str) -> urllib3.PoolManager:
        import urllib3

        from .proxies import proxy_for

        parsed = urllib3.util.parse_url(url)
        scheme = parsed.scheme or ""
        port = parsed.port or (443 if scheme == "https" else 80)
        proxy = proxy_for(scheme, parsed.host or "", port, self._access.env)
        key = f"{scheme} {proxy}"
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._new_pool(scheme, proxy)
            return self._pools[key]

    def _new_pool(self, scheme: str, proxy: str) -> urllib3.PoolManager:
        import urllib3

        access = self._access
        options: dict[str, Any] = {
            "num_pools": SERVERS,
            "maxsize": CONNECTIONS,
            "timeout": urllib3.Timeout(connect=access.connect_timeout, read=access.timeout),
        }
        if scheme == "https":
            from .tls import context

            options["ssl_context"] = context(self._domain, access, not self._insecure)
            if self._insecure:
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if not proxy:
            return urllib3.PoolManager(**options)
        from .proxies import manager

        return manager(proxy, options)

    def close(self) -> None:
        """Close all connections that are not in use."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()
            self._pools.clear()


def resolve(url: str, location: str, domain: str) -> str:
    """A ``Location`` as a full URL; a proxy that ends TLS may have its scheme wrong: mended.

    Raises ``RegistryError`` for what is no http(s) URL.
    """
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
        raise RegistryError(f'{domain} sent an invalid location "{location[:200]}"') from None
    return target


def origin(url: str) -> tuple[str, str | None, int]:
    """Scheme, host and port of a URL: two with the same are the same server."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (80 if parts.scheme == "http" else 443)


def user_agent() -> str:
    """The ``User-Agent`` of every request."""
    from .. import __version__

    return f"polypod/{__version__}"


def discard(response: Response) -> None:
    """End an answer whose body does not matter, keeping the connection when that is cheap."""
    limit = 16 << 10
    try:
        if len(response.read(limit)) < limit:
            response.release_conn()
            return
    except Exception:  # noqa: BLE001 - whatever is wrong with it, nobody wants to read it
        pass
    response.close()


def read_start(response: Response, limit: int) -> bytes:
    """Up to ``limit`` bytes of a body, as far as they come; ends the answer."""
    import time

    import urllib3

    body = b""
    until = time.monotonic() + PATIENCE
    try:
        while len(body) < limit and time.monotonic() < until and (piece := response.read1(limit - len(body))):
            body += piece
    except (urllib3.exceptions.HTTPError, OSError):
        response.close()  # what came says enough
        return body
    discard(response)
    return body


def read_body(response: Response, limit: int, what: str) -> bytes:
    """The whole body, which may have ``limit`` bytes; ends the answer.

    Raises ``RegistryError`` naming ``what`` when it is longer, breaks off or trickles in.
    """
    import time

    import urllib3

    pieces: list[bytes] = []
    left = limit + 1
    until = time.monotonic() + PATIENCE
    try:
        # What is there, rather than all: a server that sends a byte a minute would keep us.
        while left > 0 and (piece := response.read1(min(left, 1 << 16))):
            pieces.append(piece)
            left -= len(piece)
            if time.monotonic() > until:
                response.close()
                raise RegistryError(f"{what}: the answer takes more than {PATIENCE:g} seconds")
    except (urllib3.exceptions.HTTPError, OSError) as error:
        response.close()
        raise RegistryError(
            f"{what}: the answer broke off: {faults.reason_of(error)}"
        ) from error
    if left <= 0:
        response.close()
        raise RegistryError(f"{what}: the answer is longer than {limit} bytes")
    response.release_conn()
    return b"".join(pieces)


def number_of(text: str) -> int:
    """A header's count of bytes, -1 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def retry_after(response: Response) -> float:
    """Seconds that ``Retry-After`` asks for, 0 when it does not."""
    import time

    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:6])
    if not text:
        return 0.0
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
