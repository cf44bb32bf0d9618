"""Storage driver ``overlay``: one directory a layer, joined by the kernel's overlay file system.

The layout is that of containers/storage's driver of the same name, so that podman,
buildah and skopeo use the same layers::

    <home>/<layer ID>/diff     the layer's own files
                     /link     26 characters: the layer's short name
                     /lower    "l/SHORT:l/SHORT...", the layers below, nearest first
                     /work     overlay's work directory
                     /merged   where a container's view is mounted
                     /empty    only in a layer without a parent
    <home>/l/SHORT             -> ../<layer ID>/diff
"""

from __future__ import annotations

from .driver import Overlay
from .options import OverlayConfig

__all__ = ["Overlay", "OverlayConfig"]
