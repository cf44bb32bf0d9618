"""JSON that is nested too deeply: an error like that for any other JSON which is none."""

from __future__ import annotations

import pytest
from polypod.kit.fastjson import loads


@pytest.mark.parametrize("data", ["[" * 200_000, '{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000])
def test_depth_is_a_value_error(data: str | bytes) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        loads(data)


def test_depth_in_what_the_full_parser_judges() -> None:
    with pytest.raises(ValueError):
        loads("[1] " + "[" * 200_000)
