"""State suite: SIGKILL at random points inside ``state_apply``."""

from __future__ import annotations

import os
import random
import select

from .state_base import Child, StateBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

ROUNDS = 300


class StateKill(StateBase):
    """No acknowledged write is lost and no batch is torn, whenever a writer is killed."""

    def test_sigkill_at_random_points(self, tmp_path: Path) -> None:
        rng = random.Random(os.urandom(8))
        root = tmp_path / "state-0"
        last = 0
        for round in range(ROUNDS):
            if round % 20 == 0:  # the making of the files is killed too
                root = tmp_path / f"state-{round}"
                last = 0
            acknowledged = self._kill_one_writer(root, last, rng)
            last = self._verify(root, acknowledged)
        state = self.make(root)
        assert state.state_check(False) == []
        state.state_close()

    def _kill_one_writer(self, root: Path, last: int, rng: random.Random) -> int:
        """Kill a writer that counts on from ``last``; the last count that it acknowledged."""
        writer = Child(lambda output: self._count(root, last + 1, output))
        wanted = rng.choice((0, 0, 1, 3, 10))
        acknowledged = last
        seen = 0
        buffer = b""
        while seen < wanted:
            buffer += os.read(writer.output, 1 << 16) or b"\n"
            seen = buffer.count(b"\n")
        # Let it get somewhere inside the next batch, or into its first one.
        select.select([], [], [], rng.random() * (0.006 if wanted == 0 else 0.001))
        writer.kill()
        buffer += writer.read()
        status, error = writer.join()
        assert not error and status == 9, error
        lines = buffer.split(b"\n")[:-1]
        return int(lines[-1]) if lines and lines[-1] else acknowledged

    def _count(self, root: Path, start: int, output: int) -> None:
        state = self.make(root)
        fill = b"x" * 900
        number = start
        while True:
            value = b'{"n":%d,"fill":"%s"}' % (number, fill[: number * 37 % 900])
            state.state_apply(
                [
                    ("put", "a", "n", value),
                    ("put", "b", f"{number % 50}", value),
                    ("delete", "b", f"{(number + 1) % 50}"),
                    ("put", "c", "n", value),
                ],
                number % 4 == 0,
            )
            os.write(output, b"%d\n" % number)
            number += 1

    def _verify(self, root: Path, acknowledged: int) -> int:
        state = self.make(root)
        a, c = state.state_list("a", ""), state.state_list("c", "")
        assert [row[1] for row in a] == [row[1] for row in c], "torn batch"
        number = int(a[0][1][5:].partition(b",")[0]) if a else 0
        assert acknowledged <= number <= acknowledged + 1
        ring = {row[0]: row[1] for row in state.state_list("b", "")}
        if number:
            assert ring[f"{number % 50}"] == a[0][1]
            assert f"{(number + 1) % 50}" not in ring
        state.state_close()
        return number

    def test_survivors_go_on_when_others_are_killed(self, root: Path) -> None:
        rng = random.Random(os.urandom(8))
        target = 120

        def survive(_output: int) -> None:
            state = self.make(root)
            for _ in range(target):
                self.increment(state, "b", "survivors")

        def be_killed(_output: int) -> None:
            state: Any = self.make(root)
            while True:
                state.state_apply([("put", "v", f"{os.getpid()}", b"x" * 2000)], False)
                state.state_list("v", "")

        survivors = [Child(survive) for _ in range(3)]
        for _ in range(40):
            victim = Child(be_killed)
            select.select([], [], [], rng.random() * 0.006)
            victim.kill()
            assert victim.join()[1] == ""
        assert [child.join() for child in survivors] == [(0, "")] * 3
        state = self.make(root)
        assert state.state_get("b", ["survivors"])["survivors"][0] == b"%d" % (3 * target)
        assert state.state_check(False) == []
        state.state_close()
