"""Fixtures of the registry room: a real registry for all of a module, and a hostile one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from polypod.oci.reference import parse
from polypod.registry.access import Access
from polypod.registry.client import open_destination
from polypod.registry.conf import Registries
from polypod.testing.registry import HostileRegistry, Registry
from polypod.testing.signing import GnuPG, gnupg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polypod.registry.repository import Repository


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as running:
        yield running


@pytest.fixture
def hostile() -> Iterator[HostileRegistry]:
    with HostileRegistry() as running:
        yield running


@pytest.fixture
def access() -> Access:
    """Insecure, as for a registry without TLS, with short pauses and no foreign credentials."""
    return Access(tls_verify=False, retry=3, retry_delay=0.01, authfile="/nonexistent/auth.json")


@pytest.fixture
def registries() -> Registries:
    """No configuration at all."""
    return Registries()


@pytest.fixture
def repository(hostile: HostileRegistry, access: Access, registries: Registries) -> Repository:
    """The hostile registry's only repository, with one image."""
    hostile.add_image()
    return open_destination(parse(f"{hostile.host}/a/b:latest"), access, registries)


@pytest.fixture(scope="session")
def keys() -> Iterator[GnuPG]:
    """A GnuPG home with the keys of good@ and other@example.com, made once: that takes a while."""
    with gnupg() as ring:
        ring.make_key("good@example.com")
        ring.make_key("other@example.com")
        yield ring
