"""Keys for tests of signatures: a GnuPG home of its own, and key pairs as cosign makes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "ED25519"],
}


class GnuPG:
    """A key ring in a directory of its own; ``home`` is its GNUPGHOME."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {**os.environ, "GNUPGHOME": str(home), "LC_ALL": "C"}

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        """Run gpg; returns what it writes to standard output."""
        argv = ["gpg", "--batch", "--no-tty", "--yes", "--pinentry-mode", "loopback", *arguments]
        done = subprocess.run(argv, input=data, env=self.env, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make_key(self, mail: str, passphrase: str = "", expires: str = "never") -> str:
        """Make a signing key; returns its fingerprint. ``expires`` as gpg takes it (``seconds=1``)."""
        self.gpg("--passphrase", passphrase, "--quick-gen-key", f"Test <{mail}>", "ed25519", "sign", expires)
        listed = self.gpg("--with-colons", "--list-keys", mail).decode()
        return next(line for line in listed.splitlines() if line.startswith("fpr:")).split(":")[9]

    def export(self, mail: str, path: Path, armored: bool = False) -> Path:
        """Write the public key to a file."""
        path.write_bytes(self.gpg(*(["--armor"] if armored else []), "--export", mail))
        return path

    def sign(self, mail: str, content: bytes, *flags: str, how: str = "--sign") -> bytes:
        """A message of that content, signed."""
        return self.gpg("--passphrase", "", "--local-user", mail, *flags, how, data=content)


@contextmanager
def gnupg() -> Iterator[GnuPG]:
    """A new key ring; its agent is stopped and the directory deleted afterwards."""
    # Sockets have short paths only.
    home = Path(tempfile.mkdtemp(prefix="ppgpg"))
    try:
        yield GnuPG(home)
    finally:
        env = {**os.environ, "GNUPGHOME": str(home)}
        subprocess.run(["gpgconf", "--kill", "all"], env=env, capture_output=True, check=False)
        shutil.rmtree(home, ignore_errors=True)


def sigstore_key_pair(folder: Path, name: str = "key", kind: str = "ecdsa", passphrase: str = "secret") -> tuple[Path, Path]:
    """Private (encrypted as cosign does) and public key file; ``kind``: ecdsa, rsa or ed25519."""
    import hashlib
    from base64 import b64encode

    from ..kit.fastjson import dumps
    from ..registry.secretbox import seal
    from ..registry.sigstore_keys import pem_block

    pem = subprocess.run(["openssl", "genpkey", *_KINDS[kind]], capture_output=True, check=True).stdout
    convert = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-outform", "DER"]
    made = subprocess.run(convert, input=pem, capture_output=True, check=True).stdout
    public = subprocess.run(
        ["openssl", "pkey", "-pubout"], input=pem, capture_output=True, check=True
    ).stdout
    salt, nonce = os.urandom(32), os.urandom(24)
    n, r, p = 32768, 8, 1
    key = hashlib.scrypt(passphrase.encode(), salt=salt, n=n, r=r, p=p, dklen=32, maxmem=64 << 20)
    document = {
        "kdf": {"name": "scrypt", "params": {"N": n, "r": r, "p": p}, "salt": b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": b64encode(nonce).decode()},
        "ciphertext": b64encode(seal(made, nonce, key)).decode(),
    }
    private_path, public_path = folder / f"{name}.key", folder / f"{name}.pub"
    private_path.write_bytes(pem_block("ENCRYPTED COSIGN PRIVATE KEY", dumps(document).encode()))
    public_path.write_bytes(public)
    return private_path, public_path
