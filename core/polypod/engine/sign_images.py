"""``image sign``: simple signatures of images in registries, into a directory or the lookaside."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from ..oci import manifest as manifests
from ..oci import reference as references
from .sign import Signer, SignOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.reference import Reference
    from ..registry.access import Access
    from .runtime import Runtime


def sign_images(
    rt: Runtime,
    names: list[str],
    sign_by: str,
    access: Access,
    *,
    directory: str = "",
    every: bool = False,
) -> list[str]:
    """Sign each image with a key of the user's; returns the paths of the signatures.

    ``names`` are ``docker://NAME`` or ``containers-storage:NAME``. With ``directory`` the
    signatures go below it, else to the lookaside of registries.d. ``every`` signs each image of an
    index instead of the index. Raises ``PolypodError``.
    """
    if not sign_by:
        raise UsageError("no identity provided")
    signer = Signer(SignOptions(sign_by=sign_by))
    written = []
    for name in names:
        reference, found = _manifests(rt, name, access, every)
        for data in found:
            path = _place(reference, manifests.sha256(data), directory)
            try:
                written += _stored(path, signer.sign(data, reference))
            except PolypodError as error:
                raise type(error)(
                    f"storing signature for {reference}, {manifests.sha256(data)}: {error}"
                ) from None
    return written


def _stored(path: str, blobs: list[bytes]) -> list[str]:
    from ..registry import lookaside

    return lookaside.add(path, blobs)


def _place(reference: Reference, digest: str, directory: str) -> str:
    from ..registry import lookaside

    if directory:
        return lookaside.location(f"{directory.rstrip('/') or '/'}/{reference.path}", digest)
    base = lookaside.load().base(reference, write=True)
    return lookaside.local_path(lookaside.location(base, digest))


def _manifests(
    rt: Runtime, name: str, access: Access, every: bool
) -> tuple[Reference, list[bytes]]:
    """The full name of an image and the manifests to sign."""
    transport, _, rest = name.partition(":")
    if transport == "containers-storage" and not every:
        from .images_lookup import lookup

        image, resolved = lookup(rt, rest.rpartition("]")[2])
        if resolved.startswith("sha256:") or ":" not in resolved:
            raise UsageError(f"cannot determine canonical Docker reference for {name}; give a name")
        return references.normalize_docker(resolved), [rt.store.manifest(image)]
    if transport != "docker" or not rest.startswith("//"):
        raise UsageError(
            f'parsing image name: invalid image name "{name}", expected docker://NAME'
            + (" or containers-storage:NAME" if not every else "")
        )
    return _remote(references.normalize_docker(rest[2:]), name, access, every)


def _remote(
    reference: Reference, name: str, access: Access, every: bool
) -> tuple[Reference, list[bytes]]:
    from ..registry import client, conf

    with client.open_source(reference, access, conf.load(access.registries_conf)) as repository:
        top = repository.manifest()
        if not every:
            return reference, [top.data]
        try:
            parsed = manifests.parse(top.data)
        except ValueError as error:
            raise PolypodError(f"parsing manifest of {name}: {error}") from None
        if not parsed.is_index:
            raise PolypodError(
                f"{name} is not a multi-architecture image (manifest type {top.media_type})"
            )
        return reference, [repository.manifest(entry.digest).data for entry in parsed.manifests]
