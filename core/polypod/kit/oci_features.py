"""Ask an OCI runtime what it can do, once for each build of its binary.

The answer is kept in the runtime directory under the binary's path, mtime and size:
two process starts (20 ms with runc) are too much for every ``pause``.
"""

from __future__ import annotations

import os

from ..model.runtime import RuntimeFeatures
from . import fastjson, kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .oci_cli import OCIRuntimeCLI


def features(runtime: OCIRuntimeCLI) -> RuntimeFeatures:
    """The runtime's features, from the cache or from the runtime itself."""
    from .oci_cli import OPTIONAL

    found = os.stat(runtime.path)
    key = f"{runtime.path}:{found.st_mtime_ns}:{found.st_size}"
    cache = _cache_path(runtime.path)
    known = kept.read(cache)
    if known.get("key") != key:
        known = {"key": key, **_ask(runtime, OPTIONAL)}
        kept.write(cache, known)
    raw = known["raw"]
    return RuntimeFeatures(
        name=runtime.label(),
        path=runtime.path,
        version=known["version"],
        commands=tuple(known["commands"]),
        annotations=dict(raw.get("annotations") or {}),
        raw=raw,
    )


def _ask(runtime: OCIRuntimeCLI, wanted: tuple[str, ...]) -> dict[str, Any]:
    version = runtime.call("--version").stdout.decode(errors="replace").strip()
    answer = runtime.call("features")
    raw: dict[str, Any] = {}
    if answer.code == 0:
        try:
            raw = fastjson.loads(answer.stdout)
        except ValueError:
            raw = {}
    shown = runtime.call("--help")
    text = (shown.stdout + shown.stderr).decode(errors="replace")
    commands = [command for command in wanted if _lists(text, command)]
    return {"version": version, "raw": raw, "commands": commands}


def _lists(help_text: str, command: str) -> bool:
    """Whether a line of the help begins with the command's name."""
    for line in help_text.splitlines():
        words = line.replace(",", " ").split()
        if words and words[0] == command:
            return True
    return False


def _cache_path(path: str) -> str:
    base = os.environ.get("XDG_RUNTIME_DIR", "") if os.geteuid() else "/run"
    if not base:
        base = f"/tmp/polypod-run-{os.geteuid()}"
    return f"{base}/polypod/features/{path.strip('/').replace('/', '_')}.json"
