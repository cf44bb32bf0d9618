"""Dispatch, global flags, exit codes and the words of errors."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from polypod import __version__
from polypod.cli import main as cli_main
from polypod.cli.command import Command, Flag
from polypod.cli.context import Context
from polypod.cli.parse import Options
from polypod.errors import InUse, NoSuchContainer

Cli = Callable[..., Any]


def test_version_block(cli: Cli) -> None:
    result = cli("version")
    lines = result.out.splitlines()
    assert result.code == 0
    assert lines[0] == "Client:       Podman Engine"
    assert lines[1] == f"Version:      {cli_main.PODMAN_VERSION}"
    assert {line.split(":")[0] for line in lines} >= {"API Version", "Go Version", "Built"}


def test_version_forms(cli: Cli) -> None:
    short = f"podman version {cli_main.PODMAN_VERSION} (polypod {__version__})\n"
    assert cli("-v").out == cli("--version").out == short
    assert json.loads(cli("version", "-f", "json").out)["Client"]["Os"] == "linux"
    for template in ("{{.Client.Os}}", "{{.Os}}", "{{ .Client.Os | lower }}"):
        assert cli("version", "--format", template).out == "linux\n"
    assert cli("version", "--format", "{{.Server}}").out == "<nil>\n"


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--nope"], 125, "Error: unknown flag: --nope\nSee 'podman --help'\n"),
        (["bad", "--invalid"], 125, "Error: unknown flag: --invalid\nSee 'podman --help'\n"),
        (["version", "--foo"], 125, "Error: unknown flag: --foo\nSee 'podman version --help'\n"),
        (
            ["version", "--remote"],
            125,
            "Error: unknown flag: --remote\nSee 'podman version --help'\n",
        ),
        (["version", "x"], 125, "Error: `podman version` takes no arguments\n"),
        (["image", "--foo"], 125, "Error: unknown flag: --foo\nSee 'podman image --help'\n"),
        (["completion"], 125, "Error: accepts 1 arg(s), received 0\n"),
        (
            ["conatiner"],
            125,
            "Error: unrecognized command `podman conatiner`\n\nDid you mean this?\n\tcontainer\n\n"
            "Try 'podman --help' for more information\n",
        ),
        (
            ["image", "nosuch"],
            125,
            "Error: unrecognized command `podman image nosuch`\n"
            "Try 'podman image --help' for more information\n",
        ),
    ],
)
def test_words_of_errors(cli: Cli, args: list[str], code: int, words: str) -> None:
    result = cli(*args)
    assert (result.code, result.out, result.err) == (code, "", words)


def test_the_programs_name_is_what_it_was_called(cli: Cli) -> None:
    assert cli("--x", prog="/usr/bin/polypod").err.endswith("See 'polypod --help'\n")
    assert cli("--x", prog="/opt/a b/podman").err.endswith("See 'podman --help'\n")


def test_a_missing_command_shows_the_help(cli: Cli) -> None:
    for args, path in ((["--remote"], "podman"), (["container"], "podman container")):
        result = cli(*args)
        assert result.code == 125
        assert "Usage:" in result.out
        assert result.err == f"Error: missing command '{path} COMMAND'\n"


@pytest.mark.parametrize("where", ["before", "after"])
def test_log_levels(cli: Cli, where: str) -> None:
    def at(level: str) -> str:
        flag = f"--log-level={level}"
        result = cli(flag, "version") if where == "before" else cli("version", flag)
        assert result.code == 0
        return str(result.err)

    assert " level=trace " in at("trace")
    debug = at("debug")
    assert " level=debug " in debug
    assert " level=info " in debug
    assert " level=trace " not in debug
    for level in ("warn", "warning", "error", "fatal", "panic"):
        assert " level=" not in at(level)


def test_bad_log_levels_end_with_1(capfd: pytest.CaptureFixture[str]) -> None:
    import subprocess

    command = [sys.executable, "-m", "polypod"]
    result = subprocess.run(
        [*command, "--log-level=telepathic", "version"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith('Log Level "telepathic" is not supported, choose from: trace')
    result = subprocess.run(
        [*command, "--debug", "--log-level=panic", "version"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (
        1, "Setting --log-level and --debug is not allowed\n",
    )  # fmt: skip


def test_output_into_a_file(cli: Cli, tmp_path: Any) -> None:
    path = tmp_path / "out file"
    result = cli("--out", str(path), "version", "-f", "json")
    assert (result.code, result.out) == (0, "")
    assert json.loads(path.read_text())["Client"]["Version"] == cli_main.PODMAN_VERSION
    assert cli("--noout", "version").out == ""


def test_remote_services_are_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for args in (["--remote", "version"], ["--url", "unix:/x", "version"], ["-c", "x", "version"]):
        result = cli(*args)
        assert result.code == 125
        assert result.err.startswith("Error: remote services are not supported")
    assert cli("--remote=false", "version").code == 0
    monkeypatch.setenv("CONTAINER_HOST", "tcp://h:1")
    assert cli("version").code == 125


def _command(run: Callable[[Context, Options, list[str]], int], **more: Any) -> Command:
    return Command("ps", "List", run, **more)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a command in the place of ``ps``."""

    def put(run: Callable[[Context, Options, list[str]], int], **more: Any) -> None:
        monkeypatch.setattr(cli_main, "load", lambda module: _command(run, **more))

    return put


@pytest.mark.parametrize(
    ("error", "code"),
    [(NoSuchContainer('no container "x"'), 125), (InUse("volume x is used"), 2)],
)
def test_errors_become_one_line_and_a_code(
    cli: Cli, fake: Any, error: Exception, code: int
) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise error

    fake(run)
    result = cli("ps")
    assert (result.code, result.err) == (code, f"Error: {error}\n")


def test_a_bug_is_told_in_one_line(cli: Cli, fake: Any) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise KeyError("two\nlines")

    fake(run)
    result = cli("ps")
    assert result.code == 125
    assert result.err.count("\n") == 1
    assert result.err.startswith("Error: unexpected KeyError at ")
    assert "--log-level=debug" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in cli("--log-level=debug", "ps").err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 141)])
def test_interruptions_are_quiet(cli: Cli, fake: Any, error: BaseException, code: int) -> None:
    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        raise error

    fake(run)
    result = cli("ps")
    assert (result.code, result.err) == (code, "")


def test_global_flags_reach_the_command(cli: Cli, fake: Any) -> None:
    seen: list[Any] = []

    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        seen.append((ctx.flags, ctx.path, opts.all, args))
        return 3

    fake(run, flags=(Flag("all", "a"),))
    result = cli(
        "--root", "/x y", "--db-backend", "kv", "container", "ls", "-a", "c", "--storage-opt=a=b"
    )
    assert result.code == 3
    flags = {"root": "/x y", "state-backend": "kv", "storage-opt": ["a=b"]}
    assert seen == [(flags, "container list", True, ["c"])]


def test_a_commands_own_flag_wins(cli: Cli, fake: Any) -> None:
    seen: list[Any] = []

    def run(ctx: Context, opts: Options, args: list[str]) -> int:
        seen.append((opts.hostname, opts.root, ctx.flags))
        return 0

    fake(run, flags=(Flag("hostname", "h", "string"), Flag("root", type="string")))
    cli("ps", "-h", "box", "--root", "/own")
    assert seen == [("box", "/own", {})]


@pytest.mark.parametrize(
    ("count", "low", "high", "words"),
    [
        (1, 0, 0, "`podman x` takes no arguments"),
        (0, 1, None, "requires at least 1 arg(s), only received 0"),
        (3, 2, 2, "accepts 2 arg(s), received 3"),
        (2, 0, 1, "accepts at most 1 arg(s), received 2"),
        (3, 1, 2, "accepts between 1 and 2 arg(s), received 3"),
    ],
)
def test_counts_of_arguments(count: int, low: int, high: int | None, words: str) -> None:
    assert cli_main.count_error("podman x", count, low, high) == words
