"""SQLite's C module is loaded without ``functools``, and works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polypod
import polypod_state_sqlite
import pytest

PATHS = [str(Path(package.__file__).parent.parent) for package in (polypod, polypod_state_sqlite)]

CODE = f"""
import sys
sys.path += {PATHS!r}
early = "functools" in sys.modules
from polypod_state_sqlite.module import sql
assert ("functools" in sys.modules) == early, "the stand-in stayed, or the real one was imported"
connection = sql.connect(":memory:")
for number in range(300):
    assert connection.execute(f"SELECT {{number % 150}} + ?", (1,)).fetchone() == (number % 150 + 1,)
connection.close()
import functools
assert functools.partial(int, "2")() == 2
"""


@pytest.mark.parametrize("before", ["", "import functools\n", "import sqlite3\n"])
def test_it_works_without_functools_and_with(before: str) -> None:
    subprocess.run([sys.executable, "-I", "-S", "-c", before + CODE], check=True)
