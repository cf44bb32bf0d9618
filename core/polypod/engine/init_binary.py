"""Find the init binary (catatonit) that ``--init`` puts in as the container's PID 1."""

from __future__ import annotations

import os

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..model.settings import Settings

_NAME = "catatonit"
_FOLDERS = ("/usr/libexec/podman", "/usr/lib/podman", "/usr/bin", "/usr/local/bin")


def init_binary(container: Container, settings: Settings) -> str:
    """Return its path on the host, "" when the container wants none; ``UsageError`` if missing."""
    if not container.process.init:
        return ""
    path = container.process.init_path
    if path:
        if not os.path.exists(path):
            raise UsageError(
                f"container-init binary not found on the host: stat {path}: "
                "no such file or directory"
            )
        return path
    for folder in (*settings.engine.helper_binaries_dir, *_FOLDERS):
        path = f"{folder}/{_NAME}"
        if os.access(path, os.X_OK):
            return path
    raise UsageError(f"lookup init binary: {_NAME} is not installed; install it or set init_path")
