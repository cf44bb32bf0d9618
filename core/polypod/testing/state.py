"""The conformance suite of plugin group ``polypod.state.v1``.

A driver's test is a subclass and its quirks::

    from polypod.testing.state import StateSuite
    from my_package import MyState

    class TestMyState(StateSuite):
        driver = MyState

Override :meth:`StateBase.settle` when records reach their last place in the files only
some time after ``state_close``, and set ``settings`` to run with other values
of the driver's ``Config``. Tests that need root skip themselves without it. The parts
can be used alone too: :class:`StateContract`, :class:`~.state_damage.StateDamage`,
:class:`~.state_processes.StateProcesses`, :class:`~.state_kill.StateKill`,
:class:`~.state_machine.StateMachine`.
"""

from __future__ import annotations

import os
import threading

import pytest

from ..errors import Conflict, StateError
from .state_base import StateBase
from .state_damage import StateDamage
from .state_kill import StateKill
from .state_machine import StateMachine
from .state_processes import StateProcesses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

VALUES = {
    "empty": b"",
    "all bytes": bytes(range(256)),
    "json": b'{"a":[1,2.5,null,"\\u00e9"],"b":"x"}',
    "json with space": b' {"a": 1}\n',
    "json with line ends": b'{"a":\r\n1}',
    "utf-8": '{"name":"gr\u00fc\u00df\u2028"}'.encode(),
    "almost json": b'{"a":1}}',
    "number": b"12",
    "quoted": b'"text"',
    "broken utf-8": b'{"a":"\xff"}',
    "zero inside": b'{"a":"\x00"}',
    "line that looks like a record": b'"record":"b/k","revision":1,"value":1}',
    "large": b'{"x":"' + b"0123456789" * 200_000 + b'"}',
    "largest": os.urandom(4 * 1024 * 1024),
}
NAMES = [
    "a",
    "A",
    "%",
    "_",
    "*",
    "?",
    "a b",
    "a:b:c",
    'q"uote',
    "back\\slash",
    "..",
    ".",
    "~" * 400,
]


class StateContract(StateBase):
    """What one process can see of the contract."""

    def test_nothing_is_made_by_reading(self, state: Any, root: Path) -> None:
        assert state.state_get("bucket", ["key"]) == {}
        assert state.state_list("bucket", "") == []
        assert state.state_check(False) == []
        assert not root.exists() or not any(root.iterdir())

    @pytest.mark.parametrize("kind", VALUES)
    def test_any_bytes_come_back(self, state: Any, root: Path, kind: str) -> None:
        value = VALUES[kind]
        state.state_apply([("put", "b", "other", b"1"), ("put", "b", "key", value)], False)
        revision = state.state_get("b", ["key"])["key"][1]
        state.state_close()
        again = self.make(root)
        assert again.state_get("b", ["key", "none"]) == {"key": (value, revision)}
        assert again.state_list("b", "k") == [("key", value, revision)]
        assert again.state_check(False) == []
        again.state_close()

    def test_too_large_a_value_is_refused(self, state: Any) -> None:
        with pytest.raises(StateError, match="b/key"):
            state.state_apply(
                [("put", "b", "small", b"1"), ("put", "b", "key", bytes(4 * 1024 * 1024 + 1))],
                False,
            )
        assert state.state_list("b", "") == []

    def test_any_printable_name_works(self, state: Any) -> None:
        state.state_apply([("put", "b", name, name.encode()) for name in NAMES], False)
        state.state_apply([("put", "~" * 64, "k", b"1"), ("put", "B", "k", b"2")], False)
        assert [key for key, _, _ in state.state_list("b", "")] == sorted(NAMES)
        assert {k: v for k, (v, _) in state.state_get("b", NAMES).items()} == {
            name: name.encode() for name in NAMES
        }
        assert [row[0] for row in state.state_list("b", "a")] == ["a", "a b", "a:b:c"]
        assert [row[0] for row in state.state_list("b", "%")] == ["%"]
        assert state.state_list("~" * 64, "")[0][1] == b"1"
        assert state.state_list("B", "")[0][1] == b"2"

    @pytest.mark.parametrize("name", ["", "a/b", "a\nb", "\u00e9", "x" * 401, "\x7f"])
    def test_a_bad_key_is_refused_and_reads_as_absent(self, state: Any, name: str) -> None:
        state.state_apply([("put", "b", "k", b"1")], False)
        with pytest.raises(StateError):
            state.state_apply([("put", "b", name, b"1")], False)
        assert state.state_get("b", [name, "\udcff"]) == {}
        assert state.state_list("b", "\udcff") == []

    @pytest.mark.parametrize("name", ["", "a/b", "\u00e9", "x" * 65])
    def test_a_bad_bucket_is_refused(self, state: Any, name: str) -> None:
        with pytest.raises(StateError):
            state.state_apply([("put", name, "k", b"1")], False)

    def test_an_unknown_operation_is_refused(self, state: Any) -> None:
        with pytest.raises(StateError, match="increment"):
            state.state_apply([("increment", "b", "k")], False)

    def test_list_is_ordered_and_cut_by_prefix(self, state: Any) -> None:
        names = ["b2", "a", "b1", "b", "c", "b10"]
        for name in names:
            state.state_apply([("put", "x", name, name.encode())], False)
        assert [row[0] for row in state.state_list("x", "")] == sorted(names)
        assert [row[0] for row in state.state_list("x", "b1")] == ["b1", "b10"]
        assert state.state_list("x", "d") == []
        assert state.state_list("y", "") == []

    def test_get_of_many_keys(self, state: Any) -> None:
        names = [f"{n:04}" for n in range(1500)]
        state.state_apply([("put", "b", name, b"1") for name in names], False)
        assert sorted(state.state_get("b", [*names, "absent"])) == names
        assert state.state_get("b", []) == {}

    def test_preconditions(self, state: Any) -> None:
        first = state.state_apply([("check", "b", "k", 0), ("put", "b", "k", b"1")], False)
        for wrong in (0, first + 1):
            with pytest.raises(Conflict) as caught:
                state.state_apply([("check", "b", "k", wrong), ("put", "b", "k", b"x")], False)
            assert (caught.value.bucket, caught.value.key) == ("b", "k")
        with pytest.raises(Conflict):
            state.state_apply([("check", "b", "absent", -1)], False)
        state.state_apply(
            [("check", "b", "k", first), ("check", "b", "k", -1), ("put", "b", "k", b"2")], True
        )
        assert state.state_get("b", ["k"])["k"][0] == b"2"

    def test_a_failed_check_changes_nothing(self, state: Any) -> None:
        state.state_apply([("put", "b", "k", b"1"), ("put", "b", "gone", b"1")], False)
        before = state.state_list("b", "")
        with pytest.raises(Conflict):
            state.state_apply(
                [
                    ("put", "b", "k", b"2"),
                    ("delete", "b", "gone"),
                    ("put", "c", "new", b"1"),
                    ("check", "b", "k", 0),
                ],
                True,
            )
        assert state.state_list("b", "") == before
        assert state.state_list("c", "") == []

    def test_checks_see_the_state_before_the_batch(self, state: Any) -> None:
        state.state_apply(
            [("put", "b", "k", b"1"), ("check", "b", "k", 0), ("delete", "b", "k"),
             ("put", "b", "k", b"2"), ("put", "b", "l", b"3"), ("delete", "b", "l")],
            False,
        )  # fmt: skip
        assert [row[:2] for row in state.state_list("b", "")] == [("k", b"2")]

    def test_revisions_grow_and_never_come_back(self, state: Any, root: Path) -> None:
        seen: list[int] = []
        for step in range(12):
            returned = state.state_apply([("put", "b", "k", b"%d" % step)], step % 2 == 0)
            revision = state.state_get("b", ["k"])["k"][1]
            assert returned >= revision > max(seen, default=0)
            seen.append(revision)
            state.state_apply([("delete", "b", "k"), ("delete", "b", "never")], False)
            if step % 3 == 0:
                state.state_close()
            if step % 4 == 0:
                state = self.make(root)
        assert state.state_list("b", "") == []
        state.state_close()

    def test_an_unchanged_record_keeps_its_revision(self, state: Any) -> None:
        state.state_apply([("put", "b", "k", b"1")], False)
        before = state.state_get("b", ["k"])
        state.state_apply([("put", "b", "l", b"1"), ("put", "c", "k", b"1")], False)
        assert state.state_get("b", ["k"]) == before
        assert state.state_apply([("check", "b", "k", -1)], False) >= before["k"][1]

    def test_a_second_driver_sees_every_change(self, state: Any, root: Path) -> None:
        other = self.make(root)
        for step in range(20):
            writer, reader = (state, other) if step % 2 else (other, state)
            writer.state_apply([("put", "b", "k", b"%d" % step)], False)
            assert reader.state_get("b", ["k"])["k"][0] == b"%d" % step
        other.state_close()

    def test_files_are_private(self, state: Any, root: Path) -> None:
        os.umask(os.umask(0))
        for step in range(3):
            state.state_apply([("put", "b", f"{step}", bytes(100_000))], True)
        modes = {path: path.stat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
        assert modes and not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}
        path = state.state_info()["path"]
        assert os.path.exists(path) and path.startswith(str(root))

    def test_close_twice_and_use_again(self, state: Any) -> None:
        assert state.state_close() is True
        state.state_apply([("put", "b", "k", b"1")], False)
        assert state.state_close() is True
        assert state.state_close() is True
        assert state.state_get("b", ["k"])["k"][0] == b"1"

    def test_threads_share_one_driver(self, state: Any) -> None:
        errors: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(40):
                    self.increment(state, "b", "counter")
                    state.state_list("b", "")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert state.state_get("b", ["counter"])["counter"][0] == b"320"


class StateSuite(StateContract, StateDamage, StateProcesses, StateKill, StateMachine):
    """Everything that a state driver must pass."""
