"""The launcher starts without ``site``; this makes up for it when a module is missed."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class LateSite:
    """The last finder: at the first module that nobody found, start ``site`` and ask again.

    So a library or a plugin that comes by a ``.pth`` file, an editable install,
    PYTHONPATH or the user's own site-packages is found, and only who has such pays.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer as the import system asks; see ``importlib.abc.MetaPathFinder``."""
        if path is not None:
            return None  # a missing submodule of a package that was found
        sys.meta_path.remove(self)
        from ..kit.startup import start_site

        start_site()
        for finder in sys.meta_path:
            spec = finder.find_spec(name, None, target)
            if spec is not None:
                return spec
        return None
