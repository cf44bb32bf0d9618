"""Questions at a terminal, asked of a program that has one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

CHOOSE = """
from polypod.cli.asking import image_chooser
from polypod.cli.context import Context
print("index", image_chooser(Context("p"))(["r.io/a:1", "s.io/a:1", "t.io/a:1"]))
"""
PASSWORD = """
from polypod.cli.asking import password
from polypod.cli.context import Context
print("got", len(password(Context("p"), "Password: ")))
"""


def talk(script: str, *steps: tuple[str, str]) -> tuple[int, str]:
    """Run a script at a terminal; answer each time something is shown. Exit code and output."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=side, stdout=side, stderr=side, start_new_session=True
    )
    os.close(side)
    shown, seen = b"", 0
    try:
        for wait_for, answer in steps:
            while wait_for.encode() not in shown[seen:]:
                shown += os.read(main, 4096)
            seen = len(shown)
            os.write(main, answer.encode())
        while True:
            shown += os.read(main, 4096)
    except OSError:  # the other side is closed: the program has ended
        code = process.wait(20)
    os.close(main)
    return code, shown.decode()


def test_choose_the_first() -> None:
    code, shown = talk(CHOOSE, ("  t.io/a:1", "\r"))
    assert code == 0
    assert "? Please select an image: " in shown
    assert "✔ r.io/a:1" in shown
    assert "index 0" in shown


@pytest.mark.parametrize(("down", "up"), [("\x1b[B", "\x1b[A"), ("j", "k")])
def test_choose_another(down: str, up: str) -> None:
    steps = [
        ("  t.io/a:1", down), ("▸ s.io/a:1", down), ("▸ t.io/a:1", down), ("▸ t.io/a:1", up),
        ("▸ s.io/a:1", "\r"),
    ]  # fmt: skip
    code, shown = talk(CHOOSE, *steps)
    assert code == 0
    assert "index 1" in shown


def test_choose_nothing() -> None:
    code, shown = talk(CHOOSE, ("  t.io/a:1", "\x03"))
    assert code == 1
    assert "no image was chosen" in shown


def test_password_is_not_shown() -> None:
    code, shown = talk(PASSWORD, ("Password: ", "secret\n"))
    assert code == 0
    assert "got 6" in shown
    assert "secret" not in shown
