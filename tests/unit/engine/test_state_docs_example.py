"""The driver that docs/plugins/state.md shows passes what the page says it passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from polypod.testing.state import StateContract
from polypod.testing.state_kill import StateKill
from polypod.testing.state_machine import StateMachine
from polypod.testing.state_processes import StateProcesses

PAGE = Path(__file__).parents[3] / "docs" / "plugins" / "state.md"


def _driver() -> Any:
    code = next(c for c in PAGE.read_text().split("```python\n") if "class OneFileState" in c)
    names: dict[str, Any] = {}
    exec(compile(code.partition("```")[0], str(PAGE), "exec"), names)
    return names["OneFileState"]


class TestExampleOnThePage(StateContract, StateProcesses, StateKill, StateMachine):
    driver: ClassVar[Any] = _driver()
