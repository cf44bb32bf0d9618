"""Signing and verifying with a key: by the package ``cryptography`` or, without it, by openssl.

Both do the same: ECDSA and RSA (PKCS #1 v1.5) over SHA-256, Ed25519 over the data itself.
``pip install polypod[signatures]`` brings the package; the openssl command is on most hosts.
"""

from __future__ import annotations

import os

from ..errors import PolypodError
from .sigstore_keys import PublicKey, pem_block

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def verify(key: PublicKey, data: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's, of this data."""
    if _package() is not None:
        return _package_verify(key, data, signature)
    return _openssl_verify(key, data, signature)


def sign(kind: str, private: bytes, data: bytes) -> bytes:
    """Sign with a private key of that kind, in PKCS #8 DER."""
    if _package() is not None:
        return _package_sign(kind, private, data)
    return _openssl_sign(kind, private, data)


def _package() -> Any:
    """The ``cryptography`` package's serialization, ``None`` where it is not installed."""
    try:
        from cryptography.hazmat.primitives import serialization
    except ImportError:
        return None
    return serialization


def _package_verify(key: PublicKey, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        public = _package().load_der_public_key(key.der)
        public.verify(signature, data, *_scheme(key.kind))
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PolypodError(f"{key.name} is not a usable public key: {error}") from None
    return True


def _package_sign(kind: str, private: bytes, data: bytes) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        key = _package().load_der_private_key(private, password=None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PolypodError(f"the private key is not usable: {error}") from None
    return bytes(key.sign(data, *_scheme(kind)))


def _scheme(kind: str) -> tuple[Any, ...]:
    """What the package wants to be told beside the data."""
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.hashes import SHA256

    if kind == "ecdsa":
        return (ec.ECDSA(SHA256()),)
    return (padding.PKCS1v15(), SHA256()) if kind == "rsa" else ()


# -- openssl ------------------------------------------------------------------------------------


class _Memory:
    """Bytes under a path that a child process can open, and never on a disk."""

    def __init__(self, data: bytes) -> None:
        self._fd = os.memfd_create("polypod-key", os.MFD_CLOEXEC)
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    def close(self) -> None:
        os.close(self._fd)


def _openssl(arguments: list[str], files: dict[str, bytes]) -> tuple[int, bytes, str]:
    """Run ``openssl pkeyutl`` with some files; exit code, output and the first line of errors."""
    import shutil

    from ..kit.spawn import run

    program = shutil.which("openssl")
    if program is None:
        raise PolypodError(
            "sigstore signatures need the Python package cryptography (pip install "
            "'polypod[signatures]') or the openssl command; neither is installed"
        )
    memories = {flag: _Memory(data) for flag, data in files.items()}
    try:
        argv = [program, "pkeyutl", *arguments, "-rawin"]
        for flag, memory in memories.items():
            argv += [flag, memory.path]
        result = run(argv, timeout=60.0)
    finally:
        for memory in memories.values():
            memory.close()
    return result.code, result.stdout, result.stderr.decode("utf-8", "replace").partition("\n")[0]


def _digest(kind: str) -> list[str]:
    return [] if kind == "ed25519" else ["-digest", "sha256"]


def _openssl_verify(key: PublicKey, data: bytes, signature: bytes) -> bool:
    if not signature:
        return False
    code, output, _ = _openssl(
        ["-verify", "-pubin", *_digest(key.kind)],
        {"-inkey": key.pem, "-in": data, "-sigfile": signature},
    )
    return code == 0 and b"Signature Verified Successfully" in output


def _openssl_sign(kind: str, private: bytes, data: bytes) -> bytes:
    key = pem_block("PRIVATE KEY", private)
    code, output, error = _openssl(["-sign", *_digest(kind)], {"-inkey": key, "-in": data})
    if code or not output:
        raise PolypodError(f"signing with openssl failed: {error}")
    return output
