"""Simple signing: an OpenPGP message whose content names an image (containers-signature(5))."""

from __future__ import annotations

from ..errors import PolicyRejected
from .claims import ATOMIC, Claim, make_claim, read_claim
from .signature_blob import MAX_SIZE, SIMPLE, Signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .gpg import Keyring


def create(
    manifest: bytes, reference: str, key: str, now: float, passphrase: str | None = None
) -> Signature:
    """Sign a manifest as ``reference`` (a full name with tag or digest) with a key of the user's.

    ``now`` is the time to state, in seconds since 1970. Raises ``PolypodError``.
    """
    from ..oci.manifest import sha256
    from . import gpg

    payload = make_claim(ATOMIC, sha256(manifest), reference, now)
    return Signature(kind=SIMPLE, data=gpg.sign(payload, key, passphrase))


def verify(signature: Signature, keyring: Keyring) -> Claim:
    """What a signature says, once it is proved to come from one of the keys.

    The caller still compares digest and name. Raises ``PolicyRejected``.
    """
    if signature.kind != SIMPLE:
        raise PolicyRejected("not a simple signature")
    if len(signature.data) > MAX_SIZE:
        raise PolicyRejected("signature has more than 4 MiB")
    content, _ = keyring.verify(signature.data)
    return read_claim(content, ATOMIC)
