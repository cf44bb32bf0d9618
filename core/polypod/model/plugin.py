"""What polypod knows about an installed plugin."""

from __future__ import annotations

from .struct import Struct


class PluginInfo(Struct):
    """One row of ``polypod plugin ls``."""

    group: str  # state, runtime, network, storage, monitor, observer, command
    name: str
    distribution: str = ""
    version: str = ""
    status: str = "available"  # active, available, unavailable, broken
    reason: str = ""  # why unavailable, or the error of a broken one
    chosen_by: str = ""  # the file or flag that chose it, "" when not chosen
    target: str = ""  # module:attribute
    contract: str = "v1"
