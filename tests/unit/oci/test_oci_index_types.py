"""Manifest lists whose values have other types than they should: ``ValueError``, never another."""

from __future__ import annotations

import json

import pytest
from polypod.oci import index, manifest

ENTRY = {"mediaType": manifest.OCI_MANIFEST, "digest": "sha256:" + "a" * 64, "size": 3}


def parse(**more: object) -> index.Index:
    document = {"mediaType": manifest.OCI_INDEX, "manifests": [ENTRY], **more}
    return index.parse(json.dumps(document).replace("Infinity", "1e999").encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [("manifests", 5), ("manifests", {"a": 1}), ("annotations", [1]), ("annotations", {"a": 1}),
     ("artifactType", 5)],
)  # fmt: skip
def test_parts_of_other_types(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'invalid "{key}"'):
        parse(**{key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [("platform", "x"), ("platform", [1]), ("size", [1]), ("size", float("inf")), ("size", 1 << 63),
     ("annotations", [1]), ("urls", "x"), ("urls", [1]), ("data", 5), ("mediaType", {})],
)  # fmt: skip
def test_descriptors_of_other_types(key: str, value: object) -> None:
    for where in ({"manifests": [{**ENTRY, key: value}]}, {"subject": {**ENTRY, key: value}}):
        with pytest.raises(ValueError, match=f'invalid "{key}"'):
            parse(**where)


@pytest.mark.parametrize(
    ("key", "value"), [("features", 5), ("features", [1]), ("os.features", "x"), ("os", 5)]
)
def test_platforms_of_other_types(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'invalid "{key}"'):
        parse(manifests=[{**ENTRY, "platform": {key: value}}])


def test_a_negative_size() -> None:
    with pytest.raises(ValueError, match="negative size"):
        parse(manifests=[{**ENTRY, "size": -1}])


def test_what_is_null() -> None:
    [entry] = parse(
        annotations=None, manifests=[{**ENTRY, "platform": None, "urls": None, "annotations": None}]
    ).entries
    assert (entry.platform, entry.urls, entry.annotations) == ({}, [], {})


@pytest.mark.parametrize("digest", ["sh\u00e4256:" + "a" * 64, "\u0661:" + "a" * 64])
def test_a_digest_is_ascii(digest: str) -> None:
    assert not manifest.is_digest(digest)
