"""Digests of content: ``algorithm:hex``, checked while the content passes by."""

from __future__ import annotations

from ..errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIZES = {"sha256": 64, "sha384": 96, "sha512": 128}


def hasher(digest: str) -> Any:
    """A hash object for the digest's algorithm; raises ``RegistryError`` for an unknown one."""
    import hashlib

    algorithm, _, digits = digest.partition(":")
    if _SIZES.get(algorithm) != len(digits):
        raise RegistryError(f'unsupported digest "{digest[:160]}"')
    return hashlib.new(algorithm)


def digest_of(data: bytes, like: str = "sha256:") -> str:
    """The digest of some bytes, with the algorithm of ``like``."""
    import hashlib

    algorithm = like.partition(":")[0]
    if algorithm not in _SIZES:
        raise RegistryError(f'unsupported digest algorithm "{algorithm[:32]}"')
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
