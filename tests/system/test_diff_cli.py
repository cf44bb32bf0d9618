"""``diff``: the same changes from overlay's layers, from two trees side by side, and from podman."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from polypod.testing.box import IMAGE, CliBox

BUILD = (
    "mkdir -p /a/deep /gone /anew; echo 1 >/a/file; echo 2 >/a/deep/file; echo 3 >/gone/file;"
    " echo 4 >/anew/old; ln -s file /a/link; echo 5 >/same"
)
CHANGE = (
    "echo x >/a/deep/new; rm /a/file; rm -r /gone; rm -r /anew; mkdir /anew; echo y >/anew/young;"
    " rm /a/link; mkdir /a/link; chmod 700 /same; mkfifo /fifo"
)
WANTED = [
    ("C", "/a"), ("C", "/a/deep"), ("A", "/a/deep/new"), ("D", "/a/file"), ("C", "/a/link"),
    ("C", "/anew"), ("D", "/anew/old"), ("A", "/anew/young"), ("A", "/fifo"), ("D", "/gone"),
    ("C", "/same"),
]  # fmt: skip


@pytest.fixture(scope="module", params=["overlay", "vfs"])
def box(request):
    with CliBox(driver=request.param) as box:
        box("run", "--name", "base", "--network", "none", IMAGE, "sh", "-c", BUILD)
        box("commit", "-q", "base", "localhost/base")
        box("run", "--name", "changed", "--network", "none", "localhost/base", "sh", "-c", CHANGE)
        box("commit", "-q", "changed", "localhost/changed")
        yield box


def diff(box: CliBox, *words: str) -> list[tuple[str, str]]:
    rows = [tuple(line.split(" ", 1)) for line in box(*words).splitlines()]
    # The engine's mount points make their directory a changed one.
    return [row for row in rows if row != ("C", "/etc")]


def test_a_container_against_its_image(box) -> None:
    assert diff(box, "diff", "changed") == WANTED
    assert diff(box, "container", "diff", "changed") == WANTED
    assert diff(box, "diff", "changed", "localhost/base") == WANTED


def test_an_image_against_its_parent_and_any_other(box) -> None:
    assert diff(box, "diff", "localhost/changed") == WANTED
    assert diff(box, "image", "diff", "localhost/changed", "localhost/base") == WANTED
    both = {path: kind for kind, path in diff(box, "image", "diff", "localhost/changed", IMAGE)}
    assert both["/a"] == both["/a/deep/file"] == both["/same"] == "A"
    assert "/gone" not in both and "/anew/old" not in both


def test_json(box) -> None:
    found = json.loads(box("diff", "--format", "json", "changed"))
    assert list(found) == ["changed", "added", "deleted"]
    for kind, word in (("C", "changed"), ("A", "added"), ("D", "deleted")):
        assert [path for path in found[word] if path != "/etc"] == [p for k, p in WANTED if k == kind]
    assert json.loads(box("diff", "--format", "json", "-l"))["deleted"] == ["/a/file", "/anew/old", "/gone"]


def test_what_podman_says(box) -> None:
    if box.driver != "overlay":
        pytest.skip("podman compares whole trees with vfs")
    if not shutil.which("podman"):
        pytest.skip("needs podman")
    roots = ["--root", f"{box.folder}/root", "--runroot", f"{box.folder}/run"]
    done = subprocess.run(
        ["podman", *roots, "--storage-driver", "overlay", "image", "diff", "localhost/changed"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = {tuple(line.split(" ", 1)) for line in done.stdout.splitlines()}
    # Of a directory that replaces what was there podman has other opinions.
    anew = {row for row in WANTED if row[1] in ("/anew", "/anew/old", "/a/link")}
    assert set(WANTED) - theirs <= anew


def test_a_running_container_stays_as_it_is(box) -> None:
    box("run", "-d", "--name", "live", "--network", "none", IMAGE, "sleep", "1000")
    for name in ("/one", "/two"):
        box("exec", "live", "touch", name)
        assert ("A", name) in diff(box, "diff", "live")
    assert box.state("live")["Status"] == "running"
    box("rm", "-f", "-t", "0", "live")


def test_errors(box) -> None:
    assert "no such container, image or layer" in box.fails(125, "diff", "nosuch")
    assert "nosuch" in box.fails(125, "image", "diff", "nosuch")
    assert "json" in box.fails(125, "diff", "--format", "yaml", "changed")
    assert 'requires a name, id, or the "--latest" flag' in box.fails(125, "diff")
