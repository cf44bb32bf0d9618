"""Listing with filters; images that are built on each other; damaged images."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from polypod.engine.images_filters import path_match
from polypod.engine.images_history import history, layer_tree
from polypod.engine.images_inspect import inspect_image
from polypod.engine.images_list import list_images
from polypod.engine.images_lookup import lookup
from polypod.engine.images_names import tag, untag
from polypod.engine.images_remove import RemoveOptions, prune, remove_images
from polypod.engine.images_time import go_duration, until
from polypod.engine.runtime import Runtime
from polypod.errors import NoSuchImage, PolypodError, StorageError, UsageError
from polypod.oci.image_config import timestamp_ns
from polypod.testing import peers
from polypod.testing.images import make_image


def ids(rt: Runtime, *filters: str, all: bool = False) -> set[str]:
    return {summary["Id"] for summary in list_images(rt, list(filters), all=all)}


def child_of(rt: Runtime, parent: str, name: str = "", label: str = "") -> str:
    """An image with the parent's layers and one more, empty, history entry."""
    image = rt.store.image(parent)
    config = rt.store.image_config(image)
    if label:
        config["config"]["Labels"] = {label: "yes"}
    stamp = timestamp_ns(time.time_ns())
    config["created"] = stamp
    config["history"] = [
        *config["history"],
        {"created": stamp, "created_by": "x", "empty_layer": True},
    ]
    data = json.dumps(config).encode()
    from polypod.oci import manifest

    digest = manifest.sha256(data)
    described = manifest.Descriptor(media_type=manifest.OCI_CONFIG, digest=digest, size=len(data))
    raw = json.loads(rt.store.manifest(image))
    layer = manifest.Descriptor(
        media_type=raw["layers"][0]["mediaType"], digest=raw["layers"][0]["digest"],
        size=raw["layers"][0]["size"],
    )  # fmt: skip
    return rt.store.create_image(
        digest[7:], [name] if name else [], image.top_layer, data,
        manifest.oci_manifest(described, [layer], {}), stamp,
    ).id  # fmt: skip


def test_summary(rt: Runtime) -> None:
    id = make_image(rt, "x", changes=["LABEL a=b"])
    [summary] = list_images(rt)
    image = rt.store.image(id)
    assert summary == {
        "Id": id, "ParentId": "", "RepoTags": None,
        "RepoDigests": [f"localhost/x@{image.digest}"],
        "Size": rt.store.image_size(image), "SharedSize": 0,
        "VirtualSize": rt.store.image_size(image), "Labels": {"a": "b"}, "Containers": 0,
        "Names": ["localhost/x:latest"], "Digest": image.digest,
        "History": ["localhost/x:latest"], "Created": summary["Created"],
        "CreatedAt": summary["CreatedAt"],
    }  # fmt: skip
    assert abs(summary["Created"] - time.time()) < 60


def test_filters(rt: Runtime) -> None:
    old = make_image(rt, "quay.io/a/b:1", {"a": b"1"}, ["LABEL kind=old", "LABEL x=y"])
    new = make_image(rt, "new", {"a": b"2"}, ["LABEL kind=new"])
    bare = make_image(rt, "", {"a": b"3"})
    every = {old, new, bare}
    assert ids(rt) == every
    assert ids(rt, "label=kind") == {old, new}
    assert ids(rt, "label=kind=new") == {new}
    assert ids(rt, "label=kind=*", "label=x=y") == {old}
    assert ids(rt, "label!=kind") == {bare}
    assert ids(rt, "dangling=true") == {bare}
    assert ids(rt, "dangling=false") == {old, new}
    assert ids(rt, "dangling!=false") == {bare}
    assert ids(rt, "since=quay.io/a/b:1") == ids(rt, f"after={old}") == {new, bare}
    assert ids(rt, "before=new") == {old}
    assert ids(rt, f"id={bare[:10]}") == {bare}
    assert ids(rt, f"digest={rt.store.image(old).digest[:20]}") == {old}
    assert ids(rt, "readonly=false") == every
    assert ids(rt, "readonly=true") == set()
    assert ids(rt, "manifest=true") == set()
    assert ids(rt, "until=1h") == set()
    assert ids(rt, f"until={time.time() + 60:.0f}") == every
    rt.store.create_container("c" * 64, ["c"], new, {}, False)
    assert ids(rt, "containers=true") == {new}
    assert ids(rt, "containers=false") == {old, bare}
    assert {s["Id"]: s["Containers"] for s in list_images(rt)} == {old: 0, new: 1, bare: 0}


def test_reference_filter(rt: Runtime) -> None:
    one = make_image(rt, "quay.io/a/tool:1", {"a": b"1"})
    two = make_image(rt, "quay.io/a/tool:2", {"a": b"2"})
    tag(rt, one, ["other:3"])
    assert ids(rt, "reference=quay.io/a/tool") == {one, two}
    assert ids(rt, "reference=tool:2") == {two}
    assert ids(rt, "reference=quay.io/*/tool:*") == {one, two}
    assert ids(rt, "reference=*tool") == {one, two}
    assert ids(rt, "reference=quay*tool") == set()
    assert ids(rt, "reference=other:3", "reference=tool:2") == {one, two}
    assert ids(rt, "reference!=*tool:2") == {one}
    [summary] = list_images(rt, ["reference=quay.io/a/tool:1"])
    assert summary["Names"] == ["quay.io/a/tool:1"]
    [summary] = list_images(rt, ["reference=tool:1"])
    assert summary["Names"] == ["localhost/other:3", "quay.io/a/tool:1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "json",
            'invalid image filter "json": must be in the format "filter=value or filter!=value"',
        ),
        (
            "foo=bar",
            'invalid image filter "foo": must be in the format "filter=value or filter!=value"',
        ),
        (
            "since=nope",
            'could not find local image for filter "since"="nope": nope: image not known',
        ),
        (
            "dangling=maybe",
            'non-boolean value "maybe" for dangling filter: '
            'strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("digest=abc", 'invalid value "abc" for digest filter'),
        ("containers=x", 'unsupported value "x" for containers filter'),
    ],
)
def test_bad_filters(rt: Runtime, text: str, message: str) -> None:
    with pytest.raises(PolypodError) as caught:
        list_images(rt, [text])
    assert str(caught.value) == message
    with pytest.raises(UsageError, match="more than once with different values"):
        list_images(rt, ["readonly=true", "readonly=false"])


def test_path_match_is_gos() -> None:
    assert path_match("a/*", "a/b")
    assert not path_match("a/*", "a/b/c")
    assert path_match("*", "ab")
    assert path_match("a?", "ab")
    assert path_match("[ab]c", "bc")


def test_times() -> None:
    assert go_duration("1h30m") == 5400
    assert go_duration("1.5s") == 1.5
    assert go_duration("-10ms") == -0.01
    assert go_duration("10") is None
    assert go_duration("2024-01-01") is None
    assert until("1600000000") == 1_600_000_000
    assert until("2024-01-31T00:00:00Z") == 1706659200
    assert abs(until("10m") - (time.time() - 600)) < 5
    with pytest.raises(UsageError, match='failed to parse "soon" as a time'):
        until("soon")


def test_parents_and_intermediates(rt: Runtime) -> None:
    base = make_image(rt, "base")
    middle = child_of(rt, base)
    top = child_of(rt, middle, "localhost/top:latest", label="top")
    assert {s["Id"]: s["ParentId"] for s in list_images(rt, all=True)} == {
        base: "", middle: base, top: middle,
    }  # fmt: skip
    assert ids(rt) == {base, top}
    assert ids(rt, "intermediate=true") == {middle}
    assert ids(rt, "dangling=true") == set()
    assert inspect_image(rt, "top")["Parent"] == middle
    entries = history(rt, "top")
    assert [entry["size"] > 0 for entry in entries] == [False, False, True]
    assert "localhost/top:latest" in entries[0]["tags"]
    reports, errors = remove_images(rt, ["top"], RemoveOptions())
    assert (errors, [r.id for r in reports]) == ([], [top, middle])
    assert ids(rt, all=True) == {base}


def test_no_prune_keeps_parents(rt: Runtime) -> None:
    base = make_image(rt, "base")
    middle = child_of(rt, base)
    child_of(rt, middle, "localhost/top:latest")
    remove_images(rt, ["top"], RemoveOptions(no_prune=True))
    assert ids(rt) == {base, middle}
    assert ids(rt, "dangling=true") == {middle}
    assert [report.id for report in prune(rt, all=False, external=False, filters=[])] == [middle]
    assert ids(rt, all=True) == {base}


def test_removed_parent_is_not_called_deleted(rt: Runtime) -> None:
    base = make_image(rt, "base")
    child_of(rt, base, "localhost/top:latest")
    [report], errors = remove_images(rt, ["base"], RemoveOptions())
    assert (report.untagged, report.deleted, errors) == (["localhost/base:latest"], False, [])
    assert lookup(rt, "top")
    assert len(rt.store.layers()) == 1


def test_prune_all(rt: Runtime) -> None:
    used = make_image(rt, "used", {"a": b"1"})
    unused = make_image(rt, "unused", {"a": b"2"}, ["LABEL keep=no"])
    rt.store.create_container("c" * 64, ["c"], used, {}, False)
    assert prune(rt, all=True, external=False, filters=["label=other"]) == []
    assert [r.id for r in prune(rt, all=True, external=False, filters=[])] == [unused]
    assert prune(rt, all=False, external=False, filters=[]) == []
    assert ids(rt) == {used}
    [report] = prune(rt, all=True, external=True, filters=[])
    assert report.id == used
    assert report.size > 0
    assert rt.store.containers() == []


def test_tree_of_layers(rt: Runtime, tmp_path: Path) -> None:
    from polypod.engine.images_load import load_path

    load_path(rt, str(peers.layout(tmp_path)))
    tree = layer_tree(rt, "t", what_requires=False)
    assert [node.tags for node in tree["nodes"]] == [[], [], ["localhost/t:latest"]]
    assert tree["tags"] == ["localhost/t:latest"]
    tree = layer_tree(rt, "t", what_requires=True)
    assert len(tree["nodes"]) == 1


def damage(rt: Runtime, id: str, what: str) -> None:
    folder = Path(rt.graphroot, "overlay-images", id)
    if what == "config":
        next(
            p for p in folder.iterdir() if p.stat().st_size and b"rootfs" in p.read_bytes()
        ).unlink()
    elif what == "manifest":
        (folder / "manifest").unlink()
    elif what == "folder":
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    else:
        path = Path(rt.graphroot, "overlay-layers", "layers.json")
        path.write_text("[]")


@pytest.mark.parametrize("what", ["config", "manifest", "folder", "layers"])
def test_damaged_images(rt: Runtime, what: str) -> None:
    good = make_image(rt, "good", {"a": b"1"})
    bad = make_image(rt, "bad", {"a": b"2"})
    damage(rt, bad, what)
    assert ids(rt) == ids(rt, all=True) == {good, bad}
    assert lookup(rt, "bad")[0].id == bad
    if what in ("config", "folder"):
        with pytest.raises(StorageError, match=f"image {bad} is damaged"):
            inspect_image(rt, "bad")
    tag(rt, "bad", ["worse"])
    untag(rt, "bad", ["worse"])
    reports, errors = remove_images(rt, ["bad"], RemoveOptions())
    assert errors == []
    assert [report.id for report in reports] == [bad]
    assert ids(rt) == {good}
    assert make_image(rt, "bad", {"a": b"2"})
    assert not os.listdir(f"{rt.graphroot}/overlay-layers/polypod-pending")


def test_inspect_unknown(rt: Runtime) -> None:
    with pytest.raises(NoSuchImage):
        inspect_image(rt, "nope")
