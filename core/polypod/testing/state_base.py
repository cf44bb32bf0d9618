"""Fixtures and helpers that all parts of the state suite share."""

from __future__ import annotations

import os
import traceback

import pytest

from ..errors import Conflict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any, ClassVar


class StateBase:
    """What a driver's test class sets: :attr:`driver`, perhaps :attr:`settings` and :meth:`settle`."""

    driver: ClassVar[Any]
    #: Values for the driver's ``Config``.
    settings: ClassVar[dict[str, Any]] = {}

    def make(self, root: Path) -> Any:
        """A new driver over the files in ``root``, as assembly would make it."""
        return self.driver(
            config=self.driver.Config(**self.settings),
            root=str(root),
            run_root=str(root.parent / "run"),
        )

    def settle(self, state: Any, root: Path) -> None:
        """Bring all records to their last place in the files; the driver is closed afterwards."""
        state.state_close()

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        """The driver's directory, which does not exist yet."""
        return tmp_path / "state"

    @pytest.fixture
    def state(self, root: Path) -> Iterator[Any]:
        """A driver over an empty ``root``."""
        made = self.make(root)
        yield made
        made.state_close()

    @staticmethod
    def increment(state: Any, bucket: str, key: str) -> int:
        """Add one to a counter with optimistic writes; returns the new count."""
        while True:
            value, revision = state.state_get(bucket, [key]).get(key, (b"0", 0))
            count = int(value) + 1
            try:
                state.state_apply(
                    [("check", bucket, key, revision), ("put", bucket, key, b"%d" % count)], False
                )
            except Conflict:
                continue
            return count


class Child:
    """A forked process that runs a function; its error, if any, comes back by :meth:`join`."""

    def __init__(self, work: Callable[[int], None]) -> None:
        """``work`` gets a descriptor whose other end is :attr:`output`."""
        self.output, writing = os.pipe()
        self._errors, errors = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.output)
                work(writing)
            except BaseException:
                os.write(errors, traceback.format_exc().encode()[-4000:])
                os._exit(1)
            os._exit(0)
        os.close(writing)
        os.close(errors)

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, 9)

    def read(self) -> bytes:
        """All output until its end."""
        with open(self.output, "rb", closefd=False) as file:
            return file.read()

    def join(self) -> tuple[int, str]:
        """Wait; exit status as of ``waitpid`` and the error's traceback."""
        with open(self._errors, "rb") as file:
            error = file.read().decode()
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.output)
        return status, error


def run_all(works: list[Callable[[int], None]]) -> None:
    """Run functions in one process each, begun at the same moment; fail on any error."""
    gate_read, gate_write = os.pipe()

    def gated(work: Callable[[int], None]) -> Callable[[int], None]:
        def run(output: int) -> None:
            os.close(gate_write)
            os.read(gate_read, 1)  # ends when the parent closes the gate
            work(output)

        return run

    children = [Child(gated(work)) for work in works]
    os.close(gate_write)
    os.close(gate_read)
    ended = [child.join() for child in children]
    errors = [error for _, error in ended if error]
    assert not errors, errors[0]
    assert [status for status, _ in ended] == [0] * len(ended)
