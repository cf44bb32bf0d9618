"""The state contract for backend json, and what is special about it."""

from __future__ import annotations

from polypod.testing.state import StateSuite
from polypod_state_json import JSONState


class TestJSONState(StateSuite):
    """The conformance suite."""

    driver = JSONState
