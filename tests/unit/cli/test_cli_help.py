"""The help: podman's layout, and pages for every command of the tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from polypod.cli import help as pages
from polypod.cli.command import ZERO, Command, Flag
from polypod.cli.context import Context
from polypod.cli.tree import ALIASES, GROUPS, HIDDEN, TREE, resolve

Cli = Callable[..., Any]


def command_of(path: str) -> Command:
    command = import_module(f"polypod.cli.commands.{TREE[path][0]}").COMMAND
    assert isinstance(command, Command)
    return command


@pytest.mark.parametrize("path", sorted(TREE))
def test_every_entry_of_the_tree_is_a_command(path: str) -> None:
    command = command_of(path)
    names = [flag.name for flag in command.flags]
    letters = [flag.short for flag in command.flags if flag.short]
    assert len(set(names)) == len(names)
    assert len(set(letters)) == len(letters)
    for flag in command.flags:
        assert flag.type in {*ZERO, "array", "slice", "map"}, flag
        assert flag.usage or flag.hidden, flag
    assert command.summary
    assert callable(command.run)


@pytest.mark.parametrize("path", sorted(set(TREE) - HIDDEN))
def test_usage_lines_have_podmans_form(path: str) -> None:
    command = command_of(path)
    usage = command.usage
    assert ("[options]" in usage) == any(not flag.hidden for flag in command.flags)
    assert usage.startswith("[options]") or "[options]" not in usage
    words = usage.replace("[options]", "")
    assert words == words.upper(), "arguments are written in capitals"
    assert not re.search(r"\[.*\] [A-Z]", words), "optional arguments stand last"
    if not words.strip():
        assert command.max_args == 0
    assert command.examples, "every page has examples"


@pytest.mark.parametrize("group", ["", *sorted(GROUPS)])
def test_pages_of_groups(cli: Cli, group: str) -> None:
    text = cli(*group.split(), "--help").out
    assert text == cli(*group.split(), "-h").out == cli("help", *group.split()).out
    usage = f"  podman {group} [command]" if group else "  podman [options] [command]"
    assert text.split("Usage:\n")[1].split("\n")[0] == usage
    listed = re.findall(
        r"^  (\S+) +\S", text.split("Available Commands:", 1)[1].split("Options:")[0], re.M
    )
    expected = [name for name, _, _ in pages.children(group)]
    assert sorted(listed) == sorted(expected if group else [*expected, "help"])


def test_the_first_page(cli: Cli) -> None:
    for args in (["help"], ["--help"], ["-h"]):
        text = cli(*args).out
        assert text.startswith("Manage pods, containers and images\n")
        assert "Available Commands: containers\n" in text
        assert " --remote " in text
    assert " --remote " not in cli("--url", "x", "--help").out


def test_a_commands_page(cli: Cli) -> None:
    text = cli("version", "--help").out
    assert text == (
        "Display the version information\n\n"
        "Description:\n"
        "  Displays the version of this program and of the interfaces that it follows\n\n"
        "Usage:\n  podman version [options]\n\n"
        "Examples:\n  podman version\n  podman version --format '{{.Client.Version}}'\n\n"
        "Options:\n  -f, --format string   Change the output format to JSON or a Go template\n\n"
    )
    assert cli("help", "version").out == cli("version", "x", "-h").out == text


def test_unknown_topics(cli: Cli) -> None:
    result = cli("help", "nosuch")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("Unknown help topic [`nosuch`]\nUsage:\n")
    assert "podman help [command]\n" in cli("help", "--help").out


def test_the_table_of_flags() -> None:
    flags = (
        Flag("all", "a", usage="All"),
        Flag("name", type="string", default="x", usage="Name"),
        Flag("many", "m", "slice", default=("a", "b"), usage="Many\nin two lines"),
        Flag("wait", type="duration", default=1.5, usage="Wait"),
        Flag("kind", type="string", no_value="some", usage="Kind of `THING`"),
        Flag("secret", hidden=True),
        Flag("yes", default=True, usage="Yes"),
        Flag("memory", type="size", usage="Memory", shown="unlimited"),
    )
    assert pages.flag_usages(flags) == (
        "  -a, --all                       All\n"
        '      --kind THING[="some"]       Kind of THING\n'
        "  -m, --many strings              Many\n"
        "                                  in two lines (default [a,b])\n"
        "      --memory <number>[<unit>]   Memory (default unlimited)\n"
        '      --name string               Name (default "x")\n'
        "      --wait duration             Wait (default 1.5s)\n"
        "      --yes                       Yes (default true)\n"
    )


def test_aliases_and_examples_follow_the_path(cli: Cli) -> None:
    ctx = Context("podman")
    ctx.path = "container list"
    command = Command(
        "ps", "List", lambda ctx, opts, args: 0, examples=("ps -a", "echo | polypod x")
    )
    text = pages.page(ctx, command)
    assert "Aliases:\n  list, ls\n" in text
    assert "Examples:\n  podman container list -a\n  echo | podman x\n" in text


def test_suggestions() -> None:
    names = ["run", "rm", "rmi", "image", "images", "tag"]
    assert pages.suggestions("runn", names) == ["run"]
    assert pages.suggestions("imag", names) == ["image", "images", "tag"]
    assert pages.suggestions("xyzzy", names) == []


def test_aliases_lead_to_commands() -> None:
    assert set(ALIASES.values()) <= set(TREE)
    assert not set(ALIASES) & set(TREE)
    assert resolve(["container", "ls", "x"]) == ("container list", ["x"])
    assert resolve(["run", "container", "ls"]) == ("run", ["container", "ls"])
    assert resolve(["nosuch"]) == ("", ["nosuch"])


@pytest.mark.parametrize("command", ["pull", "push", "create", "run"])
def test_the_help_shows_the_configured_retries(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from polypod.cli.context import Context
    from polypod.cli.help import page
    from polypod.cli.main import load

    conf = tmp_path / "containers.conf"
    monkeypatch.setenv("CONTAINERS_CONF", str(conf))
    verb = "push" if command == "push" else "pull"
    for text, shown in (("", "3"), ('[engine]\nretry=10\nretry_delay="5s"\n', "10")):
        conf.write_text(text)
        ctx = Context("polypod")
        ctx.path = command
        help_text = page(ctx, load(command))
        assert f"when performing {verb} (default {shown})" in help_text
        assert (f'in case of {verb} failures (default "5s")' in help_text) == bool(text)
    conf.write_text("[engine]\nretry=[\n")
    assert "(default 3)" in page(ctx, load(command))
