"""Lets images into the store, or does not: policy.json is asked before the first layer is read.

Every way into the store comes through here: registries, archives, directories, tarballs of
``import`` and artifacts. Pushing and what is made here (commit) is not judged, as in podman.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.archive_image import ArchiveImage, Origin
    from ..oci.reference import Reference
    from ..registry.repository import Repository
    from .runtime import Runtime


def check_image(rt: Runtime, image: ArchiveImage, policy_path: str = "") -> tuple[bytes, ...]:
    """Raise ``PolicyRejected`` unless the policy accepts an image; returns its accepted signatures.

    See :func:`check_origin`.
    """
    unnamed = "" if image.origin.transport else f"image {image.id[:12]}"
    return check_origin(image.origin, image.manifest, policy_path, unnamed)


def check_origin(
    origin: Origin, manifest: bytes, policy_path: str = "", name: str = ""
) -> tuple[bytes, ...]:
    """Judge what comes from ``origin`` and has that manifest; returns the accepted signatures.

    ``policy_path`` replaces the user's and the host's policy.json. A policy that is missing
    or cannot be read is an error (``ConfigError``): then nothing goes in. Signatures are
    fetched only when the policy asks for some. ``name`` is for an origin that has none.
    """
    from ..registry.policy import load
    from ..registry.policy_check import Subject, check

    policy = load(policy_path)
    subject = Subject(
        transport=origin.transport,
        # Paths are resolved for nothing where the policy does not speak of the transport.
        scopes=_scopes(origin) if origin.transport in policy.transports else [],
        name=name or _name(origin),
        reference=origin.reference,
    )
    return check(policy, subject, manifest, origin.signatures)


def _scopes(origin: Origin) -> list[str]:
    from ..registry import policy_scopes

    if origin.reference is not None:
        return policy_scopes.docker(origin.reference)
    if origin.location and origin.transport in ("dir", "oci", "oci-archive"):
        return policy_scopes.path(origin.location)
    return []


def _name(origin: Origin) -> str:
    if origin.reference is not None:
        return f"{origin.transport}://{origin.reference}"
    return f"{origin.transport}:{origin.location or '-'}"


def registry_origin(repository: Repository, reference: Reference, digest: str) -> Origin:
    """The origin of an image in a registry.

    ``reference`` is the full name that the user asked for, ``repository`` where it was found (a
    mirror, perhaps), ``digest`` that of the manifest that is stored: of an index, the
    chosen instance's.
    """
    from ..oci.archive_image import Origin

    return Origin(
        transport="docker",
        reference=reference,
        signatures=lambda: registry_signatures(repository, digest),
    )


def registry_signatures(repository: Repository, digest: str) -> list[bytes]:
    """The signatures of a manifest: of its lookaside, and of the registry where that is switched on.

    Raises ``PolypodError`` when they cannot be read.
    """
    from ..registry import attachments, lookaside

    places = lookaside.load()
    physical = repository.endpoint.reference
    found = lookaside.read(places.base(physical), digest, lambda url: _fetch(repository, url))
    if places.attachments(physical):
        found += [signature.blob() for signature in attachments.read(repository, digest)]
    return found


def _fetch(repository: Repository, url: str) -> bytes | None:
    """One signature of a lookaside on a web server, ``None`` when it is not there."""
    from ..registry import faults
    from ..registry.signature_blob import MAX_SIZE
    from ..registry.transport import discard, read_body

    response = repository.request("GET", url)
    if response.status == 404:
        discard(response)
        return None
    if response.status != 200:
        raise faults.failure(response, f"reading signature from {url}")
    return read_body(response, MAX_SIZE, f"reading signature from {url}")
