"""A file-system mount, in the words of mount(2)."""

from __future__ import annotations

from .struct import Struct


class MountSpec(Struct):
    """One mount that gives a layer's view: type, source, and options.

    ``cwd`` is the directory that relative paths in ``data`` start from; ``program``
    names a FUSE helper that is run as ``program -o DATA,OPTIONS TARGET`` in place of mount(2).
    """

    type: str  # overlay, bind
    source: str
    options: tuple[str, ...] = ()  # mount(8) words: flags, and what the file system takes
    data: str = ""  # file-system specific option string
    cwd: str = ""
    program: str = ""
