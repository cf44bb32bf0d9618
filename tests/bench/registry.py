"""Debian's docker-registry on loopback, its blobs in the bench's folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from cases_images import REGISTRY

_CONFIG = """version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {root}
http:
  addr: {address}
"""
_SECONDS = 20.0


class Registry:
    """A registry of one run. It is a child that is never waited for: its CPU time is not counted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "registry"
        self._config = folder / "registry.yml"
        self._log = folder / "registry.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Where repositories and blobs lie."""
        return self.root / "docker" / "registry" / "v2"

    def start(self) -> None:
        """Start it and wait until it answers. Raises ``FileNotFoundError``, ``TimeoutError``."""
        program = shutil.which("docker-registry")
        if program is None:
            raise FileNotFoundError("no docker-registry found: apt-get install docker-registry")
        self.root.mkdir()
        self._config.write_text(_CONFIG.format(root=self.root, address=REGISTRY))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(self._config)], stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
            )  # fmt: skip
        host, _, port = REGISTRY.partition(":")
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise TimeoutError(f"no registry: {self._log.read_text()[-500:]}") from None
                time.sleep(0.01)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
