"""Names, IDs, prefixes and references, once, above any state driver."""

from __future__ import annotations

from .records import Records

__all__ = ["Records"]
