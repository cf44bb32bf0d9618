"""NaCl's secretbox (XSalsa20 and Poly1305) for some hundred bytes: cosign's private key files.

Written out because a key file is all that needs it here: the libraries that have it
would be a dependency for one call a signing. Sources: D. J. Bernstein, "Extending
the Salsa20 nonce" and "The Poly1305-AES message-authentication code".
"""

from __future__ import annotations

_SIGMA = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
_MASK = 0xFFFFFFFF
# Quarter rounds of a double round: columns, then rows.
_QUARTERS = (
    (0, 4, 8, 12), (5, 9, 13, 1), (10, 14, 2, 6), (15, 3, 7, 11),
    (0, 1, 2, 3), (5, 6, 7, 4), (10, 11, 8, 9), (15, 12, 13, 14),
)  # fmt: skip


def _words(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


def _bytes(words: list[int]) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


def _state(key: bytes, block: bytes) -> list[int]:
    """Salsa20's matrix of 16 words for a key of 32 bytes and an input of 16."""
    k, n = _words(key), _words(block)
    return [
        _SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3],
    ]  # fmt: skip


def _rounds(state: list[int]) -> list[int]:
    x = list(state)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            for to, one, two, turn in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
                value = (x[one] + x[two]) & _MASK
                x[to] ^= (value << turn | value >> (32 - turn)) & _MASK
    return x


def _stream(key: bytes, nonce: bytes, size: int) -> bytes:
    """``size`` bytes of XSalsa20's key stream; the nonce has 24 bytes."""
    mixed = _rounds(_state(key, nonce[:16]))
    derived = _bytes([mixed[at] for at in (0, 5, 10, 15, 6, 7, 8, 9)])
    stream = b""
    counter = 0
    while len(stream) < size:
        state = _state(derived, nonce[16:] + counter.to_bytes(8, "little"))
        done = _rounds(state)
        stream += _bytes([(a + b) & _MASK for a, b in zip(state, done, strict=True)])
        counter += 1
    return stream[:size]


def _tag(key: bytes, message: bytes) -> bytes:
    """Poly1305 with a one-time key of 32 bytes."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        chunk = message[at : at + 16] + b"\1"
        total = (total + int.from_bytes(chunk, "little")) * r % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def unseal(box: bytes, nonce: bytes, key: bytes) -> bytes | None:
    """Decrypt; ``None`` when the key is wrong or the box was changed."""
    import hmac

    if len(key) != 32 or len(nonce) != 24 or len(box) < 16:
        return None
    stream = _stream(key, nonce, 32 + len(box) - 16)
    if not hmac.compare_digest(_tag(stream[:32], box[16:]), box[:16]):
        return None
    return bytes(a ^ b for a, b in zip(box[16:], stream[32:], strict=True))


def seal(message: bytes, nonce: bytes, key: bytes) -> bytes:
    """Encrypt with a nonce that this key has not been used with."""
    stream = _stream(key, nonce, 32 + len(message))
    body = bytes(a ^ b for a, b in zip(message, stream[32:], strict=True))
    return _tag(stream[:32], body) + body
