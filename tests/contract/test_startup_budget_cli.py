"""The start-up budget: what the hot commands may import, so that it cannot grow unseen.

``python -I -S`` starts in 6 ms and podman answers in 18; each module below costs
between half a millisecond and fifty.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import polypod
from polypod.cli.tree import TREE

BANNED = frozenset((
    "argparse", "asyncio", "boltons", "collections", "contextlib", "ctypes", "dataclasses",
    "datetime", "decimal", "email", "enum", "functools", "gotpl", "hashlib", "http",
    "importlib.metadata", "inspect", "json", "logging", "msgspec", "pathlib", "pkgutil", "pluggy",
    "random", "re", "shutil", "socket", "ssl", "stevedore", "subprocess", "tempfile", "threading",
    "tokenize", "traceback", "typing", "typing_extensions", "urllib", "uuid", "warnings", "weakref",
))  # fmt: skip

SOURCE = str(Path(polypod.__file__).parent.parent)

# The commands whose time is in the benchmarks, and the cleanup that conmon calls.
HOT = (
    "attach", "container cleanup", "container exists", "container inspect", "create", "exec",
    "inspect", "kill", "ps", "rm", "run", "start", "stop", "version", "wait",
)  # fmt: skip

_RUN = """
import os, sys
sys.path.append({source!r})
leave = os._exit
def tell(code):
    os.write(2, b"\\0" + "\\n".join(sys.modules).encode())
    leave(code)
os._exit = tell
sys.argv = ["polypod", *{args!r}]
from polypod.cli.main import main
main()
"""


def modules_after(code: str) -> set[str]:
    """Return the modules that a bare interpreter has imported after ``code``."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert "\0" in done.stderr, done.stderr
    return set(done.stderr.rpartition("\0")[2].split())


def banned(modules: set[str]) -> list[str]:
    return sorted(modules & BANNED)


@pytest.mark.parametrize(
    "args",
    [
        ["version"],
        ["version", "--format", "{{.Client.Version}}"],
        ["--log-level=error", "version"],
        ["-v"],
        ["--nope"],
        ["run", "--help"],
    ],
)
def test_command_lines(args: list[str]) -> None:
    found = modules_after(_RUN.format(source=SOURCE, args=args))
    assert "polypod.cli.main" in found
    assert banned(found) == []


@pytest.mark.parametrize("path", HOT)
def test_modules_of_hot_commands(path: str) -> None:
    """Importing the command and all that it imports at module level."""
    module = f"polypod.cli.commands.{TREE[path][0]}"
    import_module(module)  # a missing one fails here, in its own words
    code = (
        f"import sys; sys.path.append({SOURCE!r}); import polypod.cli.main, {module}, os; "
        "os.write(2, b'\\0' + '\\n'.join(sys.modules).encode())"
    )
    assert banned(modules_after(code)) == []


def test_only_the_called_command_is_imported() -> None:
    found = modules_after(_RUN.format(source=SOURCE, args=["version"]))
    commands = {name for name in found if name.startswith("polypod.cli.commands.")}
    assert commands == {"polypod.cli.commands.version"}
    assert not {"polypod.cli.help", "polypod.cli.globals", "polypod.cli.render"} & found


def test_parsing_a_long_run_line() -> None:
    args = ["run", "-d", "--rm", "--name", "x", "-e", "A=b", "-v", "/a:/b", "--memory=1g", "--bad"]
    found = modules_after(_RUN.format(source=SOURCE, args=args))
    assert banned(found) == []
