"""OCI image config documents (image-spec config.md): made for imports, read for everything else."""

from __future__ import annotations

import os
import time

from ..kit.fastjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "mips64": ("mips64", ""),
    "loongarch64": ("loong64", ""),
}


def host_platform() -> tuple[str, str, str]:
    """``(os, architecture, variant)`` of this host, in Go's words."""
    machine = os.uname().machine
    architecture, variant = _ARCHITECTURES.get(machine, (machine, ""))
    return "linux", architecture, variant


def timestamp_ns(nanoseconds: int) -> str:
    """A time (Unix nanoseconds) as RFC 3339 in UTC, as Go prints it."""
    whole, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
    digits = f"{fraction:09d}".rstrip("0")
    return f"{text}.{digits}Z" if digits else f"{text}Z"


def parse_time(text: str) -> float:
    """Unix seconds of an RFC 3339 time; 0.0 for none (and for Go's year 1)."""
    if not text or text.startswith("0001-01-01"):
        return 0.0
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def new_config(
    *,
    config: dict[str, Any],
    diff_id: str,
    created: str,
    comment: str,
    platform: tuple[str, str, str] = ("", "", ""),
) -> bytes:
    """A config document for an image of one layer, as ``import`` makes it."""
    host = host_platform()
    system, architecture, variant = platform
    entry = {
        "created": created,
        "created_by": f"/bin/sh -c #(nop) ADD file:{diff_id.partition(':')[2]} in /",
        "comment": comment,
    }
    document: dict[str, Any] = {"created": created, "architecture": architecture or host[1]}
    if variant or (not architecture and host[2]):
        document["variant"] = variant or host[2]
    document["os"] = system or host[0]
    document["config"] = {key: config[key] for key in _ORDER if key in config}
    document["rootfs"] = {"type": "layers", "diff_ids": [diff_id]}
    document["history"] = [entry]
    return dumps(document).encode()


# The order of image-spec's Go struct, which podman's documents have.
_ORDER = (
    "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels",
    "StopSignal", "OnBuild",
)  # fmt: skip


def parse_config(data: bytes) -> dict[str, Any]:
    """Decode a config document; raise ``ValueError`` for one without layers or of no sense."""
    document = loads(data)
    if not isinstance(document, dict):
        raise ValueError("image config is not a JSON object")
    rootfs = document.get("rootfs")
    if not isinstance(rootfs, dict) or not isinstance(rootfs.get("diff_ids") or [], list):
        raise ValueError("image config has no rootfs")
    return document


def diff_ids(document: dict[str, Any]) -> list[str]:
    """The digests of the uncompressed layers, lowest first."""
    return [str(diff_id) for diff_id in document["rootfs"].get("diff_ids") or []]


def layer_id(parent: str, diff_id: str) -> str:
    """The ID that a layer gets: its diffID's digits, or a hash over the parent's and them.

    Podman, buildah and skopeo compute the same, so that all of them share layers.
    """
    digits = diff_id.partition(":")[2]
    if not parent:
        return digits
    from hashlib import sha256

    return sha256(f"{parent}+{digits}".encode()).hexdigest()
