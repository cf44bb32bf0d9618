"""Sigstore signatures with a key, as cosign and containers/image make and check them.

The payload is the JSON of :mod:`polypod.registry.claims`; its signature stands in an
annotation, in base64. How they lie in a registry: :mod:`polypod.registry.attachments`.
"""

from __future__ import annotations

from ..errors import PolicyRejected
from . import rekor
from .claims import COSIGN, Claim, make_claim, read_claim
from .signature_blob import COSIGN_TYPE, MAX_SIZE, SIGSTORE, Signature
from .sigstore_crypto import sign as _sign
from .sigstore_crypto import verify as _verify
from .sigstore_keys import PublicKey, private_key, public_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .policy import Keys

SIGNATURE = "dev.cosignproject.cosign/signature"
BUNDLE = "dev.sigstore.cosign/bundle"


class Signer:
    """A private key, opened once for any number of signatures."""

    def __init__(self, path: str, passphrase: bytes = b"") -> None:
        """Read the key file at ``path``; raises ``PolypodError``."""
        from .sigstore_keys import BadKey

        try:
            with open(path, "rb") as file:
                text = file.read(MAX_SIZE)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise BadKey(f"reading private key: open {path}: {reason}") from None
        self._kind, self._private = private_key(text, path, passphrase)

    def create(self, manifest: bytes, reference: str, now: float) -> Signature:
        """Sign a manifest as ``reference`` (a full name with tag or digest); ``now`` in seconds."""
        from base64 import b64encode

        from ..oci.manifest import sha256

        payload = make_claim(COSIGN, sha256(manifest), reference, now)
        signature = _sign(self._kind, self._private, payload)
        return Signature(
            kind=SIGSTORE,
            data=payload,
            media_type=COSIGN_TYPE,
            annotations={SIGNATURE: b64encode(signature).decode()},
        )


class Verifier:
    """The public keys of one requirement, and of the Rekor logs that it asks for."""

    def __init__(self, keys: Keys, log_keys: Keys) -> None:
        """Read the keys; raises ``PolypodError`` for a file that is missing or no key."""
        self._keys = [public_key(text, name) for name, text in keys.read()]
        self._logs = [public_key(text, name) for name, text in log_keys.read()]
        for key in self._logs:
            if key.kind != "ecdsa":
                raise PolicyRejected(f"{key.name}: the key of a Rekor log must be ECDSA")

    def verify(self, signature: Signature) -> Claim:
        """What a signature says, once it is proved to come from one of the keys.

        The caller still compares digest and name. Raises ``PolicyRejected``.
        """
        from binascii import Error, a2b_base64

        if signature.kind != SIGSTORE or signature.media_type != COSIGN_TYPE:
            raise PolicyRejected("not a sigstore signature")
        if len(signature.data) > MAX_SIZE:
            raise PolicyRejected("signature has more than 4 MiB")
        try:
            given = signature.annotations.get(SIGNATURE, "").encode("ascii")
            raw = a2b_base64(given, strict_mode=True)
        except (Error, UnicodeEncodeError):
            raise PolicyRejected(f"the annotation {SIGNATURE} is not base64") from None
        if not raw:
            raise PolicyRejected(f"missing annotation {SIGNATURE}")
        candidates = self._logged(signature, raw) if self._logs else self._keys
        if not any(_verify(key, signature.data, raw) for key in candidates):
            raise PolicyRejected("the signature is not one of the accepted keys'")
        return read_claim(signature.data, COSIGN)

    def _logged(self, signature: Signature, raw: bytes) -> list[PublicKey]:
        """The key for which a Rekor log vouches."""
        bundle = signature.annotations.get(BUNDLE)
        if bundle is None:
            raise PolicyRejected(f"missing annotation {BUNDLE}")
        reasons = []
        for key in self._keys:
            try:
                rekor.check(self._logs, bundle, key, raw, signature.data)
            except PolicyRejected as error:
                reasons.append(str(error))
            else:
                return [key]
        raise PolicyRejected("; ".join(dict.fromkeys(reasons)))
