"""The C module of SQLite, for half the price.

``sqlite3`` adds adapters for dates and imports what they need. Its C module
``_sqlite3`` imports ``functools``, 2 ms of a start that takes 13, for ``lru_cache``
alone, which is C itself. So where nobody has imported ``functools`` yet, a stand-in
with that one name is shown to it, and taken away again.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from types import ModuleType


def _load() -> ModuleType:
    if sys.implementation.name != "cpython":
        return __import__("sqlite3")
    if "functools" in sys.modules:
        return __import__("_sqlite3")
    try:
        from _functools import _lru_cache_wrapper
    except ImportError:
        return __import__("_sqlite3")
    stand_in = type(sys)("functools")
    stand_in.lru_cache = lambda size: (  # type: ignore[attr-defined]
        lambda call: _lru_cache_wrapper(call, size, False, tuple)
    )
    sys.modules["functools"] = stand_in
    try:
        return __import__("_sqlite3")
    finally:
        if sys.modules.get("functools") is stand_in:
            del sys.modules["functools"]


if TYPE_CHECKING:
    sql = sqlite3
else:
    sql = _load()
