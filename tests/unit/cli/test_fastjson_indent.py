"""Indented JSON is what the standard library writes, and costs no import of it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from polypod.kit import fastjson

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.floats(allow_nan=False, allow_infinity=False),
)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=4), inner, max_size=3),
        st.dictionaries(st.integers(), inner, max_size=2),
    ),
    max_leaves=12,
)


@given(documents, st.sampled_from([1, 2, 4, 5]))
def test_indented(document: Any, indent: int) -> None:
    expected = json.dumps(document, indent=indent, ensure_ascii=False)
    assert fastjson.dumps(document, indent=indent) == expected


def test_sorted_keys_and_own_types() -> None:
    class Noun:
        def to_dict(self) -> dict[str, int]:
            return {"b": 1, "a": 2}

    text = fastjson.dumps({"x": Noun(), "e": {}, "s": {2, 1}}, indent=2, sort_keys=True)
    assert text == json.dumps({"e": {}, "s": [1, 2], "x": {"a": 2, "b": 1}}, indent=2)
