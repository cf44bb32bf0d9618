"""What the tests of image stores share: a folder with file systems of all kinds, and an engine in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from polypod.testing.imagestores import Disks
from polypod.testing.program import Program


@pytest.fixture
def disks() -> Iterator[Disks]:
    """File systems that are gone after the test."""
    made = Disks(tempfile.mkdtemp(prefix="pp"))
    yield made
    made.close()


@pytest.fixture
def folder(disks: Disks) -> str:
    """Where they are mounted; it is deleted with all that is in it."""
    return disks.folder


@pytest.fixture
def cli(disks: Disks) -> Iterator[Program]:
    """An engine in the folder, whose containers are gone after the test."""
    made = Program(disks.folder)
    yield made
    disks.resume_all()
    made.run("rm", "-fa", "-t", "0")
