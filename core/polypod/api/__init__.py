"""The Python face: an engine in the caller's process, without daemon or socket.

``polypod.Engine`` and ``polypod.AsyncEngine`` are its two doors::

    import polypod

    with polypod.Engine() as engine:
        result = engine.containers.run("busybox", ["echo", "hello"], remove=True)
        print(result.stdout.decode())
"""

from __future__ import annotations

from .aio import AsyncEngine
from .engine import Engine
from .results import ExecResult, RunResult

__all__ = ["AsyncEngine", "Engine", "ExecResult", "RunResult"]
