"""Manifests whose values have other types than they should: one clear error, never a traceback."""

from __future__ import annotations

import json

import pytest
from polypod.oci import manifest

ENTRY = {"mediaType": manifest.OCI_LAYER, "digest": "sha256:" + "a" * 64, "size": 3}


@pytest.mark.parametrize("key", ["layers", "annotations"])
@pytest.mark.parametrize("value", [5, "x", True])
def test_parts_of_other_types(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=f'invalid "{key}"'):
        manifest.parse(json.dumps({"config": ENTRY, "layers": [ENTRY], key: value}).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [("size", [1]), ("size", "3"), ("size", float("inf")), ("size", True), ("platform", "linux"),
     ("annotations", [1])],
)  # fmt: skip
def test_descriptors_of_other_types(key: str, value: object) -> None:
    data = json.dumps({"config": ENTRY, "layers": [{**ENTRY, key: value}]}).encode()
    with pytest.raises(ValueError, match=f'invalid "{key}"'):
        manifest.parse(data)


def test_a_negative_size() -> None:
    data = json.dumps({"config": ENTRY, "layers": [{**ENTRY, "size": -5}]}).encode()
    with pytest.raises(ValueError, match="negative size"):
        manifest.parse(data)


def test_what_is_left_out_or_null() -> None:
    bare = {"digest": ENTRY["digest"], "size": None, "annotations": None}
    found = manifest.parse(json.dumps({"config": bare, "layers": None}).encode())
    assert found.layers == ()
    assert found.config is not None
    assert found.config.size == 0
