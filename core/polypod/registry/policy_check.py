"""Judging an image by policy.json: each requirement in turn, signatures only when one needs them."""

from __future__ import annotations

from ..errors import PolicyRejected, PolypodError
from ..model.struct import Struct
from ..oci.reference import Reference
from .claims import check_digest
from .signature_blob import SIGSTORE, SIMPLE, Signature, from_blob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .claims import Claim
    from .policy import Policy, Requirement


class Subject(Struct):
    """The image to judge.

    ``transport`` as in policy.json; ``scopes`` from the most specific on
    (:mod:`polypod.registry.policy_scopes`); ``name`` is what messages call it
    (``docker://host/repo:tag``); ``reference`` the full name that signatures must claim,
    ``None`` where the transport has none.
    """

    transport: str
    scopes: list[str]
    name: str
    reference: Reference | None = None


def check(
    policy: Policy,
    subject: Subject,
    manifest: bytes,
    signatures: Callable[[], list[bytes]] = list,
) -> tuple[bytes, ...]:
    """Let an image in or raise ``PolicyRejected``; returns the signatures that were accepted.

    ``manifest`` are the bytes whose digest the signatures must name, of the very image that
    is going to be stored; ``signatures`` fetches their blobs and is called at most once,
    and not at all when no requirement needs one. The message names the image, the
    requirement, and the policy's file and line.
    """
    scope, requirements = policy.requirements(subject.transport, subject.scopes)
    fetched: list[bytes] | None = None
    accepted: dict[bytes, None] = {}
    for requirement in requirements:
        if requirement.type == "insecureAcceptAnything":
            continue
        try:
            if requirement.type == "reject":
                raise PolicyRejected(f"running image {subject.name} is rejected by policy")
            _supported(requirement)
            if fetched is None:
                fetched = signatures()
            accepted[_accepted(requirement, subject, manifest, fetched)] = None
        except PolypodError as error:
            where = f'{requirement.type} of "{scope}", {policy.path} line {requirement.line}'
            raise PolicyRejected(
                f"source image rejected: {_about(subject, str(error))} ({where})"
            ) from None
    return tuple(accepted)


def _about(subject: Subject, reason: str) -> str:
    return reason if subject.name in reason else f"{subject.name}: {reason}"


def _supported(requirement: Requirement) -> None:
    """Refuse what the format knows and polypod cannot check."""
    what = requirement.unsupported
    if requirement.type == "signedBaseLayer":
        what = "signedBaseLayer"
    elif requirement.type == "signedBy" and requirement.key_type != "GPGKeys":
        what = f"keyType {requirement.key_type}"
    if what:
        raise PolicyRejected(f"{what} is not supported, so nothing can satisfy this requirement")


def _accepted(
    requirement: Requirement, subject: Subject, manifest: bytes, blobs: list[bytes]
) -> bytes:
    """The first signature that satisfies a requirement."""
    wanted = SIMPLE if requirement.type == "signedBy" else SIGSTORE
    reasons: list[str] = []
    found: list[tuple[bytes, Signature]] = []
    for blob in blobs:
        try:
            signature = from_blob(blob)
        except PolicyRejected as error:
            reasons.append(str(error))
            continue
        if signature.kind == wanted:
            found.append((blob, signature))
    if found:
        accepted = _first_good(requirement, subject, manifest, found, reasons)
        if accepted is not None:
            return accepted
    elif not reasons:
        others = f" ({len(blobs)} of another kind)" if blobs else ""
        raise PolicyRejected(f"a signature was required, but no signature exists{others}")
    raise PolicyRejected(
        reasons[0]
        if len(reasons) == 1
        else "none of the signatures were accepted, reasons: " + "; ".join(dict.fromkeys(reasons))
    )


def _first_good(
    requirement: Requirement,
    subject: Subject,
    manifest: bytes,
    found: list[tuple[bytes, Signature]],
    reasons: list[str],
) -> bytes | None:
    """The first signature that is good and about this image; adds to ``reasons`` what is wrong."""
    verify, close = _verifier(requirement)
    try:
        for blob, signature in found:
            try:
                claim = verify(signature)
                check_digest(claim, manifest)
                if requirement.identity.accepts(subject.reference, claim.reference):
                    return blob
                reasons.append(
                    f'signature for identity "{claim.reference}" is not accepted '
                    f"({requirement.identity.describe()})"
                )
            except PolicyRejected as error:
                reasons.append(str(error))
    finally:
        close()
    return None


def _verifier(requirement: Requirement) -> tuple[Callable[[Signature], Claim], Callable[[], None]]:
    """How to verify a signature for a requirement, and what to call afterwards."""
    if requirement.type == "signedBy":
        from . import simple_signing
        from .gpg import Keyring

        keyring = Keyring(requirement.keys.read())
        return lambda signature: simple_signing.verify(signature, keyring), keyring.close
    from .sigstore import Verifier

    return Verifier(requirement.keys, requirement.rekor).verify, lambda: None
