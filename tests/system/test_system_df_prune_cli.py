"""``system df`` and ``system prune`` over a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from polypod.testing import busybox

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run a command line over an own store that holds the image ``bb``."""
    try:
        busybox.find_busybox()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    roots = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]

    def call(*args: str, code: int = 0, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "polypod", *roots, *args],
            capture_output=True, text=True, input=stdin, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout

    tar = tmp_path / "bb.tar"
    subprocess.run([sys.executable, "-m", "polypod.testing.busybox", str(tar)], check=True)
    call("import", str(tar), "bb")
    yield call
    call("rm", "-fa", "-t", "0")


def test_df(run: Run) -> None:
    assert run("system", "df", "--format", "{{.Type}}:{{.Total}}:{{.Active}}") == (
        "Images:1:0\nContainers:0:0\nLocal Volumes:0:0\n"
    )
    images = json.loads(run("system", "df", "--format", "json"))[0]
    assert images["RawSize"] == images["RawReclaimable"] > 1_000_000
    assert images["Reclaimable"].endswith(" (100%)")
    raw = run("image", "inspect", "bb", "--format", "{{.Size}}").strip()
    assert str(images["RawSize"]) == raw
    run("tag", "bb", "other")
    run("create", "--name", "c", "--network", "none", "-v", "/data", "bb", "true")
    lines = run("system", "df").splitlines()
    assert lines[0].split() == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]
    assert lines[1].split()[:3] == ["Images", "2", "1"]
    assert lines[3].split()[:4] == ["Local", "Volumes", "1", "1"]
    verbose = run("system", "df", "-v")
    assert "Images space usage:\n\nREPOSITORY " in verbose
    assert "SHARED SIZE  UNIQUE SIZE  CONTAINERS\n" in verbose
    container = verbose.split("CONTAINER ID", 1)[1].splitlines()[1].split()
    assert container[2:4] == ["true", "1"]
    run("system", "df", "-v", "--format", "json", code=125)


def test_prune(run: Run) -> None:
    created = run("create", "--network", "none", "-v", "/data", "-v", "named:/n", "bb", "true").strip()
    asked = run("system", "prune", stdin="n\n")
    assert "\t- all dangling images\n" in asked
    assert created in run("ps", "-aq", "--no-trunc")
    pruned = run("system", "prune", "--force").splitlines()
    assert pruned[:2] == ["Deleted Containers", created]
    assert pruned[-1].startswith("Total reclaimed space: ")
    assert run("image", "exists", "bb") == ""
    everything = run("system", "prune", "--all", "--volumes", "-f")
    assert "Deleted Volumes\n" in everything
    assert "\nnamed\n" in everything
    assert "Deleted Images\n" in everything
    run("image", "exists", "bb", code=1)
    assert run("system", "prune", "-f") == "Total reclaimed space: 0B\n"
