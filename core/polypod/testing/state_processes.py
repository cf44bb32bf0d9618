"""State suite: many processes at once, snapshots, forks."""

from __future__ import annotations

import threading

from .state_base import Child, StateBase, run_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class StateProcesses(StateBase):
    """Several processes on the same files."""

    def test_sixteen_processes_lose_no_update(self, root: Path) -> None:
        def work(number: int) -> Any:
            def run(_output: int) -> None:
                state = self.make(root)
                for step in range(25):
                    self.increment(state, "b", "shared")
                    state.state_apply([("put", "own", f"{number}-{step}", b"1")], step % 5 == 0)

            return run

        run_all([work(number) for number in range(16)])
        state = self.make(root)
        assert state.state_get("b", ["shared"])["shared"][0] == b"400"
        assert len(state.state_list("own", "")) == 400
        assert state.state_check(False) == []
        state.state_close()

    def test_two_hundred_first_writers_at_once(self, root: Path) -> None:
        def work(number: int) -> Any:
            def run(_output: int) -> None:
                state = self.make(root)
                state.state_apply([("check", "b", f"{number}", 0), ("put", "b", f"{number}", b"1")], True)
                assert f"{number}" in {row[0] for row in state.state_list("b", "")}

            return run

        run_all([work(number) for number in range(200)])
        state = self.make(root)
        assert len(state.state_list("b", "")) == 200
        state.state_close()

    def test_a_reader_sees_whole_batches_only(self, state: Any, root: Path) -> None:
        keys = [f"{n:02}" for n in range(30)]

        enough = root.with_name("enough")

        def write(_output: int) -> None:
            own = self.make(root)
            step = 0
            while step < 150 or not enough.exists():
                step += 1
                value = b'{"step":%d,"fill":"%s"}' % (step, b"x" * 700)
                own.state_apply([("put", "b", key, value) for key in keys], False)

        writer = Child(write)
        seen: set[bytes] = set()
        try:
            # Until batches were seen to change, however the two processes get their turns.
            while len(seen) < 3:
                listed = [value for _, value, _ in state.state_list("b", "")]
                assert len(set(listed)) <= 1 and len(listed) in (0, 30)
                got = state.state_get("b", keys)
                assert len({value for value, _ in got.values()}) <= 1 and len(got) in (0, 30)
                seen.update(listed)
        finally:
            enough.touch()
        assert writer.join() == (0, "")

    def test_a_child_can_use_the_parents_driver(self, state: Any) -> None:
        state.state_apply([("put", "b", "k", b"0")], False)

        def work(_output: int) -> None:
            for _ in range(10):
                self.increment(state, "b", "k")
            state.state_close()

        children = [Child(work) for _ in range(4)]
        for _ in range(10):
            self.increment(state, "b", "k")
        assert [child.join() for child in children] == [(0, "")] * 4
        assert state.state_get("b", ["k"])["k"][0] == b"50"
        assert state.state_check(False) == []

    def test_forking_while_a_thread_writes(self, state: Any) -> None:
        stop = threading.Event()
        errors: list[BaseException] = []

        def write() -> None:
            try:
                while not stop.is_set():
                    self.increment(state, "b", "thread")
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            for step in range(30):
                child = Child(lambda _output: (self.increment(state, "b", "child"), None)[1])
                assert child.join() == (0, ""), f"fork {step}"
        finally:
            stop.set()
            thread.join()
        assert not errors
        assert state.state_get("b", ["child"])["child"][0] == b"30"
