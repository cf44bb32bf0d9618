"""Small JSON files with what took long to find out, such as a runtime's features.

They only save time: what cannot be kept is found out again, and what somebody else
could have written is not believed.
"""

from __future__ import annotations

import os

from . import fastjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Group or others may write.
_FOREIGN_WRITE = 0o022


def read(path: str) -> dict[str, Any]:
    """The document; empty when the file is absent, damaged, or could be another user's work."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return {}
    try:
        info = os.fstat(fd)
        if info.st_uid != os.geteuid() or info.st_mode & _FOREIGN_WRITE:
            return {}
        data = os.read(fd, info.st_size + 1)
    finally:
        os.close(fd)
    try:
        known = fastjson.loads(data)
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def write(path: str, document: dict[str, Any]) -> None:
    """Keep a document with mode 0600, and make its directory; where that fails nothing is kept."""
    draft = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, fastjson.dumps(document).encode())
        finally:
            os.close(fd)
        os.replace(draft, path)
    except OSError:
        return
