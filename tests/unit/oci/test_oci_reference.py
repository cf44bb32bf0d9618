"""Image references: grammar and completion."""

from __future__ import annotations

import pytest
from polypod.errors import UsageError
from polypod.oci import reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("busybox", ("", "busybox", "", "")),
        ("busybox:1.36", ("", "busybox", "1.36", "")),
        ("a/b", ("a", "b", "", "")),
        ("quay.io/a/b:c", ("quay.io", "a/b", "c", "")),
        ("localhost:5000/x", ("localhost:5000", "x", "", "")),
        ("host:5000", ("", "host", "5000", "")),
        ("[2001:db8::1]:5000/x", ("[2001:db8::1]:5000", "x", "", "")),
        (f"x@{DIGEST}", ("", "x", "", DIGEST)),
        (f"r.io/x:t@{DIGEST}", ("r.io", "x", "t", DIGEST)),
        ("a__b/c--d.e", ("", "a__b/c--d.e", "", "")),
        ("x:" + "t" * 128, ("", "x", "t" * 128, "")),
    ],
)
def test_parts(text: str, parts: tuple[str, str, str, str]) -> None:
    ref = reference.parse(text)
    assert (ref.domain, ref.path, ref.tag, ref.digest) == parts
    assert str(ref) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "repository name must have at least one component"),
        ("FOO", "repository name must be lowercase"),
        ("a___b", "invalid reference format"),
        ("a._b", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a:.t", "invalid reference format"),
        ("x:" + "t" * 129, "invalid reference format"),
        ("x@sha256:abc", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("../etc", "invalid reference format"),
        ("a" * 300, "repository name must not be more than 255 characters"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        reference.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "local", "docker"),
    [
        ("foo", "localhost/foo:latest", "docker.io/library/foo:latest"),
        ("foo/bar:1", "localhost/foo/bar:1", "docker.io/foo/bar:1"),
        ("docker.io/alpine", "docker.io/library/alpine:latest", "docker.io/library/alpine:latest"),
        ("index.docker.io/a/b", "docker.io/a/b:latest", "docker.io/a/b:latest"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        (f"q.io/x:t@{DIGEST}", f"q.io/x@{DIGEST}", f"q.io/x@{DIGEST}"),
    ],
)
def test_completed(text: str, local: str, docker: str) -> None:
    assert str(reference.normalize(text)) == local
    assert str(reference.normalize_docker(text)) == docker


def test_upper_case_namespace_is_refused() -> None:
    with pytest.raises(UsageError, match="repository name must be lowercase"):
        reference.normalize("Foo/bar")


def test_candidates_in_podmans_order() -> None:
    found = reference.candidates(reference.parse("x"), "quay.io/a/x", ("r.io", "docker.io"))
    assert [str(candidate) for candidate in found] == [
        "quay.io/a/x:latest",
        "localhost/x:latest",
        "r.io/x:latest",
        "docker.io/library/x:latest",
        "docker.io/library/x:latest",
    ]
    full = reference.candidates(reference.parse("r.io/x"))
    assert [str(candidate) for candidate in full] == ["r.io/x:latest"]


def test_ids() -> None:
    assert reference.is_id("0" * 64)
    assert not reference.is_id("0" * 63)
    assert not reference.is_id("G" * 64)
    assert reference.is_hex("abc")
    assert not reference.is_hex("")
