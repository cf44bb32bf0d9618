"""Fixtures of the registry room: a real registry for all of a module, and a hostile one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from polypod.registry.access import Access
from polypod.registry.conf import Registries
from polypod.testing.registry import HostileRegistry, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator


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
