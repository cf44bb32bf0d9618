"""Looking images up, tagging, untagging, removing."""

from __future__ import annotations

from pathlib import Path

import pytest
from polypod.assembly import open_runtime
from polypod.engine.images_list import list_images
from polypod.engine.images_lookup import exists, lookup
from polypod.engine.images_names import tag, untag
from polypod.engine.images_remove import RemoveOptions, exit_code, remove_all, remove_images
from polypod.engine.runtime import Runtime
from polypod.errors import NoSuchImage, PolypodError, UsageError
from polypod.testing.images import make_image


def test_lookup_by_everything(rt: Runtime) -> None:
    one = make_image(rt, "quay.io/a/b/tool:v1", {"a": b"1"})
    two = make_image(rt, "tool:v2", {"a": b"2"})
    three = make_image(rt, "docker.io/library/official", {"a": b"3"})
    image, name = lookup(rt, "quay.io/a/b/tool:v1")
    assert (image.id, name) == (one, "quay.io/a/b/tool:v1")
    assert lookup(rt, "tool:v2") == lookup(rt, "localhost/tool:v2")
    assert lookup(rt, "tool:v1") == (image, "quay.io/a/b/tool:v1")
    assert lookup(rt, "b/tool:v1")[0].id == one
    assert lookup(rt, "official") == (lookup(rt, three)[0], "docker.io/library/official:latest")
    assert lookup(rt, two[:12])[0].id == two
    assert lookup(rt, f"sha256:{two}")[0].id == two
    assert lookup(rt, f"quay.io/a/b/tool@{image.digest}")[0].id == one
    assert lookup(rt, f"quay.io/a/b/tool:other@{image.digest}")[0].id == one
    assert lookup(rt, f"tool@{image.digest}") == (image, f"quay.io/a/b/tool@{image.digest}")
    assert lookup(rt, f"containers-storage:{one}")[0].id == one


@pytest.mark.parametrize("name", ["tool", "ool:v1", "tool:v3", "0" * 64, "quay.io/tool:v1"])
def test_unknown(rt: Runtime, name: str) -> None:
    make_image(rt, "quay.io/a/tool:v1")
    assert not exists(rt, name)
    with pytest.raises(NoSuchImage, match=f"^{name}: image not known$"):
        lookup(rt, name)


def test_malformed_names(rt: Runtime) -> None:
    with pytest.raises(UsageError, match='parsing reference "FOO": repository name must be low'):
        lookup(rt, "FOO")
    with pytest.raises(
        UsageError, match="sha256:abc: invalid format: no 64-byte hexadecimal value"
    ):
        lookup(rt, "sha256:abc")


def test_ambiguous_prefix_finds_nothing(rt: Runtime) -> None:
    ids = [make_image(rt, "", {"n": str(n).encode()}) for n in range(20)]
    first = [id[0] for id in ids]
    double = next(letter for letter in first if first.count(letter) > 1)
    with pytest.raises(NoSuchImage):
        lookup(rt, double)


def test_tag_moves_a_name(rt: Runtime) -> None:
    one, two = make_image(rt, "x", {"a": b"1"}), make_image(rt, "y", {"a": b"2"})
    tag(rt, "x", ["y", "z:1"])
    assert rt.store.image(one).names == (
        "localhost/z:1",
        "localhost/y:latest",
        "localhost/x:latest",
    )
    assert rt.store.image(two).names == ()
    assert rt.store.image(two).names_history == ("localhost/y:latest",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sha256:abc", "sha256:abc: tag by digest not supported"),
        ("BAD", 'normalizing name "BAD": repository name must be lowercase'),
        ("x@sha256:" + "a" * 64, "x@sha256:" + "a" * 64 + ": tag by digest not supported"),
    ],
)
def test_bad_tags(rt: Runtime, name: str, message: str) -> None:
    make_image(rt, "x")
    with pytest.raises(UsageError) as caught:
        tag(rt, "x", [name])
    assert str(caught.value) == message


def test_untag(rt: Runtime) -> None:
    one = make_image(rt, "x")
    tag(rt, "x", ["one", "two", "three"])
    with pytest.raises(UsageError, match=r"^r\.io/foo:bar: tag not known$"):
        untag(rt, "x", ["r.io/foo:bar"])
    untag(rt, "x", ["two"])
    assert not exists(rt, "two")  # no hex digits: those would find an ID
    untag(rt, one, [])
    assert rt.store.image(one).names == ()


def test_history_of_names(rt: Runtime) -> None:
    one = make_image(rt, "x")
    for name in ("r1", "r2"):
        tag(rt, "x", [name])
        remove_images(rt, [name], RemoveOptions())
    history = ("localhost/x:latest", "localhost/r2:latest", "localhost/r1:latest")
    assert rt.store.image(one).names_history == history


def test_rmi_untags_then_deletes(rt: Runtime) -> None:
    one = make_image(rt, "x")
    tag(rt, "x", ["y"])
    [report], errors = remove_images(rt, ["y"], RemoveOptions())
    assert (report.untagged, report.deleted, errors) == (["localhost/y:latest"], False, [])
    [report], errors = remove_images(rt, ["x"], RemoveOptions())
    assert (report.untagged, report.deleted, errors) == (["localhost/x:latest"], True, [])
    assert rt.store.images() == []
    assert rt.store.layers() == []
    assert not exists(rt, one)


def test_rmi_by_id(rt: Runtime) -> None:
    one = make_image(rt, "x")
    tag(rt, "x", ["y"])
    reports, [error] = remove_images(rt, [one[:12]], RemoveOptions())
    assert reports == []
    assert str(error) == (
        f'unable to delete image "{one}" by ID with more than one tag '
        "([localhost/y:latest localhost/x:latest]): please force removal"
    )
    assert exit_code([error]) == 125
    [report], errors = remove_images(rt, [one], RemoveOptions(force=True))
    assert report.untagged == ["localhost/y:latest", "localhost/x:latest"]
    assert report.deleted
    assert errors == []


def test_rmi_all_names_at_once(rt: Runtime) -> None:
    make_image(rt, "x")
    tag(rt, "x", ["y"])
    [report], errors = remove_images(rt, ["x", "y"], RemoveOptions())
    assert report.untagged == ["localhost/x:latest", "localhost/y:latest"]
    assert report.deleted
    assert errors == []


def test_rmi_unknown(rt: Runtime) -> None:
    make_image(rt, "x")
    reports, errors = remove_images(rt, ["nope", "x"], RemoveOptions())
    assert [str(error) for error in errors] == ["nope: image not known"]
    assert exit_code(errors) == 1
    assert len(reports) == 1
    assert remove_images(rt, ["nope"], RemoveOptions(ignore=True)) == ([], [])
    assert exit_code([]) == 0
    assert exit_code([*errors, PolypodError("x")]) == 125


def test_rmi_in_use(rt: Runtime) -> None:
    one = make_image(rt, "x")
    rt.store.create_container("c" * 64, ["c"], one, {}, False)
    reports, [error] = remove_images(rt, ["x"], RemoveOptions())
    assert str(error) == (
        f"image used by {'c' * 64}: image is in use by a container: "
        "consider listing external containers and force-removing image"
    )
    assert exit_code([error]) == 2
    assert exists(rt, "x")
    gone = rt.store.delete_container
    [report], errors = remove_images(rt, ["x"], RemoveOptions(force=True, remove_container=gone))
    assert (report.deleted, errors, rt.store.containers()) == (True, [], [])
    assert reports == [] or not reports[0].deleted


def test_remove_all(rt: Runtime) -> None:
    for n in range(3):
        make_image(rt, f"x{n}", {"a": str(n).encode()})
    reports, errors = remove_all(rt, RemoveOptions())
    assert errors == []
    assert all(report.deleted for report in reports)
    assert len(reports) == 3
    assert (rt.store.images(), rt.store.layers()) == ([], [])


def test_shared_read_only_store(rt: Runtime, tmp_path: Path) -> None:
    shared = make_image(rt, "shared", {"a": b"1"})
    own = open_runtime(
        {
            "root": str(tmp_path / "root"),
            "runroot": str(tmp_path / "run"),
            "storage-driver": "overlay",
            "storage-opt": [f"overlay.imagestore={rt.graphroot}"],
        }
    )
    assert lookup(own, "shared")[0].read_only
    reports, [error] = remove_images(own, ["shared"], RemoveOptions())
    assert (reports, str(error)) == ([], f'cannot remove read-only image "{shared}"')
    tag(own, "shared", ["mine"])
    assert lookup(own, "mine")[0].read_only is False
    assert lookup(own, "shared")[0].read_only is True
    assert lookup(own, shared[:12])[0].read_only is False
    listed = [(s["Names"], s.get("ReadOnly", False)) for s in list_images(own)]
    assert listed == [(["localhost/mine:latest"], False), (["localhost/shared:latest"], True)]
    reports, errors = remove_all(own, RemoveOptions())
    assert [(r.id, r.untagged) for r in reports] == [(shared, ["localhost/mine:latest"])]
    assert errors == []
    assert lookup(own, "shared")
    assert rt.store.layers()
    own.close()
