"""A registry in this process that does what it is told: wrong, slow, endless, or not at all.

Without a script it is a small read-only registry of what :meth:`HostileRegistry.add_image` and
:meth:`HostileRegistry.add_blob` put into it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Behaviour = Callable[["Request"], None]

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Request(BaseHTTPRequestHandler):
    """One request under way: what came in, and ways to answer it."""

    protocol_version = "HTTP/1.1"
    server: _Server  # type: ignore[assignment]

    @property
    def registry(self) -> HostileRegistry:
        """The registry that was asked."""
        return self.server.registry

    def log_message(self, *_: object) -> None:
        """Say nothing: tests look at ``requests``."""

    def answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """A whole answer; ``Content-Length`` is added unless it is given."""
        sent = {"Content-Length": str(len(body)), **(headers or {})}
        self.send_response(status)
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status: int, code: str, message: str = "", **headers: str) -> None:
        """An error as the distribution-spec has it."""
        body = json.dumps({"errors": [{"code": code, "message": message or code.lower()}]})
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.answer(status, body.encode(), {"Content-Type": "application/json", **named})

    def drop(self) -> None:
        """Break the connection off."""
        self.close_connection = True
        self.wfile.flush()
        import socket

        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "")
        self.body = self.rfile.read(int(length)) if length.isdigit() else self._chunked()
        self.registry.requests.append((self.command, self.path, dict(self.headers.items())))
        try:
            self.registry.respond(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _chunked(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return b""
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    registry: HostileRegistry

    def handle_error(self, *_: Any) -> None:
        """Clients that go away are what tests are about."""


class HostileRegistry:
    """Serves on ``host`` while it is entered. ``requests`` holds (method, path, headers) of all.

    :meth:`on` puts behaviours before the ordinary answers::

        registry.on("GET", "/blobs/", truncate(1000), times=2)

    ``tls_folder`` names a folder with ``server.crt`` and ``server.key`` (see
    :func:`polypod.testing.registry.make_certificates`).
    """

    def __init__(self, tls_folder: Path | None = None) -> None:
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[bytes, str]] = {}
        self.tls_folder = tls_folder
        self.stopping = threading.Event()
        self._rules: list[list[Any]] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def host(self) -> str:
        """Address and port, as in an image's name."""
        assert self._server is not None
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The base of its URLs."""
        return f"{'https' if self.tls_folder else 'http'}://{self.host}"

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), Request)
        self._server.registry = self
        if self.tls_folder is not None:
            import ssl

            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.tls_folder / "server.crt", self.tls_folder / "server.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        assert self._server is not None and self._thread is not None
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def on(self, method: str, pattern: str, behaviour: Behaviour, times: int = -1) -> None:
        """Let ``behaviour`` answer requests whose path matches, ``times`` times (-1: always).

        The rule that was added last is looked at first.
        """
        with self._lock:
            self._rules.insert(0, [method, re.compile(pattern), behaviour, times])

    def paths(self, method: str = "") -> list[str]:
        """The paths asked for so far."""
        return [path for verb, path, _ in self.requests if method in ("", verb)]

    def respond(self, request: Request) -> None:
        """Answer one request: the first rule that fits, else as a registry does."""
        with self._lock:
            for rule in self._rules:
                method, pattern, behaviour, times = rule
                if times and method in ("", request.command) and pattern.search(request.path):
                    rule[3] -= 1
                    break
            else:
                behaviour = ordinary
        behaviour(request)

    # What it holds

    def add_blob(self, data: bytes, digest: str = "") -> str:
        """Keep a blob, under its digest or under a wrong one; returns that."""
        digest = digest or sha256(data)
        self.blobs[digest] = data
        return digest

    def add_manifest(self, name: str, data: bytes, media_type: str = OCI_MANIFEST) -> str:
        """Keep a manifest under a tag and its digest; returns the digest."""
        digest = sha256(data)
        self.manifests[name] = self.manifests[digest] = (data, media_type)
        return digest

    def add_image(
        self, tag: str = "latest", layers: Iterable[bytes] = (), config: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Keep an image of gzipped tar layers (:func:`layer` makes one); returns its manifest."""
        packed = list(layers) or [layer({"hello": b"hello\n"})]
        diff_ids = [sha256(gzip.decompress(data)) for data in packed]
        document = {
            "architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": diff_ids}, **(config or {}),
        }  # fmt: skip
        body = json.dumps(document).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": self.add_blob(body), "size": len(body)},
            "layers": [
                {"mediaType": OCI_LAYER, "digest": self.add_blob(data), "size": len(data)}
                for data in packed
            ],
        }
        self.add_manifest(tag, json.dumps(manifest).encode())
        return manifest


def sha256(data: bytes) -> str:
    """The digest of some bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(files: dict[str, bytes]) -> bytes:
    """A gzipped tar with these files."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(target.getvalue(), mtime=0)


# Behaviours


def ordinary(request: Request) -> None:
    """What a registry that holds these blobs and manifests answers; it takes nothing."""
    path = urlsplit(request.path).path
    if path == "/v2/":
        return request.answer(200, b"{}", {"Docker-Distribution-API-Version": "registry/2.0"})
    found = re.search(r"^/v2/.+/(manifests|blobs)/([^/]+)$", path)
    if found is None or request.command not in ("GET", "HEAD"):
        return request.error(404, "NAME_UNKNOWN", "repository name not known to registry")
    kind, key = found.groups()
    if kind == "manifests":
        if key not in request.registry.manifests:
            return request.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        data, media_type = request.registry.manifests[key]
        return request.answer(
            200, data, {"Content-Type": media_type, "Docker-Content-Digest": sha256(data)}
        )
    if key not in request.registry.blobs:
        return request.error(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return _blob(request, request.registry.blobs[key])


def _blob(request: Request, data: bytes) -> None:
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if wanted is None:
        return request.answer(200, data, {"Content-Type": "application/octet-stream"})
    start = int(wanted.group(1))
    stated = f"bytes {start}-{len(data) - 1}/{len(data)}"
    return request.answer(206, data[start:], {"Content-Range": stated})


def _wanted(request: Request) -> bytes:
    key = urlsplit(request.path).path.rpartition("/")[2]
    if key in request.registry.manifests:
        return request.registry.manifests[key][0]
    return request.registry.blobs.get(key, b"")


def status(code: int, error: str = "UNKNOWN", message: str = "", **headers: str) -> Behaviour:
    """An error answer; ``Retry_After="1"`` is a header."""
    return lambda request: request.error(code, error, message, **headers)


def content(data: bytes, **headers: str) -> Behaviour:
    """These bytes, whatever was asked for: a wrong digest, no JSON, too long a manifest."""
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return lambda request: request.answer(200, data, named)


def truncate(after: int) -> Behaviour:
    """State the whole length, honour a Range, send ``after`` bytes and break off."""

    def behave(request: Request) -> None:
        data = _wanted(request)
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(wanted.group(1)) if wanted else 0
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Length", str(len(data) - start))
        if wanted:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        request.wfile.write(data[start : start + after])
        request.drop()

    return behave


def no_ranges(request: Request) -> None:
    """The whole blob, whatever range was asked for."""
    request.answer(200, _wanted(request))


def endless(piece: bytes = b"\0" * 65536, length: int | None = None) -> Behaviour:
    """A body without an end; ``length`` is stated if given, else it comes in chunks."""

    def behave(request: Request) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        else:
            request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        while not request.registry.stopping.is_set():
            if length is None:
                request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            else:
                request.wfile.write(piece)

    return behave


def slow(seconds: float, then: Behaviour = ordinary) -> Behaviour:
    """Answer, but only after some time (or when the registry ends)."""

    def behave(request: Request) -> None:
        request.registry.stopping.wait(seconds)
        then(request)

    return behave


def stall(after: int) -> Behaviour:
    """Send ``after`` bytes of the blob, then nothing more, with the connection open."""

    def behave(request: Request) -> None:
        data = _wanted(request)
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[:after])
        request.wfile.flush()
        request.registry.stopping.wait(60)
        request.drop()

    return behave


def redirect(target: str, code: int = 307) -> Behaviour:
    """Send the client elsewhere: ``target`` may hold ``{path}``."""
    return lambda request: request.answer(
        code, b"", {"Location": target.format(path=request.path)}
    )


def redirect_loop(request: Request) -> None:
    """Send the client on and on, to another path each time."""
    parts = urlsplit(request.path)
    number = int((parse_qs(parts.query).get("hop") or ["0"])[0])
    request.answer(307, b"", {"Location": f"{parts.path}?hop={number + 1}"})


def drop(request: Request) -> None:
    """Break the connection off without an answer."""
    request.drop()


class TokenAuth:
    """Bearer tokens with scopes: ``install()`` puts the checks before everything else.

    ``tokens`` maps a token to its scopes; ``grants`` are the (user, password, scope, service)
    that the token service was asked with, ``scope`` as a list. ``refresh`` is an identity
    token that works in place of user and password. ``expires_in`` is what the service
    states. ``allow`` decides on a scope.
    """

    def __init__(
        self,
        registry: HostileRegistry,
        user: str = "user",
        password: str = "secret",
        *,
        refresh: str = "",
        expires_in: int = 300,
        anonymous: bool = False,
        allow: Callable[[str], bool] = lambda scope: True,
    ) -> None:
        self.registry = registry
        self.user, self.password, self.refresh = user, password, refresh
        self.expires_in = expires_in
        self.anonymous = anonymous
        self.allow = allow
        self.tokens: dict[str, list[str]] = {}
        self.grants: list[tuple[str, str, list[str], str]] = []
        self.valid: set[str] = set()

    def install(self) -> Self:
        """Answer ``/token`` and refuse whatever comes without a good token."""
        self.registry.on("", r"^/token", self._grant)
        self.registry.on("", r"^/v2/", self._check)
        return self

    def revoke(self) -> None:
        """Refuse all tokens given so far."""
        self.valid.clear()

    def _grant(self, request: Request) -> None:
        if request.command == "POST":
            form = parse_qs(request.body.decode())
            user, password = "", form.get("refresh_token", [""])[0]
            good = bool(self.refresh) and password == self.refresh
            scopes = form.get("scope", [""])[0].split()
        else:
            form = parse_qs(urlsplit(request.path).query)
            user, password = _basic(request)
            good = (user, password) == (self.user, self.password)
            good = good or (self.anonymous and not user)
            scopes = form.get("scope", [])
        self.grants.append((user, password, scopes, form.get("service", [""])[0]))
        if not good:
            return request.error(401, "UNAUTHORIZED", "authentication required")
        token = f"token{len(self.grants)}"
        self.tokens[token] = [scope for scope in scopes if self.allow(scope)]
        self.valid.add(token)
        body = json.dumps({"token": token, "expires_in": self.expires_in}).encode()
        return request.answer(200, body, {"Content-Type": "application/json"})

    def _check(self, request: Request) -> None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        path = urlsplit(request.path).path
        found = re.search(r"^/v2/(.+)/(?:manifests|blobs|tags|referrers)/", path)
        scope = f"repository:{found.group(1)}:" if found else ""
        granted = any(entry.startswith(scope) for entry in self.tokens.get(token, []))
        if kind != "Bearer" or token not in self.valid or (scope and not granted):
            wanted = f',scope="{scope}pull"' if scope else ""
            challenge = f'Bearer realm="{self.registry.url}/token",service="test"{wanted}'
            return request.error(
                401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=challenge
            )
        return ordinary(request)


def basic_auth(user: str, password: str, then: Behaviour = ordinary) -> Behaviour:
    """Refuse requests without this user and password."""

    def behave(request: Request) -> None:
        if _basic(request) != (user, password):
            return request.error(
                401, "UNAUTHORIZED", "authentication required", WWW_Authenticate='Basic realm="test"'
            )
        return then(request)

    return behave


def _basic(request: Request) -> tuple[str, str]:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind != "Basic":
        return "", ""
    user, _, password = base64.b64decode(text).decode().partition(":")
    return user, password


__all__ = [
    "HostileRegistry", "Request", "TokenAuth", "basic_auth", "content", "drop", "endless", "layer",
    "no_ranges", "ordinary", "redirect", "redirect_loop", "sha256", "slow", "stall", "status",
    "truncate",
]  # fmt: skip
