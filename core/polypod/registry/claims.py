"""What a signature says: the JSON that both kinds sign (containers-signature(5)).

``critical`` names the type, the manifest's digest and the image's name; nothing else may
stand there. ``optional`` may hold anything, but what is known must be well-formed.
"""

from __future__ import annotations

from ..errors import PolicyRejected
from ..model.struct import Struct
from ..oci.manifest import is_digest
from .strict_json import Malformed, Node, parse

ATOMIC = "atomic container signature"
COSIGN = "cosign container image signature"


class Claim(Struct):
    """The verified content of a signature."""

    digest: str  # of the manifest, algorithm:hex
    reference: str  # the name that the signer gives the image
    creator: str = ""
    timestamp: int = 0  # seconds since 1970, 0 when absent


def make_claim(kind: str, digest: str, reference: str, now: float) -> bytes:
    """The JSON to sign; ``kind`` is :data:`ATOMIC` or :data:`COSIGN`, ``now`` in seconds."""
    from .. import __version__
    from ..kit.fastjson import dumps

    document = {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": {"creator": f"polypod {__version__}", "timestamp": int(now)},
    }
    return dumps(document).encode()


def read_claim(payload: bytes, kind: str) -> Claim:
    """Decode a payload whose signature was verified; raise ``PolicyRejected`` for a bad one."""
    try:
        top = parse(payload).exactly("the signature's payload", ("critical", "optional"))
        critical = top["critical"].exactly("critical", ("type", "image", "identity"))
        if critical["type"].text("type") != kind:
            raise Malformed(f'unrecognized signature type "{critical["type"].value}"', 1)
        image = critical["image"].exactly("image", ("docker-manifest-digest",))
        digest = image["docker-manifest-digest"].text("docker-manifest-digest")
        if not is_digest(digest):
            raise Malformed(f'invalid docker-manifest-digest "{digest}"', 1)
        identity = critical["identity"].exactly("identity", ("docker-reference",))
        reference = identity["docker-reference"].text("docker-reference")
        creator, timestamp = _optional(top["optional"], null_is_fine=kind == COSIGN)
    except Malformed as error:
        raise PolicyRejected(f"malformed signature payload: {error.reason}") from None
    return Claim(digest=digest, reference=reference, creator=creator, timestamp=timestamp)


def _optional(node: Node, null_is_fine: bool) -> tuple[str, int]:
    # cosign writes null when nobody asked for annotations.
    if node.value is None and null_is_fine:
        return "", 0
    members = node.keys("optional")
    creator = members["creator"].text("creator") if "creator" in members else ""
    stamp = members["timestamp"].value if "timestamp" in members else 0
    if isinstance(stamp, bool) or not isinstance(stamp, (int, float)) or stamp != int(stamp):
        raise Malformed("timestamp must be a whole number", node.line)
    return creator, int(stamp)


def check_digest(claim: Claim, manifest: bytes) -> None:
    """Raise ``PolicyRejected`` unless the claim is about these bytes."""
    import hashlib

    algorithm, _, wanted = claim.digest.partition(":")
    if algorithm not in ("sha256", "sha384", "sha512"):
        raise PolicyRejected(f"signature for digest {claim.digest} uses an unknown algorithm")
    if hashlib.new(algorithm, manifest).hexdigest() != wanted:
        raise PolicyRejected(f"signature for digest {claim.digest} does not match")
