"""Completion: cobra's protocol, and the three shells that speak it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from polypod.cli import complete, completers
from polypod.cli.context import Context
from polypod.errors import NoSuchImage, StateError

Cli = Callable[..., Any]


@pytest.fixture
def ctx(monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context whose engine knows a few objects."""
    containers = [
        ({"id": "c1" * 32, "name": "web", "image_name": "i"}, {}),
        ({"id": "d2" * 32, "name": "db"}, {}),
    ]
    records = SimpleNamespace(
        containers=SimpleNamespace(rows=lambda: (containers, [])),
        volumes=SimpleNamespace(all=lambda: [SimpleNamespace(name="data")]),
    )
    image = SimpleNamespace(id="ab" * 32, names=("localhost/me/app:v1",))
    rt = SimpleNamespace(
        records=records,
        store=SimpleNamespace(images=lambda: [image], find_image=_unknown),
        network=SimpleNamespace(
            list=lambda: [SimpleNamespace(name="podman", driver="bridge", id="ef" * 32)]
        ),
    )
    monkeypatch.setattr(Context, "rt", rt)
    return Context("podman")


def _unknown(name: str) -> None:
    raise NoSuchImage(f"{name}: image not known")


def words(rows: list[completers.Suggestion]) -> list[str]:
    return [word for word, _ in rows]


def suggest(ctx: Context, kind: str, typed: str, *before: str) -> list[str]:
    return words(completers.suggest(ctx, kind, typed, list(before))[0])


def test_objects(ctx: Context) -> None:
    assert suggest(ctx, "containers", "") == ["db", "web"]
    assert suggest(ctx, "containers", "", "db") == ["web"]
    assert suggest(ctx, "containers", "c1") == ["c1" * 32]
    assert suggest(ctx, "images", "") == ["localhost/me/app:v1"]
    assert suggest(ctx, "images", "a") == ["app", "app:v1"]
    assert suggest(ctx, "images", "ab") == ["ab" * 32]
    assert suggest(ctx, "images", "me/") == ["me/app", "me/app:v1"]
    assert suggest(ctx, "volumes", "d") == ["data"]
    assert suggest(ctx, "networks", "") == ["podman"]
    assert suggest(ctx, "containers|images", "") == ["db", "web", "localhost/me/app:v1"]


def test_values_files_and_fields(ctx: Context) -> None:
    assert completers.suggest(ctx, "values:a,b", "", []) == ([("a", ""), ("b", "")], 4)
    assert completers.suggest(ctx, "files", "x", []) == ([], 0)
    assert completers.suggest(ctx, "dirs", "x", []) == ([], 16)
    assert completers.suggest(ctx, "none", "x", []) == ([], 4)
    assert suggest(ctx, "format:ID,Image", "{{.I") == ["{{.ID}}", "{{.Image}}"]
    assert suggest(ctx, "format:ID", "table {{.ID}} {{.") == ["table {{.ID}} {{.ID}}"]
    assert suggest(ctx, "format:ID", "j") == ["json"]


def test_a_broken_engine_gives_no_suggestions(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise StateError("no state")

    monkeypatch.setattr(ctx.rt.records.containers, "rows", fail)
    assert suggest(ctx, "containers", "") == []
    assert capfd.readouterr().err == "[Debug] [Error] no state\n"


def test_commands_and_flags(ctx: Context) -> None:
    assert "run" in words(complete.complete(ctx, [], "")[0])
    assert words(complete.complete(ctx, ["help"], "x")[0]) == []
    assert words(complete.complete(ctx, ["container"], "res")[0]) == ["restart"]
    assert words(complete.complete(ctx, ["--root", "/x", "container"], "res")[0]) == ["restart"]
    assert ctx.flags == {"root": "/x"}
    assert words(complete.complete(ctx, ["version"], "--f")[0]) == ["--format"]
    assert words(complete.complete(ctx, ["version", "-f", "x"], "--f")[0]) == []
    assert complete.complete(ctx, ["version"], "") == ([], 4)
    assert words(complete.complete(ctx, ["--log-level"], "d")[0]) == ["debug"]
    assert words(complete.complete(ctx, [], "--log-level=d")[0]) == ["debug"]
    assert words(complete.complete(ctx, ["completion"], "")[0]) == ["bash", "zsh", "fish"]
    assert complete.complete(ctx, ["completion", "-f"], "") == ([], 0)
    assert words(complete.complete(ctx, ["stop"], "w")[0]) == ["web"]
    assert words(complete.complete(ctx, ["stop", "web"], "")[0]) == ["db"]
    # Paths in the image, which is not there; no longer flags.
    assert complete.complete(ctx, ["run", "img"], "") == ([], 6)
    assert complete.complete(ctx, ["run", "img"], "--r") == ([], 6)
    assert words(complete.complete(ctx, ["run"], "--pids")[0]) == ["--pids-limit"]


def test_the_protocol(cli: Cli) -> None:
    result = cli("__complete", "completion", "b")
    assert (result.code, result.out) == (0, "bash\n:4\n")
    assert result.err == "Completion ended with directive: ShellCompDirectiveNoFileComp\n"
    assert cli("__complete", "versio").out.startswith("version\tDisplay")
    assert cli("__completeNoDesc", "versio").out == "version\n:4\n"
    assert cli("__complete", "completion", "-f", "").out == ":0\n"


def test_scripts(cli: Cli, tmp_path: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        text = cli("completion", shell).out
        assert "__complete" in text
        assert text.endswith(
            '# This file is generated with "podman completion"; see: polypod-completion(1)\n'
        )
        assert "__completeNoDesc" in cli("completion", "--no-desc", shell).out
        assert cli("completion", shell, "-f", str(tmp_path / shell)).out == ""
        assert (tmp_path / shell).read_text() == text
    assert (
        cli("completion", "tcsh").err == 'Error: invalid argument "tcsh" for "podman completion"\n'
    )
    assert cli("completion", "bash", "-f", "/nonexistent/x").code == 125


@pytest.fixture
def on_path(tmp_path: Path) -> dict[str, str]:
    """An environment with ``polypod`` on its PATH."""
    launcher = tmp_path / "polypod"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m polypod "$@"\n')
    launcher.chmod(0o755)
    import polypod

    source = str(Path(polypod.__file__).parent.parent)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": source}


_ASK_BASH = """
source <(polypod completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
complete -p polypod >/dev/null || exit 1
__polypod_complete 2>/dev/null; printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (["polypod", "versio"], "version"),
        (["polypod", "version", "--for"], "--format"),
        (["polypod", "--log-level", "=", "d"], "debug"),
        (["polypod", "completion", "--file", "/etc/passw"], "/etc/passwd"),
    ],
)
def test_bash(on_path: dict[str, str], line: list[str], expected: str) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    result = subprocess.run(
        [bash, "--norc", "-c", _ASK_BASH, "bash", *line],
        env=on_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert expected in result.stdout.split()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish(on_path: dict[str, str], tmp_path: Path) -> None:
    result = subprocess.run(
        ["fish", "--no-config", "-c", 'polypod completion fish | source; complete -C "polypod versio"'],
        env={**on_path, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.startswith("version\t")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_can_read_its_script(on_path: dict[str, str]) -> None:
    subprocess.run(
        ["zsh", "-f", "-c", "autoload -U compinit; compinit -u -D; source <(polypod completion zsh); whence -w __polypod_complete"],
        env=on_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
