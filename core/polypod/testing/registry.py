"""Registries for tests: Debian's docker-registry on a free port of loopback.

The one that misbehaves is :class:`polypod.testing.registry_hostile.HostileRegistry`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .peers import need, run
from .registry_hostile import HostileRegistry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

_CONFIG = """version: 0.1
log: {{level: {level}}}
storage:
  filesystem: {{rootdirectory: {root}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http:
  addr: {host}
  secret: polypod
"""


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Registry:
    """A docker-registry with a storage folder of its own; use it as a context manager.

    ``user`` and ``password`` switch basic authentication on, ``tls`` HTTPS with a
    certificate of an authority made for it: ``cert_dir`` is a folder for ``--cert-dir``
    with ``ca.crt``. ``proxy_to`` makes a pull-through cache of another registry
    (``http://host:port``). ``host`` is ``127.0.0.1:PORT``. ``stop()`` and ``start()``
    keep storage and port.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        user: str = "",
        password: str = "",
        tls: bool = False,
        proxy_to: str = "",
        port: int = 0,
    ) -> None:
        need("docker-registry")
        self._own = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="ppreg"))
        self.user, self.password = user, password
        self.tls = tls
        self.proxy_to = proxy_to
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def host(self) -> str:
        """Address and port, as in an image's name."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base of its URLs."""
        return f"{'https' if self.tls else 'http'}://{self.host}"

    @property
    def storage(self) -> Path:
        """Where it keeps what was pushed (``docker/registry/v2/...`` below)."""
        return self.folder / "storage"

    @property
    def cert_dir(self) -> Path:
        """A folder with the authority's certificate, as ``--cert-dir`` wants it."""
        return self.folder / "certs"

    @property
    def log(self) -> str:
        """What the server has logged."""
        return (self.folder / "log").read_text(errors="replace")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare()
        kept = self.port
        for _ in range(5):  # another process may take the port between the look and the use
            self.port = kept or free_port()
            if self._try_start():
                return
        raise AssertionError(f"docker-registry does not start: {self.log[-2000:]}")

    def stop(self) -> None:
        """End the server; what was pushed stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _prepare(self) -> None:
        if self.user and not (self.folder / "htpasswd").exists():
            need("htpasswd")
            (self.folder / "htpasswd").write_text(run("htpasswd", "-Bbn", self.user, self.password))
        if self.tls and not self.cert_dir.exists():
            make_certificates(self.folder)
            self.cert_dir.mkdir()
            shutil.copy(self.folder / "ca.crt", self.cert_dir / "ca.crt")

    def _try_start(self) -> bool:
        text = _CONFIG.format(root=self.storage, host=self.host, level="error")
        if self.tls:
            text += f"  tls: {{certificate: {self.folder}/server.crt, key: {self.folder}/server.key}}\n"
        if self.user:
            text += f"auth: {{htpasswd: {{realm: test, path: {self.folder}/htpasswd}}}}\n"
        if self.proxy_to:
            text += f"proxy: {{remoteurl: {self.proxy_to}}}\n"
        config = self.folder / "config.yml"
        config.write_text(text)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("REGISTRY_", "OTEL_"))}
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )  # fmt: skip
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self._process.poll() is not None:
                self._process = None
                return False
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.01)
        self.stop()
        return False


def make_certificates(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1") -> None:
    """An authority (``ca.crt``) and a server's certificate and key signed by it (``server.*``)."""
    need("openssl")
    run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", "/CN=polypod test CA",
        "-keyout", folder / "ca.key", "-out", folder / "ca.crt",
    )  # fmt: skip
    run(
        "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.csr",
    )  # fmt: skip
    (folder / "server.ext").write_text(f"subjectAltName={names}\n")
    run(
        "openssl", "x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.crt",
        "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", folder / "server.ext", "-out", folder / "server.crt",
    )  # fmt: skip


__all__ = ["HostileRegistry", "Registry", "free_port", "make_certificates"]
