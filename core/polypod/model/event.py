"""Engine events, as ``podman events`` shows them."""

from __future__ import annotations

from .struct import Struct


class Event(Struct):
    """Something happened to a container, image, volume, network or the engine."""

    time: float  # Unix seconds
    time_ns: int = 0  # the same in nanoseconds, exactly
    type: str  # container, image, volume, network, artifact, pod, system
    status: str  # create, init, start, attach, died, remove, ...
    id: str = ""
    name: str = ""
    image: str = ""
    network: str = ""
    attributes: dict[str, str] = {}  # a container's labels, and what else there is to say
    exit_code: int | None = None  # of what has died
    oom_killed: bool | None = None  # likewise
    error: str = ""  # of an event that tells of a failure
    inspect: str = ""  # JSON of ``container inspect``, see events_container_create_inspect_data
