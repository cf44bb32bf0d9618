"""A runtime with roots of its own, short enough for podman to share them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest
from polypod.assembly import open_runtime
from polypod.engine.runtime import Runtime
from polypod.testing.peers import Podman, unmount_below


@pytest.fixture
def rt() -> Iterator[Runtime]:
    # Podman refuses a runroot of more than 50 characters, so tmp_path will not do.
    folder = tempfile.mkdtemp(prefix="pp")
    runtime = open_runtime(
        {"root": f"{folder}/root", "runroot": f"{folder}/run", "storage-driver": "overlay"}
    )
    try:
        yield runtime
    finally:
        runtime.close()
        unmount_below(folder)
        shutil.rmtree(folder)


@pytest.fixture
def podman() -> Iterator[Podman]:
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Podman(f"{folder}/root", f"{folder}/run")
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)
