"""polypod's network driver ``netavark``."""

from __future__ import annotations

from .driver import Config, NetavarkNetwork

__all__ = ["Config", "Netavark"]

Netavark = NetavarkNetwork
