"""Images to pull, push, load and list: made once a run, the same bytes each time.

Run as a program, ``material_images.py FOLDER MEGABYTES IMAGES FILES PART...``: the memory that
it takes must not be the bench's, since a child's peak counts from its parent's size.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
import sys
import tarfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IMAGE = "localhost/bench-image:latest"
SHARES = (0.3, 0.25, 0.2, 0.15, 0.07, 0.03)  # of the size, by layer
TYPES = {
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_WHEN = "2024-01-01T00:00:00Z"


class Content:
    """Bytes that gzip about as the files of a distribution do, 2.5 to 1.

    Words of a skewed vocabulary, cut at chance from a pool so large that no window of a
    compressor sees a piece twice.
    """

    def __init__(self, megabytes: int) -> None:
        dice = random.Random(0)
        letters = bytes(range(97, 123)) * 3 + b"_-./:= \n\t0123456789" + bytes(range(64))
        words = [bytes(dice.choices(letters, k=dice.randint(3, 14))) for _ in range(5000)]
        weights = [1 / (i + 3) for i in range(len(words))]
        self._pool = b"".join(dice.choices(words, weights, k=megabytes * 1_000_000 // 8))

    def take(self, dice: random.Random, size: int) -> bytes:
        """``size`` bytes."""
        pieces, left = [], size
        while left > 0:
            start = dice.randrange(len(self._pool) - 1)
            piece = self._pool[start : start + min(left, 1 << 20)]
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)


@dataclass(frozen=True)
class Layer:
    """A plain tar on disk, its SHA-256 and the bytes of it."""

    path: Path
    digest: str
    size: int


class Tar:
    """Writes a layer; a header is made by hand, ``tarfile`` takes ten times as long."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self._folders: set[str] = set()

    def add(self, name: str, data: bytes) -> None:
        """One regular file; the folders above it come before it."""
        folder = name.rpartition("/")[0]
        if folder and folder not in self._folders:
            self._folders.add(folder)
            self._write(_header(folder + "/", 0, b"5", 0o755))
        self._write(_header(name, len(data), b"0", 0o644))
        self._write(data)
        self._write(bytes(-len(data) % 512))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)

    def close(self) -> Layer:
        """End the archive."""
        self._write(bytes(1024))
        self._file.close()
        return Layer(self._path, self._hash.hexdigest(), self._path.stat().st_size)


def _header(name: str, size: int, kind: bytes, mode: int) -> bytes:
    block = bytearray(
        name.encode().ljust(100, b"\0")
        + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, 0, 0, size, 1_600_000_000)
        + b" " * 8
        + kind
        + bytes(100)
        + b"ustar\x0000"
        + bytes(247)
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def files_layer(path: Path, content: Content, size: int, seed: int) -> Layer:
    """About ``size`` bytes in files as a distribution's: most small, some large."""
    dice = random.Random(seed)
    tar, written, number = Tar(path), 0, 0
    while written < size:
        length = min(int(dice.paretovariate(0.7) * 1000), 8_000_000, size - written)
        name = f"usr/share/layer{seed}/{number // 100}/file{number}"
        tar.add(name, content.take(dice, length))
        written += length + 512
        number += 1
    return tar.close()


def crowd_layer(path: Path, content: Content, count: int) -> Layer:
    """One directory with ``count`` small files."""
    dice = random.Random(count)
    tar = Tar(path)
    for number in range(count):
        tar.add(f"var/lib/crowd/entry{number:06}", content.take(dice, dice.randrange(1000)))
    return tar.close()


def config_of(layers: list[Layer], label: str = "") -> bytes:
    """An image config."""
    return json.dumps({
        "architecture": "amd64", "os": "linux", "created": _WHEN,
        "config": {"Cmd": ["sh"], "Labels": {"bench": label}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{one.digest}" for one in layers]},
        "history": [
            {"created": _WHEN, "created_by": f"COPY {one.digest[:12]} /"} for one in layers
        ],
    }).encode()  # fmt: skip


class DockerArchive:
    """``docker save``'s format, of any number of images; a layer is in it once."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w")
        self._items: list[dict[str, Any]] = []
        self._done: set[str] = set()

    def add(self, config: bytes, layers: list[Layer], name: str) -> None:
        """One image."""
        for layer in layers:
            if layer.digest not in self._done:
                self._done.add(layer.digest)
                self._tar.add(layer.path, f"{layer.digest}.tar")
        document = hashlib.sha256(config).hexdigest() + ".json"
        self._put(document, config)
        self._items.append({
            "Config": document, "RepoTags": [name],
            "Layers": [f"{layer.digest}.tar" for layer in layers],
        })  # fmt: skip

    def _put(self, name: str, data: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        self._tar.addfile(member, io.BytesIO(data))

    def close(self) -> None:
        """End the archive."""
        self._put("manifest.json", json.dumps(self._items).encode())
        self._tar.close()


class Layout:
    """An OCI layout of images whose layers are compressed."""

    def __init__(self, path: Path) -> None:
        self._blobs = path / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self._index = path / "index.json"
        self._manifests: list[dict[str, Any]] = []

    def add(self, layers: list[Layer], compression: str, tag: str) -> None:
        """One image under a tag. Two layers are compressed at a time; zlib lets go of the GIL."""
        with ThreadPoolExecutor(2) as pool:
            blobs = list(pool.map(lambda layer: self._pack(layer, compression), layers))
        config = self._blob(config_of(layers, tag), _CONFIG)
        manifest = {
            "schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": blobs,
        }  # fmt: skip
        entry = self._blob(json.dumps(manifest).encode(), _MANIFEST)
        entry["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self._manifests.append(entry)
        self._index.write_text(json.dumps({"schemaVersion": 2, "manifests": self._manifests}))

    def _blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        (self._blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def _pack(self, layer: Layer, compression: str) -> dict[str, Any]:
        digest, size = hashlib.sha256(), 0
        temporary = self._blobs / f"{layer.digest}.{compression}"
        with layer.path.open("rb") as source, temporary.open("wb") as target:
            for piece in _packed(source, compression):
                digest.update(piece)
                size += target.write(piece)
        temporary.rename(self._blobs / digest.hexdigest())
        return {
            "mediaType": TYPES[compression], "digest": f"sha256:{digest.hexdigest()}", "size": size,
        }  # fmt: skip


def _packed(source: io.BufferedReader, compression: str) -> Iterator[bytes]:
    if compression == "zstd":
        from backports import zstd

        packer: Any = zstd.ZstdCompressor(3)
    else:
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    while piece := source.read(1 << 20):
        yield packer.compress(piece)
    yield packer.flush()


class Material:
    """What is made, part by part; see :data:`PARTS`."""

    def __init__(self, folder: Path, megabytes: int, images: int, files: int) -> None:
        self.folder = folder
        self.megabytes = megabytes
        self.images = images
        self.files = files
        self.content = Content(max(megabytes // 8, 4))
        self._big: list[Layer] = []
        self._layout: Layout | None = None

    def _layers(self) -> list[Layer]:
        if not self._big:
            self._big = [
                files_layer(self.folder / f"big{i}.tar", self.content, int(self.megabytes * 1e6 * share), i)
                for i, share in enumerate(SHARES)
            ]
        return self._big

    def _oci(self) -> Layout:
        if self._layout is None:
            self._layout = Layout(self.folder / "oci")
        return self._layout

    def archive(self) -> None:
        """``image.tar``: the big image as a docker-archive, uncompressed."""
        archive = DockerArchive(self.folder / "image.tar")
        archive.add(config_of(self._layers()), self._layers(), IMAGE)
        archive.close()

    def gzip(self) -> None:
        """The big image in ``oci``."""
        self._oci().add(self._layers(), "gzip", "gzip")

    def zstd(self) -> None:
        """The same with zstd."""
        self._oci().add(self._layers(), "zstd", "zstd")

    def small(self) -> None:
        """40 layers of half a megabyte."""
        size = self.megabytes * 1000
        paths = [self.folder / f"small{i}.tar" for i in range(40)]
        layers = [files_layer(path, self.content, size, 100 + i) for i, path in enumerate(paths)]
        self._oci().add(layers, "gzip", "small")
        for path in paths:
            path.unlink()

    def crowd(self) -> None:
        """A layer with a directory of very many small files."""
        layer = crowd_layer(self.folder / "crowd.tar", self.content, self.files)
        self._oci().add([layer], "gzip", "crowd")
        layer.path.unlink()

    def thousand(self) -> None:
        """``thousand.tar``: very many images."""
        self._many("thousand", self.images)

    def hundred(self) -> None:
        """``hundred.tar``: a tenth of them."""
        self._many("hundred", self.images // 10)

    def _many(self, name: str, count: int) -> None:
        """Images on a common base, ten each on a common second layer, with a layer of their own."""
        folder = self.folder / name
        folder.mkdir()
        archive = DockerArchive(self.folder / f"{name}.tar")
        base = files_layer(folder / "base.tar", self.content, 500_000, 1000)
        for number in range(count):
            if number % 10 == 0:
                path = folder / f"second{number}.tar"
                second = files_layer(path, self.content, 50_000, 2000 + number)
            own = files_layer(folder / f"own{number}.tar", self.content, 20_000, 10_000 + number)
            layers = [base, second, own]
            archive.add(config_of(layers, str(number)), layers, f"localhost/{name}/i{number}:latest")
        archive.close()
        shutil.rmtree(folder)

    def change(self) -> None:
        """``change``: a tree of two fifths of the size, to be committed."""
        path = self.folder / "change.tar"
        files_layer(path, self.content, int(self.megabytes * 4e5), 500)
        with tarfile.open(path) as tar:
            tar.extractall(self.folder / "change", filter="fully_trusted")
        path.unlink()


PARTS = ("archive", "gzip", "zstd", "small", "crowd", "thousand", "hundred", "change")


def main(folder: str, megabytes: str, images: str, files: str, *parts: str) -> None:
    """Make the parts in a folder that is there."""
    material = Material(Path(folder), int(megabytes), int(images), int(files))
    for part in parts:
        getattr(material, part)()


if __name__ == "__main__":
    main(*sys.argv[1:])
