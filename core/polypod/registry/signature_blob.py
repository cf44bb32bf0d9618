"""How a signature of either kind is stored: in ``dir:``, in the store, in a lookaside.

Simple signatures are the OpenPGP message itself; sigstore's are ``\\0sigstore-json\\n`` and a
JSON object with ``mimeType``, ``payload`` (base64) and ``annotations``, as
containers/image writes them.
"""

from __future__ import annotations

from ..errors import PolicyRejected
from ..model.struct import Struct

SIMPLE, SIGSTORE = "simple-signing", "sigstore-json"
#: The media type of cosign's signatures; attachments of other types are no signatures.
COSIGN_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
#: The largest signature that is read, in bytes.
MAX_SIZE = 4 << 20
#: Bytes that all signatures of an image may have together: they are held in memory.
MAX_TOTAL = 16 << 20

# First bytes of an OpenPGP message that is signed: compressed data, a one-pass signature, a signature.
_OPENPGP = frozenset(
    (0xA0, 0xA1, 0xA2, 0xA3, 0xC8, 0x90, 0x91, 0x92, 0xC4, 0x88, 0x89, 0x8A, 0x8B, 0xC2)
)


class Signature(Struct):
    """A signature as it came, nothing of it verified.

    ``kind`` is ``SIMPLE`` (``data`` is the OpenPGP message) or ``SIGSTORE`` (``data`` is
    the payload, ``annotations`` hold the signature).
    """

    kind: str
    data: bytes
    media_type: str = ""
    annotations: dict[str, str] = {}

    def blob(self) -> bytes:
        """The signature as one run of bytes."""
        if self.kind == SIMPLE:
            return self.data
        from base64 import b64encode

        from ..kit.fastjson import dumps

        document = {
            "mimeType": self.media_type,
            "payload": b64encode(self.data).decode(),
            "annotations": self.annotations,
        }
        return b"\0sigstore-json\n" + dumps(document).encode()


def from_blob(blob: bytes) -> Signature:
    """Read what :meth:`Signature.blob` wrote; raise ``PolicyRejected`` for anything else."""
    if not blob or len(blob) > MAX_SIZE:
        raise PolicyRejected("signature is empty" if not blob else "signature has more than 4 MiB")
    if blob[0] in _OPENPGP:
        return Signature(kind=SIMPLE, data=blob)
    name, newline, rest = blob[1:].partition(b"\n")
    if blob[0] != 0 or not newline:
        raise PolicyRejected(f"unrecognized signature format, starting with byte {blob[0]:#x}")
    if name == SIMPLE.encode():
        return Signature(kind=SIMPLE, data=rest)
    if name != SIGSTORE.encode():
        raise PolicyRejected(f"unrecognized signature format {name[:40]!r}")
    return _from_json(rest)


def _from_json(data: bytes) -> Signature:
    from binascii import Error, a2b_base64

    from .strict_json import Malformed, parse

    try:
        members = parse(data).keys("a sigstore signature")
        payload = a2b_base64(members["payload"].text("payload").encode("ascii"), strict_mode=True)
        kind = members["mimeType"].text("mimeType")
        notes = members["annotations"]
        pairs = notes.keys("annotations") if notes.value is not None else {}
        annotations = {key: value.text(key) for key, value in pairs.items()}
    except (Malformed, Error, KeyError, UnicodeEncodeError) as error:
        raise PolicyRejected(f"malformed sigstore signature: {error}") from None
    return Signature(kind=SIGSTORE, data=payload, media_type=kind, annotations=annotations)
