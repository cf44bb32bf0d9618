"""Images, layers and containers on disk, in the containers/storage format, above any storage driver."""

from __future__ import annotations

from .store import Store

__all__ = ["Store"]
