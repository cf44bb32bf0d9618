"""The state contract for backend json, and what is special about it."""

from __future__ import annotations

import json
from pathlib import Path

from polypod.testing.state import StateSuite
from polypod_state_json import JSONState


class TestJSONState(StateSuite):
    """The conformance suite."""

    driver = JSONState

    def journal(self, root: Path) -> Path:
        return root / "state.json.d" / "journal.jsonl"

    def test_every_line_is_json(self, state: JSONState, root: Path) -> None:
        for number in range(300):
            state.state_apply(
                [("put", "b", f'k"{number}\\', b'{"n":%d,"f":"%s"}' % (number, b"x" * 900))], False
            )
        state.state_apply([("put", "b", "bytes", bytes(range(256))), ("delete", "b", "none")], True)
        files = sorted((root / "state.json.d").glob("*.jsonl"))
        assert [file.name for file in files] == ["bucket-b.jsonl", "journal.jsonl"]
        lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        records = {line["record"]: line for line in lines if "record" in line}
        assert records['b/k"7\\']["value"]["n"] == 7

    def test_a_torn_batch_is_cut_off(self, state: JSONState, root: Path) -> None:
        state.state_apply([("put", "b", "k", b"1")], False)
        whole = self.journal(root).read_bytes()
        state.state_apply([("put", "b", "k", b"2"), ("put", "b", "l", b"2")], False)
        torn = self.journal(root).read_bytes()
        for length in range(len(whole), len(torn)):
            self.journal(root).write_bytes(torn[:length])
            fresh = self.make(root)
            assert [row[:2] for row in fresh.state_list("b", "")] == [("k", b"1")]
            assert fresh.state_check(False) == []
            fresh.state_apply([("put", "b", "m", b"3")], False)
            assert [row[0] for row in fresh.state_list("b", "")] == ["k", "m"]
            fresh.state_close()

    def test_damage_anywhere_in_the_journal_is_named_and_mended(self, root: Path) -> None:
        state = self.make(root)
        for number in range(12):
            state.state_apply([("put", "b", f"{number:02}", b'{"n":%d}' % number)], False)
        state.state_close()
        whole = self.journal(root).read_bytes()
        for at in range(len(whole) - 150):  # the last batch may go: it might be a torn one
            self.journal(root).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            fresh = self.make(root)
            # A damaged name may be another record's, whose last value is then in doubt too.
            assert len(fresh.state_list("b", "")) >= 10, at
            assert fresh.state_check(False), at
            fresh.state_check(True)
            assert fresh.state_check(False) == [], at
            assert fresh.state_apply([("put", "b", "new", b"1")], False) > 12
            fresh.state_close()
            for left in (root / "state.json.d").glob("*.jsonl"):
                left.unlink()

    def test_a_lost_journal_takes_no_record_and_no_revision_with_it(self, root: Path) -> None:
        state = self.make(root)
        for number in range(400):
            state.state_apply([("put", "b", f"{number}", b"[%s]" % (b"1," * 700 + b"1"))], False)
        state.state_close()
        self.journal(root).unlink()
        rows = state.state_list("b", "")
        assert 100 < len(rows) < 400
        assert state.state_apply([("put", "b", "new", b"1")], False) > 400
        assert len(state.state_list("b", "")) == len(rows) + 1
        state.state_close()
