"""Proof that a signature stands in a Rekor log: the signed entry timestamp, checked offline.

Format: cosign's bundle annotation and rekor's ``hashedrekord`` 0.0.1.
"""

from __future__ import annotations

from ..errors import PolicyRejected
from .sigstore_crypto import verify
from .sigstore_keys import BadKey, PublicKey, read_pem
from .strict_json import Malformed, Node, parse

_MAX_SAFE = 1 << 53  # beyond it, canonical JSON has no one form of a number


def check(keys: list[PublicKey], bundle: str, signer: PublicKey, signature: bytes, payload: bytes) -> None:
    """Raise ``PolicyRejected`` unless one of Rekor's keys vouches for exactly this signature.

    ``bundle`` is the annotation, ``signer`` the key that made the signature of ``payload``.
    """
    try:
        top = parse(bundle.encode()).exactly("the Rekor bundle", ("SignedEntryTimestamp", "Payload"))
        canonical = _canonical(top["Payload"])
        stamp = _base64(top["SignedEntryTimestamp"], "SignedEntryTimestamp")
        if not any(key.kind == "ecdsa" and verify(key, canonical, stamp) for key in keys):
            raise PolicyRejected("the Rekor log's signature of the entry is not good")
        body = _base64(top["Payload"].value["body"], "body")
        _compare(parse(body), signer, signature, payload)
    except (Malformed, BadKey) as error:
        raise PolicyRejected(f"malformed Rekor entry: {error}") from None


def _canonical(node: Node) -> bytes:
    """The payload in the one form (RFC 8785) that Rekor signs."""
    from ..kit.fastjson import dumps

    members = node.exactly("Payload", ("body", "integratedTime", "logIndex", "logID"))
    for key in ("integratedTime", "logIndex"):
        number = members[key].value
        if isinstance(number, bool) or not isinstance(number, int) or abs(number) > _MAX_SAFE:
            raise Malformed(f"{key} must be a whole number", node.line)
    for key in ("body", "logID"):
        members[key].text(key)
    return dumps(node.plain(), sort_keys=True).encode()


def _compare(entry: Node, signer: PublicKey, signature: bytes, payload: bytes) -> None:
    import hashlib

    members = entry.keys("the entry")
    kind = [members[key].value if key in members else None for key in ("kind", "apiVersion")]
    if kind != ["hashedrekord", "0.0.1"]:
        raise PolicyRejected(f"the Rekor entry is of the unsupported kind {kind[0]} {kind[1]}")
    spec = members.get("spec", entry)
    logged = _base64(_at(spec, "signature", "publicKey", "content"), "publicKey")
    if read_pem(logged, "the key in the Rekor entry")[1] != signer.der:
        raise PolicyRejected("the Rekor entry is about another key")
    if _base64(_at(spec, "signature", "content"), "signature") != signature:
        raise PolicyRejected("the Rekor entry is about another signature")
    if _at(spec, "data", "hash", "algorithm").value != "sha256":
        raise PolicyRejected("the Rekor entry does not use sha256")
    if _at(spec, "data", "hash", "value").value != hashlib.sha256(payload).hexdigest():
        raise PolicyRejected("the Rekor entry is about another payload")


def _at(node: Node, *path: str) -> Node:
    for key in path:
        members = node.keys(key)
        if key not in members:
            raise Malformed(f'key "{key}" is missing', node.line)
        node = members[key]
    return node


def _base64(node: Node, name: str) -> bytes:
    from binascii import Error, a2b_base64

    try:
        return a2b_base64(node.text(name).encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError):
        raise Malformed(f"{name} is not base64", node.line) from None
