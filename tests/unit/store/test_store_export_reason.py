"""Why mkfs failed, in one line."""

from __future__ import annotations

import pytest
from polypod.store.export import _reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("<E> erofs_io: failed to open(/x).\nusage: [options] FILE\n\nAvailable: lz4\n\n",
         "<E> erofs_io: failed to open(/x)."),
        ("\nWrite failed because No space left on device\nFATAL ERROR: Failed to write\n",
         "Write failed because No space left on device; FATAL ERROR: Failed to write"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_reason_and_not_the_help(said: str, reason: str) -> None:
    assert _reason(said) == reason
