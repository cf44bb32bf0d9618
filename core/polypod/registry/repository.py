"""One repository of one registry: the distribution-spec's manifests and blobs."""

from __future__ import annotations

from ..errors import ManifestRefused, RegistryError
from ..kit.fastjson import loads
from ..model.struct import Struct
from ..oci import manifest as manifests
from . import faults
from .blob import BlobReader
from .digests import digest_of
from .transport import discard, number_of, read_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any, Self

    from .conf import Endpoint
    from .transport import Body, Response
    from .wire import Host

MANIFEST_LIMIT = 4 << 20

SCHEMA1_TYPES = (
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    manifests.DOCKER_SCHEMA1,
)

#: What ``Accept`` lists; a registry may convert what it has to the first that it can.
MANIFEST_TYPES = (
    manifests.OCI_MANIFEST,
    manifests.DOCKER_MANIFEST,
    manifests.OCI_INDEX,
    manifests.DOCKER_LIST,
    *SCHEMA1_TYPES,
)


class Fetched(Struct):
    """A manifest as the registry keeps it: its bytes, what they are, and their digest."""

    data: bytes
    media_type: str
    digest: str


class Repository:
    """Reads and writes one repository. Threads may share it; one :meth:`close` ends it.

    ``endpoint.reference`` is the physical name: for a mirror not the one that the user gave.
    ``actions`` are those asked for in a token's scope (``pull`` or ``pull,push``).
    """

    def __init__(self, endpoint: Endpoint, host: Host, actions: str = "pull") -> None:
        self.endpoint = endpoint
        self.host = host
        self.path = endpoint.reference.path
        self.name = endpoint.reference.name
        self._scope = f"repository:{self.path}:{actions}"
        self._first: Fetched | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: Body = None,
        scopes: tuple[str, ...] = (),
        replay: bool = True,
    ) -> Response:
        """A request below ``/v2/NAME/`` or to a full URL; see :meth:`Host.request`."""
        if not target.startswith("/") and "://" not in target:
            target = f"/v2/{self.path}/{target}"
        return self.host.request(
            method, target, headers=headers, body=body, scopes=(self._scope, *scopes), replay=replay
        )

    # Manifests

    def manifest(self, tag_or_digest: str = "") -> Fetched:
        """A manifest or index, by default that of the endpoint's reference.

        A digest is verified; the size is limited to 4 MiB. Raises ``RegistryNotFound``,
        ``RegistryDenied`` or ``RegistryError``.
        """
        own = self.reference
        wanted = tag_or_digest or own
        if wanted == own and self._first is not None:
            return self._first
        doing = f"reading manifest {wanted} in {self.name}"
        response = self.request("GET", f"manifests/{wanted}", headers=_accept())
        if response.status != 200:
            raise faults.failure(response, doing)
        stated = response.headers.get("Docker-Content-Digest", "")
        kind = response.headers.get("Content-Type", "")
        data = read_body(response, MANIFEST_LIMIT, doing)
        found = Fetched(
            data=data,
            media_type=_media_type(kind, data),
            digest=_verified(data, wanted if ":" in wanted else stated, doing, kind),
        )
        if wanted == own:
            self._first = found
        return found

    @property
    def reference(self) -> str:
        """The digest or tag of the endpoint's reference."""
        reference = self.endpoint.reference
        return reference.digest or reference.tag or "latest"

    def manifest_digest(self, tag_or_digest: str = "") -> str:
        """The digest that a tag stands for, "" when there is no such manifest; fetches nothing."""
        wanted = tag_or_digest or self.reference
        response = self.request("HEAD", f"manifests/{wanted}", headers=_accept())
        if response.status == 404:
            discard(response)
            return ""
        if response.status != 200:
            raise faults.failure(response, f"reading manifest {wanted} in {self.name}")
        digest = response.headers.get("Docker-Content-Digest", "")
        discard(response)
        return digest if manifests.is_digest(digest) else self.manifest(wanted).digest

    def put_manifest(self, tag_or_digest: str, data: bytes, media_type: str) -> str:
        """Write a manifest under a tag or its digest; returns its digest.

        Raises ``ManifestRefused`` when another type of manifest might be taken.
        """
        doing = f"uploading manifest {tag_or_digest} to {self.name}"
        headers = {"Content-Type": media_type}
        response = self.request("PUT", f"manifests/{tag_or_digest}", headers=headers, body=data)
        if response.status in (400, 406, 415):
            raise ManifestRefused(str(faults.failure(response, doing)))
        if response.status not in (200, 201, 202):
            raise faults.failure(response, doing)
        stated = response.headers.get("Docker-Content-Digest", "")
        discard(response)
        return _verified(data, stated, doing, media_type)

    def delete_manifest(self, digest: str) -> None:
        """Delete a manifest by digest; raises ``RegistryError`` where the registry forbids that."""
        response = self.request("DELETE", f"manifests/{digest}")
        if response.status not in (200, 202, 204):
            raise faults.failure(response, f"deleting manifest {digest} in {self.name}")
        discard(response)

    # Blobs

    def open_blob(
        self, digest: str, size: int = -1, offset: int = 0, state: Any = None
    ) -> BlobReader:
        """Start reading a blob, see :class:`BlobReader`."""
        return BlobReader(self, digest, size, offset, state)

    def blob(self, digest: str, limit: int) -> bytes:
        """A small blob as a whole, verified; raises ``RegistryError`` when it is over ``limit``."""
        with self.open_blob(digest) as reader:
            if reader.size > limit:
                raise RegistryError(
                    f"reading blob {digest} from {self.name}: it is longer than {limit} bytes"
                )
            pieces: list[bytes] = []
            left = limit + 1
            while left > 0 and (piece := reader.read(left)):
                pieces.append(piece)
                left -= len(piece)
        if left <= 0:
            raise RegistryError(
                f"reading blob {digest} from {self.name}: it is longer than {limit} bytes"
            )
        return b"".join(pieces)

    def has_blob(self, digest: str) -> int | None:
        """The size of a blob that the repository has, else ``None``."""
        response = self.request("HEAD", f"blobs/{digest}")
        if response.status == 404:
            discard(response)
            return None
        if response.status != 200:
            raise faults.failure(
                response, f"checking whether a blob {digest} exists in {self.name}"
            )
        stated = response.headers.get("Content-Length", "")
        discard(response)
        return max(0, number_of(stated))

    def mount_blob(self, digest: str, from_repository: str) -> bool:
        """Take a blob over from another repository of this registry (``namespace/name``).

        Returns whether the registry did; when not, the blob has to be uploaded.
        """
        from .upload import mount

        return mount(self, digest, from_repository)

    def upload(
        self,
        digest: str,
        size: int,
        chunks: Iterable[bytes] | Callable[[int], Iterable[bytes]],
        *,
        piece: int = 0,
    ) -> None:
        """Upload a blob of a known digest and size.

        ``chunks`` may be a callable that gives the bytes from an offset on: then a
        broken upload is continued. ``piece`` > 0 sends requests of that many bytes.
        """
        from .upload import Upload

        Upload(self, chunks, size=size, digest=digest, piece=piece).run()

    def upload_unknown(
        self, chunks: Iterable[bytes] | Callable[[int], Iterable[bytes]]
    ) -> tuple[str, int]:
        """Upload a blob while it is being made; returns its sha256 digest and size."""
        from .upload import Upload

        return Upload(self, chunks).run()

    # Listings

    def tags(self) -> list[str]:
        """All tags, over all pages; raises ``RegistryNotFound`` for an unknown repository."""
        from .listing import pages, values

        doing, found = "fetching tags list", []
        for page in pages(self.request, f"/v2/{self.path}/tags/list?n=1000", doing):
            found += [tag for tag in values(page, "tags", doing) if isinstance(tag, str)]
        return found

    def referrers(self, digest: str, artifact_type: str = "") -> list[dict[str, Any]]:
        """Descriptors of the manifests that refer to one (signatures, SBOMs), [] for none.

        Falls back to the tag that the distribution-spec names where the API is absent.
        """
        from .listing import referrers

        return referrers(self, digest, artifact_type)

    def close(self) -> None:
        """Close the connections."""
        self.host.close()


def _accept() -> dict[str, str]:
    return {"Accept": ", ".join(MANIFEST_TYPES)}


def _media_type(header: str, data: bytes) -> str:
    stated = header.partition(";")[0].strip()
    if stated not in ("", "text/plain", "application/json", "application/octet-stream"):
        return stated
    try:
        document = loads(data)
    except ValueError:
        return stated
    return manifests.media_type(document) if isinstance(document, dict) else stated


def _verified(data: bytes, wanted: str, doing: str, kind: str) -> str:
    """The digest of a manifest, which must be the wanted one where that is known."""
    found = digest_of(data, wanted or "sha256:") if ":" in wanted else digest_of(data)
    # The digest of a signed schema 1 manifest is that of a part of it; no image is made of one.
    if wanted and found != wanted and kind.partition(";")[0].strip() not in SCHEMA1_TYPES:
        raise RegistryError(f"{doing}: manifest has the digest {found}, but should have {wanted}")
    return found
