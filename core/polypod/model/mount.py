"""A file-system mount, in the words of mount(2)."""

from __future__ import annotations

from .struct import Struct


class MountSpec(Struct):
    """One mount that gives a layer's view: type, source, and options."""

    type: str  # overlay, bind
    source: str
    options: tuple[str, ...] = ()
    data: str = ""  # file-system specific option string
