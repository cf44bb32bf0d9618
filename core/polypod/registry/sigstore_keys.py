"""Key files of sigstore signatures: PEM in and out of DER, and cosign's encrypted private keys.

Public keys are ``PUBLIC KEY`` (or ``RSA PUBLIC KEY``) blocks; private keys are cosign's
``ENCRYPTED SIGSTORE PRIVATE KEY`` (``ENCRYPTED COSIGN PRIVATE KEY`` in older files) or an
unencrypted ``PRIVATE KEY`` in PKCS #8. ECDSA over NIST curves, RSA from 2048 bits on, and Ed25519.
"""

from __future__ import annotations

from ..errors import PolypodError

_SEALED = ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY")
_SEQUENCE, _INTEGER, _BITS, _OID = 0x30, 0x02, 0x03, 0x06
_RSA_OID = bytes.fromhex("2a864886f70d010101")
_KINDS = {
    bytes.fromhex("2a8648ce3d0201"): "ecdsa",
    _RSA_OID: "rsa",
    bytes.fromhex("2b6570"): "ed25519",
}
#: The most memory that a key file may ask of scrypt, in bytes.
_MAX_SCRYPT = 1 << 30


class BadKey(PolypodError):
    """A key file is of no use; the message names it."""


class PublicKey:
    """A public key: ``kind`` (ecdsa, rsa, ed25519), the DER of its SubjectPublicKeyInfo, and PEM."""

    __slots__ = ("der", "kind", "name")

    def __init__(self, der: bytes, name: str) -> None:
        self.der = der
        self.name = name
        self.kind = _public_kind(der, name)

    @property
    def pem(self) -> bytes:
        """The key as a ``PUBLIC KEY`` block."""
        return pem_block("PUBLIC KEY", self.der)


def pem_block(label: str, data: bytes) -> bytes:
    """Data as a PEM block."""
    from binascii import b2a_base64

    lines = [b2a_base64(data[at : at + 48]) for at in range(0, len(data), 48)]
    return f"-----BEGIN {label}-----\n".encode() + b"".join(lines) + f"-----END {label}-----\n".encode()


def read_pem(text: bytes, name: str) -> tuple[str, bytes]:
    """Label and content of the one PEM block of a file; other text may stand around it."""
    from binascii import Error, a2b_base64

    _, begin, rest = text.partition(b"-----BEGIN ")
    label, dashes, rest = rest.partition(b"-----")
    body, end, after = rest.partition(b"-----END " + label + b"-----")
    if not begin or not dashes or not end or b"-----BEGIN " in after or b"\n" in label:
        raise BadKey(f"{name} does not hold one PEM block")
    try:
        return label.decode("ascii"), a2b_base64(b"".join(body.split()), strict_mode=True)
    except (Error, UnicodeDecodeError):
        raise BadKey(f"{name} is not valid PEM") from None


def public_key(text: bytes, name: str) -> PublicKey:
    """Read a public key file; ``name`` is for messages. Raises ``PolypodError``."""
    label, der = read_pem(text, name)
    if label == "RSA PUBLIC KEY":
        algorithm = _der(_SEQUENCE, _der(_OID, _RSA_OID) + b"\x05\x00")
        der = _der(_SEQUENCE, algorithm + _der(_BITS, b"\0" + der))
    elif label != "PUBLIC KEY":
        raise BadKey(f"{name} holds a {label.lower()}, not a public key")
    return PublicKey(der, name)


def private_key(text: bytes, name: str, passphrase: bytes) -> tuple[str, bytes]:
    """Kind and PKCS #8 DER of a private key file. Raises ``PolypodError``, also for a wrong passphrase."""
    label, data = read_pem(text, name)
    if label in _SEALED:
        data = _opened(data, name, passphrase)
    elif label != "PRIVATE KEY":
        raise BadKey(f"{name}: unsupported pem type: {label}")
    outer = _content(data, _SEQUENCE, name)
    _, rest = _take(outer, _INTEGER, name)
    return _kind(rest, name), data


def _opened(data: bytes, name: str, passphrase: bytes) -> bytes:
    import hashlib

    from .secretbox import unseal

    salt, cost, nonce, box = _sealed_parts(data, name)
    n, r, p = cost
    if not (0 < n * r * 128 * p <= _MAX_SCRYPT) or n & (n - 1) or n < 2:
        raise BadKey(f"{name}: unacceptable scrypt parameters")
    memory = n * r * 128 + (4 << 20)
    key = hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, dklen=32, maxmem=memory)
    opened = unseal(box, nonce, key)
    if opened is None:
        raise BadKey(f"decrypting {name}: the passphrase is wrong or the file is damaged")
    return opened


def _sealed_parts(data: bytes, name: str) -> tuple[bytes, tuple[int, int, int], bytes, bytes]:
    """Salt, (N, r, p), nonce and box of an encrypted key file's JSON."""
    from binascii import Error, a2b_base64

    from ..kit.fastjson import loads

    try:
        document = loads(data)
        kdf, cipher = document["kdf"], document["cipher"]
        if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox"):
            raise BadKey(f"{name}: encrypted with {kdf['name']} and {cipher['name']}, not known")
        cost = tuple(int(kdf["params"][key]) for key in ("N", "r", "p"))
        salt, nonce, box = (
            a2b_base64(text) for text in (kdf["salt"], cipher["nonce"], document["ciphertext"])
        )
    except (ValueError, KeyError, TypeError, Error):
        raise BadKey(f"{name} is not an encrypted private key of cosign") from None
    return salt, cost, nonce, box  # type: ignore[return-value]


# -- just enough DER ----------------------------------------------------------------------------


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 128 | len(digits))) + digits + content


def _take(data: bytes, tag: int, name: str) -> tuple[bytes, bytes]:
    """The content of the first value, which must have the tag, and what follows."""
    if len(data) < 2 or data[0] != tag:
        raise BadKey(f"{name} is not a key in DER")
    size, start = data[1], 2
    if size & 128:
        start = 2 + (size & 127)
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise BadKey(f"{name} is a truncated key")
    return data[start : start + size], data[start + size :]


def _content(data: bytes, tag: int, name: str) -> bytes:
    content, rest = _take(data, tag, name)
    if rest:
        raise BadKey(f"{name} has data after the key")
    return content


def _kind(data: bytes, name: str) -> str:
    algorithm, _ = _take(data, _SEQUENCE, name)
    oid, _ = _take(algorithm, _OID, name)
    if oid not in _KINDS:
        raise BadKey(f"{name}: unsupported key type; ECDSA, RSA and Ed25519 are supported")
    return _KINDS[oid]


def _public_kind(der: bytes, name: str) -> str:
    body = _content(der, _SEQUENCE, name)
    kind = _kind(body, name)
    if kind == "rsa":
        _, rest = _take(body, _SEQUENCE, name)
        bits = _content(rest, _BITS, name)
        modulus, _ = _take(_content(bits[1:], _SEQUENCE, name), _INTEGER, name)
        if int.from_bytes(modulus, "big").bit_length() < 2048:
            raise BadKey(f"{name}: RSA keys must have 2048 bits or more")
    return kind
