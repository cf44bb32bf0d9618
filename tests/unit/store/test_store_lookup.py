"""Names, tags, digests and prefixes find what podman finds."""

from __future__ import annotations

import pytest
from polypod.errors import NoSuchImage, UsageError
from polypod.model.image import Image
from polypod.store.lookup import find

DIGEST = "sha256:" + "d" * 64
A = Image(id="aaa1" + "0" * 60, names=("localhost/busybox:latest", "localhost/busybox:1.36"))
B = Image(id="aab2" + "0" * 60, names=("quay.io/org/app:v1",), digest=DIGEST, digests=(DIGEST,))
C = Image(id="cafe" + "0" * 60, names=("docker.io/library/alpine:latest",))
D = Image(id="beef" + "0" * 60, names=("registry:5000/team/tool:latest",))
ALL = [A, B, C, D]


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("busybox", A),
        ("busybox:1.36", A),
        ("localhost/busybox", A),
        ("aaa", A),
        ("aaa1" + "0" * 60, A),
        ("sha256:aaa1" + "0" * 60, A),
        ("quay.io/org/app:v1", B),
        ("org/app:v1", B),
        ("app:v1", B),
        ("quay.io/org/app@" + DIGEST, B),
        ("app@" + DIGEST, B),
        ("quay.io/org/app:other@" + DIGEST, B),
        ("alpine", C),
        ("library/alpine", C),
        ("docker.io/alpine", C),
        ("docker.io/library/alpine:latest", C),
        ("cafe", C),
        ("registry:5000/team/tool", D),
        ("tool", D),
        ("containers-storage:localhost/busybox:latest", A),
    ],
)
def test_found(name, image):
    assert find(ALL, name) is image


@pytest.mark.parametrize(
    "name",
    ["nothing", "busybox:2", "ox", "example.com/busybox", "f" * 64, "sha256:cafe", "app", "", "ffff"],
)
def test_not_found_names_what_was_asked(name):
    with pytest.raises(NoSuchImage) as caught:
        find(ALL, name)
    assert name in str(caught.value)


def test_search_registries_come_before_docker_io():
    images = [
        Image(id="1" * 64, names=("docker.io/library/x:latest",)),
        Image(id="2" * 64, names=("registry.example/x:latest",)),
    ]
    assert find(images, "x", ["registry.example"]).id == "2" * 64
    assert find(images, "x").id == "1" * 64


def test_an_ambiguous_prefix_is_an_error():
    with pytest.raises(UsageError, match="aa is ambiguous"):
        find(ALL, "aa")
