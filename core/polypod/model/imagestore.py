"""An image store beside the writable one, as the engine remembers it."""

from __future__ import annotations

from .struct import Struct

#: The file in a store's root that says which store it is: ``{"id": "..."}``.
IDENTITY = "polypod-store.json"

#: How a store is used; see docs/explanation/decisions/0015-image-stores.md.
WAYS = ("direct", "erofs", "fuse", "copy")

#: A directory, or a file that has to be mounted.
KINDS = ("dir", "erofs", "squashfs")


class ImageStore(Struct):
    """One named store. ``path`` is where it was seen last, and nothing but this record has it."""

    name: str
    id: str  # of the file IDENTITY; a fingerprint of the content when ``foreign``
    path: str  # absolute, without symbolic links: the root of a directory, or the file
    inside: str = ""  # the path from its mount point, with a slash before it; "" on the root file system
    kind: str = "dir"
    way: str = "direct"
    why: str = ""  # the reason for a way other than direct
    driver: str = "overlay"
    read_only: bool = False  # polypod never writes to it, not even to repair or to move
    required: bool = False  # its absence is an error
    share_layers: bool = False  # images of the writable store may stand on its layers
    foreign: bool = False  # it has no identity file
    attached: bool = True
    moving_to: str = ""  # a move that is under way, or was killed
    obsolete: str = ""  # what a move has left behind and must be removed
    origin: str = ""  # FILE:LINE for a store that a configuration file names, else ""
