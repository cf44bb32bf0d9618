"""Debian's tools, each with storage of its own, and the images they make for the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any


def need(*tools: str) -> None:
    """Skip the test when one of the tools is not installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        import pytest

        pytest.skip(f"not installed: {', '.join(missing)}")


def run(*words: object, **options: Any) -> str:
    """Run a command and return its output; fail the test with its error output."""
    command = list(map(str, words))
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


class Podman:
    """Podman on given roots; the runroot's path may have 50 characters at most."""

    def __init__(self, root: str, runroot: str) -> None:
        need("podman")
        self.root, self.runroot = root, runroot

    def __call__(self, *words: object) -> str:
        return run(
            "podman", "--root", self.root, "--runroot", self.runroot, "--storage-driver",
            "overlay", "--tmpdir", f"{self.runroot}/podman-tmp", *words,
        )  # fmt: skip

    def inspect(self, name: str) -> dict[str, Any]:
        """``image inspect`` of one image."""
        found: list[dict[str, Any]] = json.loads(self("image", "inspect", name))
        return found[0]


def unmount_below(folder: str) -> None:
    """Unmount whatever is mounted below a folder: podman mounts its store's driver home."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        points = [line.split()[1] for line in mounts]
    for point in reversed(points):
        if point.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", point], check=True)


def layout(folder: Path, layers: int = 3) -> Path:
    """An OCI layout with one image, ``t``, of several gzipped layers, made by umoci."""
    need("umoci")
    target = folder / "layout"
    run("umoci", "init", "--layout", target)
    run("umoci", "new", "--image", f"{target}:t")
    for number in range(layers):
        tree = folder / f"tree{number}"
        (tree / "d").mkdir(parents=True)
        (tree / "d" / f"file{number}").write_text(f"layer {number}\n" * 1000)
        run("umoci", "insert", "--image", f"{target}:t", tree, f"/layer{number}")
    run(
        "umoci", "config", "--image", f"{target}:t", "--os", "linux", "--architecture", "amd64",
        "--config.cmd", "/bin/x", "--config.label", "made=umoci", "--author", "Someone",
        "--config.env", "A=b", "--config.workingdir", "/w", "--config.user", "1:2",
    )  # fmt: skip
    return target
