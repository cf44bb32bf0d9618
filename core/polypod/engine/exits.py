"""Exit codes of containers that are gone, for those who still wait for them.

One small file each in the volatile directory; those older than five minutes go when
there are many, so that nothing grows with the number of containers that ever ran.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import Runtime

KEPT_SECONDS = 300.0
MANY = 256


def _folder(rt: Runtime) -> str:
    return os.path.join(rt.tmp_dir, "removed")


def note(rt: Runtime, container_id: str, code: int) -> None:
    """Keep the exit code of a container that is being removed."""
    folder = _folder(rt)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        fd = os.open(f"{folder}/{container_id}", flags, 0o600)
    except FileNotFoundError:
        os.makedirs(folder, 0o700, exist_ok=True)
        fd = os.open(f"{folder}/{container_id}", flags, 0o600)
    try:
        os.write(fd, str(code).encode())
    finally:
        os.close(fd)
    # One removal in sixteen looks: a listing each time would cost more than it finds.
    if container_id[0] == "0":
        _prune(folder)


def _prune(folder: str) -> None:
    names = os.listdir(folder)
    if len(names) < MANY:
        return
    limit = time.time() - KEPT_SECONDS
    for name in names:
        path = f"{folder}/{name}"
        try:
            if os.stat(path).st_mtime < limit:
                os.unlink(path)
        except FileNotFoundError:
            continue  # somebody else prunes as well


def noted(rt: Runtime, container_id: str) -> int | None:
    """The exit code of a removed container, None when it is not known (any more)."""
    try:
        with open(f"{_folder(rt)}/{container_id}", encoding="utf-8") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return None
