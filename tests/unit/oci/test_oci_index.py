"""Editable lists: what each of the two formats can hold."""

from __future__ import annotations

import json

import pytest
from polypod.oci import index, manifest

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def entry(digest: str = DIGEST, **more: object) -> index.Entry:
    platform = {"architecture": "arm", "os": "linux", "variant": "v7"}
    return index.Entry(digest, 10, manifest.OCI_MANIFEST, platform, **more)  # type: ignore[arg-type]


def test_an_empty_list_is_dockers() -> None:
    empty = index.Index()
    assert empty.serialize() == (
        b'{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json"'
        b',"manifests":null}'
    )
    assert index.parse(empty.serialize()).entries == []


def test_the_format_is_the_one_that_loses_nothing() -> None:
    it = index.Index()
    it.put(entry())
    assert it.natural_type() == manifest.OCI_INDEX
    it.entries[0].features = ["sse"]
    assert it.natural_type() == manifest.DOCKER_LIST
    it.annotations["a"] = "b"
    assert it.natural_type() == manifest.OCI_INDEX


def test_both_formats_there_and_back() -> None:
    it = index.Index()
    it.put(entry(annotations={"k": "v"}, artifact_type="t/x", urls=["https://x"], data="e30="))
    it.put(entry(OTHER))
    it.subject = index.Entry(OTHER, 3, manifest.OCI_INDEX)
    data = it.serialize(manifest.OCI_INDEX)
    assert index.parse(data).serialize(manifest.OCI_INDEX) == data
    row = json.loads(data)["manifests"][0]
    assert list(row) == [
        "mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType",
    ]  # fmt: skip
    docker = it.serialize(manifest.DOCKER_LIST)
    assert index.parse(docker).entries[0].platform["variant"] == "v7"
    assert "annotations" not in json.loads(docker)["manifests"][0]


def test_an_entry_is_there_once() -> None:
    it = index.Index()
    it.put(entry())
    it.put(entry(OTHER))
    it.put(entry())
    assert [e.digest for e in it.entries] == [OTHER, DIGEST]
    assert it.find(OTHER) is it.entries[0]
    assert it.remove(OTHER) and not it.remove(OTHER)


@pytest.mark.parametrize(
    "data",
    [b"[]", b"{}", b'{"manifests":[{"digest":"sha256:../x"}]}', b'{"manifests":[7]}', b"no json",
     b'{"schemaVersion":2,"config":{},"layers":[]}'],
)  # fmt: skip
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        index.parse(data)
