"""TLS and proxies: who is trusted, what we show of ourselves, and which way requests go."""

from __future__ import annotations

import select
import shutil
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from polypod.errors import RegistryDenied, RegistryError
from polypod.oci.reference import parse
from polypod.registry.client import open_destination, open_source
from polypod.registry.conf import Mirror, Registries
from polypod.registry.conf import Registry as Table
from polypod.registry.proxies import proxy_for
from polypod.testing.peers import run
from polypod.testing.registry import HostileRegistry, Registry, free_port, make_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from polypod.registry.access import Access


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    make_certificates(made)
    return made


@pytest.fixture
def secure(folder: Path) -> Iterator[HostileRegistry]:
    """A registry with TLS, whose authority nobody knows."""
    with HostileRegistry(folder) as running:
        running.add_image()
        yield running


@pytest.fixture
def strict(access: Access, tmp_path: Path) -> Access:
    """As users have it by default, with a home of its own."""
    home = str(tmp_path / "home")
    return access.evolve(tls_verify=None, environ={"HOME": home, "XDG_CONFIG_HOME": f"{home}/.config"})


def pull(host: str, access: Access, registries: Registries) -> bytes:
    with open_source(parse(f"{host}/a:latest"), access, registries) as repository:
        return repository.manifest().data


def test_an_unknown_authority(secure: HostileRegistry, strict: Access, registries: Registries) -> None:
    with pytest.raises(RegistryError, match="x509: certificate signed by unknown authority"):
        pull(secure.host, strict, registries)
    assert secure.requests == []
    assert pull(secure.host, strict.evolve(tls_verify=False), registries)
    tables = (Table(prefix=secure.host, location=secure.host, insecure=True),)
    assert pull(secure.host, strict, Registries(registries=tables))
    with pytest.raises(RegistryError, match="unknown authority"):
        pull(secure.host, strict.evolve(tls_verify=True), Registries(registries=tables))


def test_cert_dir(
    secure: HostileRegistry, folder: Path, strict: Access, registries: Registries, tmp_path: Path
) -> None:
    certs = tmp_path / "certs"
    certs.mkdir()
    access = strict.evolve(cert_dir=str(certs))
    with pytest.raises(RegistryError, match="unknown authority"):
        pull(secure.host, access, registries)
    shutil.copy(folder / "ca.crt", certs)
    assert pull(secure.host, access, registries)
    assert pull(secure.host.replace("127.0.0.1", "localhost"), access, registries)


def test_a_certificate_for_another_host(
    tmp_path: Path, strict: Access, registries: Registries
) -> None:
    make_certificates(tmp_path, "DNS:other.example")
    certs = tmp_path / "certs"
    certs.mkdir()
    shutil.copy(tmp_path / "ca.crt", certs)
    with (
        HostileRegistry(tmp_path) as wrong,
        pytest.raises(RegistryError, match="x509: certificate is not valid for 127.0.0.1"),
    ):
        pull(wrong.host, strict.evolve(cert_dir=str(certs)), registries)


def test_certs_d_of_the_user(
    secure: HostileRegistry, folder: Path, strict: Access, registries: Registries
) -> None:
    certs = f"{strict.env['XDG_CONFIG_HOME']}/containers/certs.d/{secure.host}"
    shutil.copytree(folder, certs, ignore=lambda _, names: {n for n in names if n != "ca.crt"})
    assert pull(secure.host, strict, registries)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("x.cert",), "missing key x.key for client certificate x.cert"),
        (("x.key",), "missing client certificate x.cert for key x.key"),
        (("bad.crt",), "bad.crt is not a certificate in PEM form"),
    ],
)
def test_bad_cert_dirs(
    strict: Access, registries: Registries, tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    for name in names:
        (tmp_path / name).write_text("no PEM")
    with pytest.raises(RegistryError, match=message):
        pull(f"127.0.0.1:{free_port()}", strict.evolve(cert_dir=str(tmp_path)), registries)


def test_a_client_certificate(folder: Path, strict: Access, registries: Registries, tmp_path: Path) -> None:
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", "/CN=me", "-keyout", tmp_path / "me.key", "-out", tmp_path / "me.csr")  # fmt: skip
    run("openssl", "x509", "-req", "-in", tmp_path / "me.csr", "-CA", folder / "ca.crt", "-CAkey",
        folder / "ca.key", "-CAcreateserial", "-days", "2", "-out", tmp_path / "me.cert")  # fmt: skip
    shutil.copy(folder / "ca.crt", tmp_path)
    with HostileRegistry(folder) as registry:
        registry.add_image()
        assert registry._server is not None
        context: Any = registry._server.socket
        context.context.verify_mode = ssl.CERT_REQUIRED
        context.context.load_verify_locations(folder / "ca.crt")
        assert pull(registry.host, strict.evolve(cert_dir=str(tmp_path)), registries)
        for path in tmp_path.glob("me.*"):
            path.unlink()
        with pytest.raises(RegistryError):
            pull(registry.host, strict.evolve(cert_dir=str(tmp_path), retry=0), registries)


def test_plain_http_is_for_insecure_registries_alone(
    hostile: HostileRegistry, strict: Access, registries: Registries
) -> None:
    hostile.add_image()
    with pytest.raises(RegistryError, match="http: server gave HTTP response to HTTPS client"):
        pull(hostile.host, strict, registries)
    assert pull(hostile.host, strict.evolve(tls_verify=False), registries)


def test_a_redirect_from_https_to_http(
    secure: HostileRegistry, hostile: HostileRegistry, folder: Path, strict: Access,
    registries: Registries, tmp_path: Path,
) -> None:  # fmt: skip
    from polypod.testing.registry_hostile import redirect

    shutil.copy(folder / "ca.crt", tmp_path)
    secure.on("GET", "/manifests/", redirect(hostile.url + "{path}"))
    hostile.add_image()
    with pytest.raises(RegistryError, match="redirects to .* which is not https"):
        pull(secure.host, strict.evolve(cert_dir=str(tmp_path)), registries)
    assert hostile.requests == []


# Mirrors


def test_mirrors(hostile: HostileRegistry, access: Access) -> None:
    """A mirror that has the image, one that lacks it, one that is not there."""
    hostile.add_image()
    with HostileRegistry() as mirror:
        dead = f"127.0.0.1:{free_port()}"
        table = Table(
            prefix="example.com/team",
            location=f"{hostile.host}/own",
            mirrors=(Mirror(location=dead), Mirror(location=f"{mirror.host}/copy")),
        )
        registries = Registries(registries=(table,))
        name = parse("example.com/team/app:latest")
        with open_source(name, access, registries) as repository:
            assert repository.name == f"{hostile.host}/own/app"
        assert mirror.paths() == ["/v2/", "/v2/copy/app/manifests/latest"]
        mirror.add_image()
        with open_source(name, access, registries) as repository:
            assert repository.name == f"{mirror.host}/copy/app"
            assert repository.endpoint.mirror
        hostile.manifests.clear()
        mirror.manifests.clear()
        with pytest.raises(RegistryError) as caught:
            open_source(name, access, registries)
    text = str(caught.value)
    assert text.startswith("initializing source docker://example.com/team/app:latest: (Mirrors also failed: ")
    assert f"[{dead}/app:latest: pinging container registry {dead}: " in text
    assert text.endswith(f"{hostile.host}/own/app:latest: reading manifest latest in {hostile.host}/own/app: manifest unknown")


def test_a_mirror_that_is_blocked(hostile: HostileRegistry, access: Access) -> None:
    hostile.add_image()
    with HostileRegistry() as mirror:
        mirror.add_image()
        tables = (
            Table(prefix="example.com", location=hostile.host, mirrors=(Mirror(location=mirror.host),)),
            Table(prefix=mirror.host, location=mirror.host, blocked=True),
        )
        name = parse("example.com/a:latest")
        with open_source(name, access, Registries(registries=tables)) as repository:
            assert repository.name == f"{hostile.host}/a"
        assert mirror.requests == []


def test_creds_are_for_the_registry_that_was_named(hostile: HostileRegistry, access: Access) -> None:
    from polypod.testing.registry_hostile import basic_auth

    hostile.add_image()
    hostile.on("", "/v2/", basic_auth("me", "pw"))
    access = access.evolve(creds="me:pw")
    table = Table(prefix="example.com", location=hostile.host)
    with pytest.raises(RegistryDenied):
        open_source(parse("example.com/a:latest"), access, Registries(registries=(table,)))
    assert pull(hostile.host, access, Registries())


def test_a_pull_through_cache(access: Access, registries: Registries) -> None:
    """docker-registry's own proxy mode, as a mirror."""
    made = HostileRegistry()
    manifest = made.add_image()
    with Registry() as origin, Registry(proxy_to=origin.url) as cache:
        pushed = open_destination(parse(f"{origin.host}/a/b:1"), access, registries)
        for entry in [manifest["config"], *manifest["layers"]]:
            pushed.upload(entry["digest"], entry["size"], [made.blobs[entry["digest"]]])
        digest = pushed.put_manifest("1", *made.manifests["latest"])
        table = Table(prefix=origin.host, location=origin.host, mirrors=(Mirror(location=cache.host),))
        name = parse(f"{origin.host}/a/b:1")
        with open_source(name, access, Registries(registries=(table,))) as repository:
            assert repository.name == f"{cache.host}/a/b"
            assert repository.manifest().digest == digest
            layer = manifest["layers"][0]
            assert repository.blob(layer["digest"], 1 << 20) == made.blobs[layer["digest"]]


# Proxies


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("", False),
        ("*", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("other.com, R.Example.com", True),
        ("r.example.com:5000", True),
        ("r.example.com:5001", False),
        ("ample.com", False),
        ("10.0.0.0/8", False),
    ],
)
def test_no_proxy(no_proxy: str, direct: bool) -> None:
    env = {"HTTPS_PROXY": "http://p:1", "no_proxy": no_proxy}
    found = proxy_for("https", "r.example.com", 5000, env)
    assert found == ("" if direct else "http://p:1")


def test_which_proxy() -> None:
    env = {"http_proxy": "p:1", "HTTPS_PROXY": "https://q:2", "NO_PROXY": "10.0.0.0/8,fd00::/8"}
    assert proxy_for("http", "r.io", 80, env) == "http://p:1"
    assert proxy_for("https", "r.io", 443, env) == "https://q:2"
    assert proxy_for("https", "10.2.3.4", 443, env) == ""
    assert proxy_for("https", "11.2.3.4", 443, env) == "https://q:2"
    assert proxy_for("https", "[fd00::1]", 443, env) == ""
    for local in ("localhost", "127.0.0.1", "127.3.4.5", "[::1]"):
        assert proxy_for("http", local, 80, env) == ""


class Proxy(BaseHTTPRequestHandler):
    """Takes every request to one server, whatever host was asked for."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, str]]
    target: tuple[str, int]

    def log_message(self, *_: object) -> None:
        pass

    def do_CONNECT(self) -> None:
        self.seen.append(("CONNECT", self.path, self.headers.get("Proxy-Authorization", "")))
        with socket.create_connection(self.target) as there:
            self.send_response(200)
            self.end_headers()
            pipe = {self.connection: there, there: self.connection}
            while True:
                for side in select.select(list(pipe), [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    pipe[side].sendall(data)


@pytest.fixture
def proxy(secure: HostileRegistry) -> Iterator[type[Proxy]]:
    host, port = secure.host.split(":")
    handler = type("Own", (Proxy,), {"seen": [], "target": (host, int(port))})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.address = f"127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_proxy_is_used(
    proxy: Any, secure: HostileRegistry, strict: Access, registries: Registries
) -> None:
    access = strict.evolve(
        tls_verify=False,
        environ={**strict.env, "HTTPS_PROXY": f"http://me:secret@{proxy.address}"},
    )
    assert pull("registry.example", access, registries)
    assert proxy.seen == [("CONNECT", "registry.example:443", "Basic bWU6c2VjcmV0")]
    assert secure.paths() == ["/v2/", "/v2/a/manifests/latest"]


def test_a_proxy_that_is_not_there(strict: Access, registries: Registries) -> None:
    dead = f"http://me:secret@127.0.0.1:{free_port()}"
    access = strict.evolve(retry=0, environ={**strict.env, "HTTPS_PROXY": dead})
    with pytest.raises(RegistryError, match="proxyconnect: .*connection refused") as caught:
        pull("registry.example", access, registries)
    assert "secret" not in str(caught.value)
    for bad in ("ftp://x", "http://[", "socks5://x:1"):
        access = strict.evolve(retry=0, environ={**strict.env, "HTTPS_PROXY": bad})
        with pytest.raises(RegistryError, match="proxy"):
            pull("registry.example", access, registries)
