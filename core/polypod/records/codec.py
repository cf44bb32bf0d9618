"""Records as JSON bytes: what the state driver stores."""

from __future__ import annotations

from ..errors import CorruptRecord
from ..kit.fastjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def encode(document: dict[str, Any]) -> bytes:
    """One record as compact JSON."""
    return dumps(document).encode()


def decode(bucket: str, key: str, value: bytes) -> dict[str, Any]:
    """The document of one record; raises ``CorruptRecord`` when it is not a JSON object."""
    try:
        document = loads(value)
    except (ValueError, UnicodeDecodeError) as error:
        raise CorruptRecord(bucket, key, str(error)) from error
    if not isinstance(document, dict):
        raise CorruptRecord(bucket, key, "not an object")
    return document
