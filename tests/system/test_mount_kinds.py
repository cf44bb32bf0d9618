"""Mounts by pattern, of containers.conf, and of images as ``inspect`` tells them."""

from __future__ import annotations

import json
import os

import pytest
from polypod.testing.box import IMAGE, CliBox


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        yield box


def run(box: CliBox, *words: object, **options) -> str:
    return box("run", "--rm", "--network", "none", *words, **options)


def test_patterns(box, tmp_path) -> None:
    for name in ("a1", "a2", "b"):
        (tmp_path / name).write_text(name)
    pattern = f"{tmp_path}/a*"
    both = run(box, "--mount", f"type=glob,src={pattern},ro", IMAGE, "cat", tmp_path / "a1", tmp_path / "a2")
    assert both == "a1a2"
    assert run(box, "--mount", f"type=glob,src={pattern},dst=/in", IMAGE, "ls", "/in") == "a1\na2\n"
    refused = box.fails(125, "run", "--rm", "--mount", f"type=glob,src={tmp_path}/c*", IMAGE, "true")
    assert refused == f'Error: no file paths matching glob "{tmp_path}/c*"'
    for folder in ("x1", "x2"):
        os.mkdir(tmp_path / folder)
        (tmp_path / folder / "same").write_text("")
    twice = f"type=glob,src={tmp_path}/x?/same,dst=/in"
    assert box.fails(125, "run", "--rm", "--mount", twice, IMAGE, "true") == (
        "Error: /in/same: duplicate mount destination"
    )
    assert box.fails(125, "run", "--rm", "--mount", f"type=bind,src={pattern}", IMAGE, "true") == (
        "Error: must set volume destination"
    )


def test_containers_conf(box, tmp_path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    conf = tmp_path / "containers.conf"
    conf.write_text(
        f'[containers]\nmounts = ["type=bind,src={tmp_path}/one,dst=/seen,ro"]\nvolumes = ["{tmp_path}/two:/too:ro"]\n'
    )
    env = {**os.environ, "CONTAINERS_CONF_OVERRIDE": str(conf)}
    assert run(box, IMAGE, "cat", "/seen", "/too", env=env) == "onetwo"
    own = f"type=bind,src={tmp_path}/two,dst=/seen"
    assert run(box, "--mount", own, IMAGE, "cat", "/seen", env=env) == "two"
    conf.write_text('[containers]\nmounts = ["type=nonsense,dst=/seen"]\n')
    assert box.fails(125, "run", "--rm", IMAGE, "true", env=env) == (
        'Error: parsing containers.conf mounts: invalid filesystem type "nonsense"'
    )


def test_an_image_as_a_mount(box) -> None:
    mount = f"type=image,src={IMAGE},dst=/image,subpath=/bin,rw=true"
    box("create", "--name", "with", "--mount", mount, IMAGE, "ls", "/image/sh")
    (found,) = json.loads(box("container", "inspect", "with"))[0]["Mounts"]
    assert (found["Type"], found["Source"], found["Destination"], found["RW"], found["SubPath"]) == (
        "image", IMAGE, "/image", True, "/bin",
    )  # fmt: skip
    assert box("start", "-a", "with") == "/image/sh\n"
    box("rm", "with")
