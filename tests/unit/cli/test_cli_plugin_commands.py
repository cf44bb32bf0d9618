"""Subcommands from plugins: found, listed, called, and told apart when broken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import polypod
import pytest
from polypod.cli import plugin_commands
from polypod.errors import ConfigError, NotFound
from polypod.spec.command import CommandSpec

Cli = Callable[..., Any]


class FakeEngine:
    """Tells with which flags it was opened."""

    def __init__(self, **flags: Any) -> None:
        self.flags = flags

    def __enter__(self) -> FakeEngine:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two subcommands of a plugin, and one that cannot be loaded."""
    made: list[Any] = []

    def run(engine: Any, args: list[str]) -> int:
        made.append((engine, args))
        if args == ["fail"]:
            raise NotFound("nothing here")
        return 7

    module = ModuleType("a_plugin_of_commands")
    module.scan = CommandSpec(summary="Scan things", run=run, usage="[options] THING")  # type: ignore[attr-defined]
    module.top = CommandSpec(summary="Top", run=run)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(polypod.__dict__, "Engine", FakeEngine)
    known = {
        "scan": f"{module.__name__}:scan",
        "image scan": f"{module.__name__}:scan",
        "tools deep": f"{module.__name__}:top",
        "broken": "no_such_module:x",
    }
    monkeypatch.setattr(plugin_commands, "installed", lambda flags: known)
    return made


def test_they_are_called_with_their_arguments_unparsed(cli: Cli, calls: list[Any]) -> None:
    assert cli("scan", "--any", "x").code == 7
    assert cli("--root", "/x", "image", "scan", "-h").code == 7
    assert cli("tools", "deep").code == 7
    assert [args for _, args in calls] == [["--any", "x"], ["-h"], []]
    assert calls[1][0].flags == {"root": "/x"}


def test_their_errors_are_shown_like_ours(cli: Cli, calls: list[Any]) -> None:
    assert cli("scan", "fail").err == "Error: nothing here\n"
    result = cli("broken")
    assert result.code == 125
    assert result.err.startswith("Error: plugin command 'broken' (no_such_module:x) cannot be loaded: ")


def test_ours_cannot_be_replaced(cli: Cli, calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin_commands, "installed", lambda flags: {"version": "no_such_module:x"})
    assert cli("version").code == 0


def test_the_help_lists_them(cli: Cli, calls: list[Any]) -> None:
    page = cli("--help").out
    assert "Available Commands: plugins\n  broken      broken: plugin command" in page
    assert "  scan        Scan things\n" in page
    assert "  scan        Scan things\n" in cli("image", "--help").out
    assert cli("help", "image", "scan").out == (
        "Scan things\n\nUsage:\n  podman image scan [options] THING\n"
    )
    assert "scan\tScan things\n" in cli("__complete", "sc").out


def test_unknown_words_stay_unknown(cli: Cli, calls: list[Any]) -> None:
    assert cli("nosuch").err.startswith("Error: unrecognized command `podman nosuch`")
    assert cli("scam", "--x").err == "Error: unknown flag: --x\nSee 'podman --help'\n"


def test_an_engine_that_cannot_be_put_together_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(flags: Any) -> None:
        raise ConfigError("bad file")

    monkeypatch.setattr("polypod.assembly.compose", fail)
    assert plugin_commands.installed({}) == {}
