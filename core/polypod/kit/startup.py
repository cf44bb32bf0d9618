"""Making up for a start without ``site`` (``python -I -S``), which the launcher uses."""

from __future__ import annotations

import sys

_done = False


def site_was_started() -> None:
    """The launcher started ``site`` itself, to find polypod."""
    global _done
    _done = True


def start_site() -> None:
    """Do what Python's start does without ``-I -S``: .pth files, PYTHONPATH, the user's packages.

    Does nothing when site was started, by Python or by an earlier call.
    """
    global _done
    if _done or not sys.flags.no_site:
        return
    _done = True
    import os
    import site

    known = os.environ.get("PYTHONPATH", "").split(":")
    sys.path[:0] = [path for path in known if path and path not in sys.path]
    site.main()
    if sys.prefix == sys.base_prefix:
        site.addsitedir(site.getusersitepackages())
