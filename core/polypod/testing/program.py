"""The installed ``polypod`` program, on roots of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any


def program() -> str:
    """The path of the program: beside this Python, else on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "polypod")
    found = beside if os.path.exists(beside) else shutil.which("polypod")
    if found is None:
        raise FileNotFoundError("no polypod program: install the project first")
    return found


class Program:
    """``polypod`` with its roots below a folder; use a short one, as podman demands it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.command = [
            program(), "--root", f"{folder}/root", "--runroot", f"{folder}/run",
            "--storage-driver", "overlay",
        ]  # fmt: skip

    def run(
        self, *words: object, code: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and check its exit code; standard input is empty unless given."""
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("text", True)
        command = [*self.command, *map(str, words)]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, check=False, capture_output=True, **options
        )
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def start(self, *words: object, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command; its output is piped unless said otherwise."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([*self.command, *map(str, words)], **options)

    def __call__(self, *words: object, **options: Any) -> str:
        return self.run(*words, **options).stdout

    def fails(self, code: int, *words: object, **options: Any) -> str:
        """The error output of a command that must fail with that exit code."""
        return self.run(*words, code=code, **options).stderr.strip()

    def inspect(self, image: str) -> dict[str, Any]:
        """``image inspect`` of one image."""
        found: list[dict[str, Any]] = json.loads(self("image", "inspect", image))
        return found[0]
