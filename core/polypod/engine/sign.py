"""Signs images: while they are pushed, and by ``image sign`` where they lie.

Simple signatures go to the lookaside of registries.d(5), sigstore's beside the image into the
registry, which ``use-sigstore-attachments`` must allow.
"""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.destination import Destination
    from ..oci.outgoing import OutImage
    from ..oci.reference import Reference
    from ..registry.lookaside import Lookaside
    from ..registry.repository import Repository
    from ..registry.sigstore import Signer as SigstoreSigner


class SignOptions(Struct):
    """With what to sign; all empty: not at all.

    ``sign_by`` names a key of the user's GnuPG key ring, ``passphrase`` opens it (``None``: gpg
    asks); ``sigstore_key`` is the path of a private key file, ``sigstore_passphrase`` opens it.
    """

    sign_by: str = ""
    passphrase: str | None = None
    sigstore_key: str = ""
    sigstore_passphrase: str = ""

    def __bool__(self) -> bool:
        return bool(self.sign_by or self.sigstore_key)


class Signer:
    """Signs any number of manifests. Make it before the upload: it fails early."""

    def __init__(self, options: SignOptions) -> None:
        """Open the keys; raises ``PolypodError``."""
        self._options = options
        self._sigstore: SigstoreSigner | None = None
        if options.sigstore_key:
            from ..registry.sigstore import Signer as SigstoreSigner

            self._sigstore = SigstoreSigner(
                options.sigstore_key, options.sigstore_passphrase.encode()
            )
        if options.sign_by:
            from ..registry import gpg

            gpg.program()

    def check_registry(self, reference: Reference) -> None:
        """Raise ``PolypodError`` when the signatures of an image in a registry cannot be stored."""
        from ..registry import lookaside

        places = lookaside.load()
        if self._options.sign_by:
            lookaside.local_path(places.base(reference, write=True))
        if self._sigstore is not None:
            _need_attachments(places, reference)

    def sign(self, manifest: bytes, reference: Reference) -> list[bytes]:
        """Signatures of a manifest as ``reference``, in the form in which they are stored."""
        from time import time

        from ..registry import simple_signing

        if not (reference.tag or reference.digest):
            raise UsageError(f"{reference} cannot be signed: it has neither a tag nor a digest")
        found = []
        if self._options.sign_by:
            options = self._options
            found.append(
                simple_signing.create(
                    manifest, str(reference), options.sign_by, time(), options.passphrase
                )
            )
        if self._sigstore is not None:
            found.append(self._sigstore.create(manifest, str(reference), time()))
        return [signature.blob() for signature in found]


def open_signer(options: SignOptions, destination: Destination, name: str) -> Signer | None:
    """A signer for what is pushed to a destination, ``None`` when nothing is to be signed.

    Raises ``PolypodError`` before anything is sent when signatures cannot be made or stored
    there; ``name`` is what messages call the destination.
    """
    if not options:
        return None
    if destination.reference is None or not destination.signatures:
        raise UsageError(f"cannot sign {name}: only images in registries can be signed")
    signer = Signer(options)
    signer.check_registry(destination.reference)
    return signer


def sign(signer: Signer, destination: Destination, manifest: bytes, instance: bool = False) -> None:
    """Sign a manifest that was written to a destination, under the name that it has there."""
    from ..oci.manifest import sha256

    assert destination.reference is not None  # open_signer has looked
    blobs = signer.sign(manifest, destination.reference)
    destination.put_signatures(blobs, sha256(manifest), instance)


def carry(destination: Destination, image: OutImage, manifest: bytes, instance: bool) -> None:
    """Store the signatures that an image brought along, should its manifest be the same.

    They are an addition: that they cannot be stored is a warning, and the image is pushed.
    """
    from ..kit import log
    from ..oci.manifest import sha256

    blobs = image.signatures()
    if not blobs:
        return
    try:
        if manifest != image.manifest:
            raise PolypodError("the manifest is another one at the destination")
        destination.put_signatures(blobs, sha256(manifest), instance)
    except PolypodError as error:
        log.warning(
            f"The image's signatures were not copied: {error} (--remove-signatures says so beforehand)"
        )


def sign_and_store(
    repository: Repository, reference: Reference, manifest: bytes, signer: Signer
) -> None:
    """Sign a manifest of a registry and store the signatures. Raises ``PolypodError``."""
    from ..oci.manifest import sha256

    store(repository, sha256(manifest), signer.sign(manifest, reference))


def store(repository: Repository, digest: str, blobs: list[bytes]) -> None:
    """Store signatures of a manifest of a registry where registries.d says."""
    from ..registry import attachments, lookaside
    from ..registry.signature_blob import SIGSTORE, from_blob

    if not blobs:
        return
    places = lookaside.load()
    reference = repository.endpoint.reference
    by_kind: dict[bool, list[bytes]] = {True: [], False: []}
    for blob in blobs:
        by_kind[from_blob(blob).kind == SIGSTORE].append(blob)
    if by_kind[False]:
        base = places.base(reference, write=True)
        lookaside.add(lookaside.local_path(lookaside.location(base, digest)), by_kind[False])
    if by_kind[True]:
        _need_attachments(places, reference)
        attachments.write(repository, digest, list(map(from_blob, by_kind[True])))


def _need_attachments(places: Lookaside, reference: Reference) -> None:
    if not places.attachments(reference):
        raise PolypodError(
            f"cannot store a sigstore signature of {reference}: writing sigstore attachments is "
            "disabled by configuration; set use-sigstore-attachments: true in registries.d"
        )
