"""State suite: random histories against a dictionary (a Hypothesis state machine)."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from ..errors import Conflict
from .state_base import StateBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUCKETS = st.sampled_from(["a", "b"])
KEYS = st.sampled_from(["k", "k1", "k2", "l", 'q"\\'])
VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b'{"a":1}', b"[1,2]", b'{"b":"\\n"}', b"x" * 5000]),
)
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), BUCKETS, KEYS, VALUES),
        st.tuples(st.just("delete"), BUCKETS, KEYS),
        st.tuples(st.just("check"), BUCKETS, KEYS, st.sampled_from(["right", "right", "right", 0, -1, 7])),
    ),
    max_size=6,
)


class Machine(RuleBasedStateMachine):
    """Does the same to a driver and to a dictionary and compares."""

    suite: StateBase

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="polypod-state-"))
        self.drivers: list[Any] = [self._make(), self._make()]
        self.model: dict[tuple[str, str], tuple[bytes, int]] = {}
        self.revisions: dict[tuple[str, str], int] = {}

    def _make(self) -> Any:
        return self.suite.make(self.directory / "state")

    def teardown(self) -> None:
        for driver in self.drivers:
            driver.state_close()
        shutil.rmtree(self.directory)

    @rule(operations=OPERATIONS, durable=st.booleans(), which=st.integers(0, 1))
    def apply(self, operations: list[Any], durable: bool, which: int) -> None:
        batch = [self._fill_in(operation) for operation in operations]
        fails = any(o[0] == "check" and not self._holds(*o[1:]) for o in batch)
        try:
            revision = self.drivers[which].state_apply(batch, durable)
        except Conflict as conflict:
            assert fails
            failed = {(o[1], o[2]) for o in batch if o[0] == "check" and not self._holds(*o[1:])}
            assert (conflict.bucket, conflict.key) in failed
            return
        assert not fails
        for operation in batch:
            name = operation[1:3]
            if operation[0] == "put":
                self.model[name] = (operation[3], -1)
            elif operation[0] == "delete":
                self.model.pop(name, None)
        self._learn_revisions(revision)

    def _fill_in(self, operation: Any) -> Any:
        if operation[-1] == "right":
            return (*operation[:3], self.model.get(operation[1:3], (b"", 0))[1])
        return operation

    def _holds(self, bucket: str, key: str, expected: int) -> bool:
        found = self.model.get((bucket, key), (b"", 0))[1]
        return found == expected or (expected == -1 and found > 0)

    def _learn_revisions(self, returned: int) -> None:
        for name, (value, revision) in self.model.items():
            if revision == -1:
                stored = self.drivers[0].state_get(name[0], [name[1]])[name[1]]
                assert stored[0] == value
                assert self.revisions.get(name, 0) < stored[1] <= returned
                self.model[name] = stored
                self.revisions[name] = stored[1]

    @rule(bucket=BUCKETS, prefix=st.sampled_from(["", "k", "k1", "z"]), which=st.integers(0, 1))
    def list(self, bucket: str, prefix: str, which: int) -> None:
        expected = sorted(
            (name[1], *record)
            for name, record in self.model.items()
            if name[0] == bucket and name[1].startswith(prefix)
        )
        assert self.drivers[which].state_list(bucket, prefix) == expected

    @rule(bucket=BUCKETS, keys=st.lists(KEYS, max_size=4), which=st.integers(0, 1))
    def get(self, bucket: str, keys: Any, which: int) -> None:
        expected = {k: self.model[bucket, k] for k in keys if (bucket, k) in self.model}
        assert self.drivers[which].state_get(bucket, keys) == expected

    @rule(which=st.integers(0, 1), new=st.booleans())
    def reopen(self, which: int, new: bool) -> None:
        self.drivers[which].state_close()
        if new:
            self.drivers[which] = self._make()

    @precondition(lambda self: self.model)
    @rule(which=st.integers(0, 1), repair=st.booleans())
    def check(self, which: int, repair: bool) -> None:
        assert self.drivers[which].state_check(repair) == []


class StateMachine(StateBase):
    """The machine as a test."""

    def test_random_histories(self) -> None:
        machine = type("BoundMachine", (Machine,), {"suite": self})
        run_state_machine_as_test(
            machine,
            settings=hypothesis.settings(
                max_examples=40, stateful_step_count=30, deadline=None, database=None
            ),
        )
