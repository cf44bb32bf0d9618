"""conmon's command lines, as far as no container shows them."""

from __future__ import annotations

import os

import pytest
from polypod.errors import DriverUnavailable
from polypod.model.runtime import MonitorStart
from polypod_monitor_conmon import Conmon, arguments


def create(**changes):
    request = MonitorStart(
        id="i", name="n", bundle="/b", run_dir="/r", exit_dir="/e", persist_dir="/p",
        runtime_argv=("/usr/bin/rt", "--root", "/s"), log_path="/l",
    ).evolve(**changes)  # fmt: skip
    return arguments.create("/conmon", request, "warn")


def test_the_runtimes_flags_come_before_its_command():
    argv = create()
    assert argv[argv.index("-r") + 1] == "/usr/bin/rt"
    assert "--runtime-arg=--root" in argv
    assert "--runtime-arg=/s" in argv
    assert "--runtime-arg=--log=/r/oci-log" in argv
    assert not [word for word in create(json_log=False) if "--log=" in word]


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("k8s-file", "k8s-file:/l"),
        ("json-file", "k8s-file:/l"),
        ("", "k8s-file:/l"),
        ("none", "none"),
        ("journald", "journald"),
        ("passthrough", "passthrough"),
        ("passthrough-tty", "passthrough"),
    ],
)
def test_log_drivers(driver, expected):
    argv = create(log_driver=driver)
    assert argv[argv.index("-l") + 1] == expected


def test_a_tag_goes_to_the_journal_alone():
    assert "--log-tag" not in create(log_tag="t")
    assert "--log-tag" in create(log_tag="t", log_driver="journald")


def test_descriptors_for_the_process():
    assert "--runtime-opt=3" in create(preserve_fds=1, listen_fds=2)
    assert "--replace-listen-pid" in create(listen_fds=1)
    assert "--replace-listen-pid" not in create()


def test_a_terminal_needs_no_stdin_flag():
    assert "-i" not in create(terminal=True, stdin=True)
    assert "-i" in create(stdin=True)


def test_exit_command_keeps_its_words():
    argv = create(exit_command=("/x", "-a", "b c"), exit_delay=3)
    start = argv.index("--exit-command")
    assert argv[start:] == [
        "--exit-command", "/x", "--exit-command-arg", "-a", "--exit-command-arg", "b c", "--exit-delay", "3",
    ]  # fmt: skip


def test_conmon_is_taken_from_the_first_place_that_has_it(tmp_path):
    there = tmp_path / "conmon"
    there.write_text("#!/bin/sh\n")
    there.chmod(0o755)
    found = Conmon(paths=(str(tmp_path / "nothing"), str(there)))
    assert found.path == str(there)
    with pytest.raises(DriverUnavailable, match="install the package conmon"):
        Conmon(path=str(tmp_path / "nothing"))
    with pytest.raises(DriverUnavailable):
        Conmon(path=os.fspath(tmp_path))
