"""Send the tar of a directory to a file descriptor or a file: ``export`` and ``volume export``."""

from __future__ import annotations

import os

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def send_tree(root: str, fd: int) -> None:
    """Write everything below ``root`` as a tar to an open file descriptor."""
    from ..oci.tarstream_write import write_tree

    for piece in write_tree(root):
        view = memoryview(piece)
        while view:
            view = view[os.write(fd, view) :]


def to_file(path: str, send: Callable[[int], None]) -> None:
    """Call ``send`` with the descriptor of a new file, which is deleted again when something fails.

    ``path`` may be something else that can be written, such as a pipe; that stays.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise PolypodError(f"open {path}: {(error.strerror or '').lower()}") from None
    try:
        send(fd)
    except BaseException:
        if os.path.isfile(path):
            os.unlink(path)
        raise
    finally:
        os.close(fd)
