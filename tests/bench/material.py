"""What the measured commands work on: a root file system, a bundle for crun, a big archive."""

from __future__ import annotations

import hashlib
import io
import json
import random
import subprocess
import tarfile
from pathlib import Path

from cases import BIG_IMAGE
from polypod.testing.busybox import write_rootfs


def rootfs_tar(folder: Path) -> Path:
    """A tar of the busybox root file system."""
    path = folder / "busybox.tar"
    with path.open("wb") as file:
        write_rootfs(file)
    return path


def crun_bundle(folder: Path, rootfs: Path) -> Path:
    """A bundle that runs ``true``, as ``crun spec`` proposes it, without a terminal."""
    bundle = folder / "bundle"
    (bundle / "rootfs").mkdir(parents=True)
    with tarfile.open(rootfs) as tar:
        tar.extractall(bundle / "rootfs", filter="fully_trusted")
    subprocess.run(["crun", "spec"], cwd=bundle, check=True)
    spec = json.loads((bundle / "config.json").read_text())
    spec["process"] |= {"terminal": False, "args": ["true"]}
    (bundle / "config.json").write_text(json.dumps(spec))
    return bundle


def big_archive(folder: Path, megabytes: int) -> Path:
    """A docker-archive, uncompressed as ``podman save`` writes it, of two layers.

    Its files are like those of a distribution: many small ones, some large, half of each
    compressible. The same bytes at each call.
    """
    layers = [_layer(folder / f"layer{i}.tar", megabytes * 500_000, i) for i in (0, 1)]
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
        "config": {"Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in layers]},
        "history": [{"created": "2024-01-01T00:00:00Z"} for _ in layers],
    }).encode()  # fmt: skip
    name = hashlib.sha256(config).hexdigest() + ".json"
    manifest = [{
        "Config": name, "RepoTags": [f"{BIG_IMAGE}:latest"],
        "Layers": [f"{digest}.tar" for digest in layers],
    }]  # fmt: skip
    path = folder / "big.tar"
    with tarfile.open(path, "w") as tar:
        for i, digest in enumerate(layers):
            tar.add(folder / f"layer{i}.tar", f"{digest}.tar")
            (folder / f"layer{i}.tar").unlink()
        for member, data in ((name, config), ("manifest.json", json.dumps(manifest).encode())):
            _add(tar, member, data)
    return path


def _layer(path: Path, size: int, seed: int) -> str:
    """Write a layer of about ``size`` bytes; return the SHA-256 of the tar."""
    dice = random.Random(seed)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        written = number = 0
        while written < size:
            length = min(int(dice.paretovariate(0.7) * 1000), 8_000_000)
            noise = dice.randbytes(length // 2 + 1)
            data = (noise + b"polypod and podman " * (length // 38 + 1))[:length]
            _add(tar, f"usr/share/layer{seed}/{number // 100}/file{number}", data)
            written += length
            number += 1
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime = len(data), 1_600_000_000
    tar.addfile(member, io.BytesIO(data))
