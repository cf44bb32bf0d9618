"""Delete a directory tree without ``shutil`` (6 ms of imports)."""

from __future__ import annotations

import errno
import os

# Whoever waits for a lock in the tree may make its file again while we delete: that is no error.
_ATTEMPTS = 10


def remove_tree(path: str) -> None:
    """Delete a directory with all that is in it; absent is fine. Never follows symlinks."""
    for attempt in range(_ATTEMPTS):
        try:
            _remove(path)
            return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY or attempt == _ATTEMPTS - 1:
                raise


def _remove(path: str) -> None:
    try:
        with os.scandir(path) as entries:
            found = list(entries)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        os.unlink(path)
        return
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            _remove(entry.path)
        else:
            try:
                os.unlink(entry.path)
            except FileNotFoundError:
                pass
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
