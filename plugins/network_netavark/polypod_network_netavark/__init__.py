"""polypod's network driver ``netavark``."""

from __future__ import annotations

from .driver import NetavarkConfig
from .driver import NetavarkNetwork as Netavark

__all__ = ["Netavark", "NetavarkConfig"]
