"""Pods: what commands answer while there are none; the label method of ps templates."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from polypod.cli.ps_rows import HEADINGS, PsRow
from polypod.cli.render import format_rows


def test_cleaning_up_all_pods_is_quiet(cli: Any) -> None:
    done = cli("pod", "rm", "-t", "0", "--all", "--force", "--ignore")
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("name", ["ps", "ls", "list"])
def test_the_list_of_pods_is_empty(cli: Any, name: str) -> None:
    assert cli("pod", name, "--noheading").out.strip() == ""
    assert cli("pod", name, "-q").out == ""
    assert json.loads(cli("pod", name, "--format", "json").out) == []
    assert cli("pod", name).out.startswith("POD ID")


def test_a_named_pod_is_missing(cli: Any) -> None:
    done = cli("pod", "rm", "a", "b")
    assert done.code == 125
    assert done.err == (
        "Error: no pod with name or ID a found: no such pod\n"
        "Error: no pod with name or ID b found: no such pod\n"
    )
    assert cli("pod", "rm", "--ignore", "a").code == 0
    assert cli("pod", "exists", "a").code == 1
    assert cli("pod", "rm").err == "Error: you must provide at least one pod name or id\n"


@pytest.mark.parametrize("text", ["0", "SIGBAD", "65"])
def test_a_wrong_signal_is_refused_before_the_name(cli: Any, text: str) -> None:
    words = "valid signals are 1 through 64" if text == "65" else f"invalid signal: {text}"
    assert cli("pod", "kill", "-s", text, "a").err == f"Error: {words}\n"
    assert cli("kill", "-s", text, "a").err == f"Error: {words}\n"
    assert cli("kill", "-s", "-" + text, "a").err == f"Error: {words}\n"


def test_the_label_method_of_ps() -> None:
    row: Any = SimpleNamespace(id="a" * 64, labels={"x": "1"}, name="n")

    def show(template: str) -> str:
        return format_rows([PsRow(row, 0, False)], template, headings=HEADINGS, name="ps")

    assert show('{{ .Label "x" }}-{{.Label "none"}}') == "1-\n"
    assert show("{{if .ID}}{{.Names}}{{end}}") == "n\n"
    assert show('table {{.Names}}\\t{{.Label "x"}}').split() == ["NAMES", "X", "n", "1"]


def test_an_authfile_that_is_not_there(cli: Any) -> None:
    expected = (
        "Error: credential file is not accessible: faccessat /none/such: no such file or directory\n"
    )
    assert cli("pull", "--authfile=/none/such", "x").err == expected
    assert cli("run", "--rm", "--authfile=/none/such", "x").err == expected
