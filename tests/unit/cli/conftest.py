"""A command line run in this process, with its output caught."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import pytest
from polypod.cli import main as cli_main
from polypod.kit import log


class Result:
    """What one command line did."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``podman ARGS`` through :func:`polypod.cli.main.run`."""
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    monkeypatch.delenv("CONTAINER_CONNECTION", raising=False)
    monkeypatch.setattr(log, "level", log.WARNING)

    def call(*args: str, prog: str = "podman") -> Result:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            saved = os.dup(1), os.dup(2)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            try:
                code = cli_main.run([prog, *args])
            finally:
                os.dup2(saved[0], 1)
                os.dup2(saved[1], 2)
                os.close(saved[0])
                os.close(saved[1])
            out.seek(0)
            err.seek(0)
            return Result(code, out.read().decode(), err.read().decode())

    return call
