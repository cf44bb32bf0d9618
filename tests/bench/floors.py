"""What no engine can beat: each stage of a pull alone, in one thread, on the same bytes.

Run as a program: ``floors.py STAGE FOLDER``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import sys
from pathlib import Path
from typing import Any

from cases_images import REGISTRY

_PIECE = 1 << 20


def blobs(folder: Path, tag: str) -> list[dict[str, Any]]:
    """The layers' descriptors of one of the images in the layout."""
    layout = folder / "oci"
    for entry in json.loads((layout / "index.json").read_text())["manifests"]:
        if entry["annotations"]["org.opencontainers.image.ref.name"] == tag:
            found: list[dict[str, Any]] = json.loads(_path(folder, entry["digest"]).read_text())["layers"]
            return found
    raise KeyError(tag)


def _path(folder: Path, digest: str) -> Path:
    return folder / "oci" / "blobs" / "sha256" / digest.partition(":")[2]


def network(folder: Path, tag: str) -> None:
    """Every blob from the registry, thrown away."""
    connection = http.client.HTTPConnection(REGISTRY)
    buffer = bytearray(_PIECE)
    for blob in blobs(folder, tag):
        connection.request("GET", f"/v2/bench/{tag}/blobs/{blob['digest']}")
        answer = connection.getresponse()
        while answer.readinto(buffer):
            pass


def hash_all(folder: Path, tag: str) -> None:
    """SHA-256 of the blobs as given and of the plain archives."""
    paths = [_path(folder, blob["digest"]) for blob in blobs(folder, tag)]
    for path in [*paths, *sorted(folder.glob("big?.tar"))]:
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                digest.update(piece)


def inflate(folder: Path, tag: str, *, hashed: bool = False) -> None:
    """Every blob uncompressed; ``hashed``: and hashed before and after."""
    given, plain = hashlib.sha256(), hashlib.sha256()
    for blob in blobs(folder, tag):
        unpacker = _unpacker(tag)
        with _path(folder, blob["digest"]).open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                data = unpacker.decompress(piece)
                if hashed:
                    given.update(piece)
                    plain.update(data)


def _unpacker(tag: str) -> Any:
    if tag == "zstd":
        from backports import zstd

        return zstd.ZstdDecompressor()
    from isal import isal_zlib

    return isal_zlib.decompressobj(31)


def main(stage: str, folder: str) -> None:
    """Run one stage."""
    place = Path(folder)
    name, _, tag = stage.partition(":")
    if name == "network":
        network(place, tag)
    elif name == "hash":
        hash_all(place, tag)
    else:
        inflate(place, tag, hashed=name == "limit")


if __name__ == "__main__":
    main(*sys.argv[1:])
