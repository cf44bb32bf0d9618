"""Engine events, as ``podman events`` shows them."""

from __future__ import annotations

from .struct import Struct


class Event(Struct):
    """Something happened to a container, image, volume, network or the engine."""

    time: float
    type: str  # container, image, volume, network, pod, system
    status: str  # create, init, start, attach, died, remove, ...
    id: str = ""
    name: str = ""
    image: str = ""
    attributes: dict[str, str] = {}
