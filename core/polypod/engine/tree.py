"""Delete a directory tree in which others may still make files."""

from __future__ import annotations

import errno

from ..kit import atomic

# Whoever waits for a lock in the tree may make its file again while we delete: that is no error.
_ATTEMPTS = 10


def remove_tree(path: str) -> None:
    """Delete a directory with all that is in it; absent is fine. Follows no link, crosses no mount."""
    for attempt in range(_ATTEMPTS):
        try:
            atomic.remove_tree(path)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or attempt == _ATTEMPTS - 1:
                raise
