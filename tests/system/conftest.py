"""What tests of the command line share: a folder with file systems of all kinds, an engine in it, a registry."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from polypod.testing.imagestores import Disks
from polypod.testing.program import Program
from polypod.testing.registry import Registry


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


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """Debian's docker-registry, one for the tests of a file."""
    with Registry() as running:
        yield running
