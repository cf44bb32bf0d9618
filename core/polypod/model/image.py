"""Images and layers, in the words of containers/storage."""

from __future__ import annotations

from .struct import Struct


class Layer(Struct):
    """A layer of the store: a read-only image layer or a container's writable one."""

    id: str
    parent: str = ""
    names: tuple[str, ...] = ()
    created: str = ""  # RFC 3339
    compressed_digest: str = ""
    compressed_size: int = 0
    diff_digest: str = ""  # the diffID
    diff_size: int = 0
    compression: int = 0
    mount_label: str = ""
    store: str = ""  # name of the image store it lies in, "" = the writable one


class Image(Struct):
    """An image of the store."""

    id: str  # hex digits of the config digest
    digest: str = ""  # manifest digest, sha256:...
    digests: tuple[str, ...] = ()  # of all its manifests, the digest above included
    names: tuple[str, ...] = ()
    names_history: tuple[str, ...] = ()
    top_layer: str = ""
    created: str = ""  # RFC 3339
    read_only: bool = False
    store: str = ""  # name of the image store it lies in, "" = the writable one
    detached: bool = False  # that store is not there now: known from its catalog only
    size: int = -1  # bytes; only of a detached image, whose layers cannot be asked


class ImageConfig(Struct):
    """The part of an OCI image config that a container takes over (image-spec config.md)."""

    user: str = ""
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    workdir: str = ""
    volumes: tuple[str, ...] = ()
    exposed_ports: tuple[str, ...] = ()
    stop_signal: str = ""
    labels: dict[str, str] = {}
    healthcheck: dict | None = None  # type: ignore[type-arg]
    shell: tuple[str, ...] = ()
    architecture: str = ""
    os: str = ""
