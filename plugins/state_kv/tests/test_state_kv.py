"""The state contract for backend kv, and what is special about it."""

from __future__ import annotations

from polypod.testing.state import StateSuite
from polypod_state_kv import KVState


class TestKVState(StateSuite):
    """The conformance suite."""

    driver = KVState
