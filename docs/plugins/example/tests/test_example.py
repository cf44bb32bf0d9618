"""The example passes polypod's published suite, and the observer does what it says."""

from __future__ import annotations

import json
from pathlib import Path

from polypod.model.container import Container
from polypod.model.event import Event
from polypod.testing.state import StateSuite
from polypod_example.audit import ANNOTATION, Audit, AuditConfig
from polypod_example.lines import LinesState


class TestLines(StateSuite):
    driver = LinesState


def test_audit_appends_events(tmp_path: Path) -> None:
    audit = Audit(config=AuditConfig(path=str(tmp_path / "audit")))
    for status in ("create", "start"):
        audit.observe_event(Event(time=1.5, type="container", status=status, name="web"))
    lines = (tmp_path / "audit").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == ["create", "start"]


def test_audit_marks_containers() -> None:
    spec = {"annotations": {"a": "b"}}
    Audit(config=AuditConfig()).amend_spec(Container(id="0" * 64, name="web", created=1.0), spec)
    assert spec == {"annotations": {"a": "b", ANNOTATION: "web"}}
