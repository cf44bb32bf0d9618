"""Uploads of blobs: one long request or several, continued where a connection broke."""

from __future__ import annotations

from ..errors import RegistryError
from . import faults
from .blob import PROGRESS
from .digests import hasher
from .transport import discard, number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .repository import Repository
    from .transport import Response


def mount(repository: Repository, digest: str, from_repository: str) -> bool:
    """See :meth:`Repository.mount_blob`."""
    from urllib.parse import quote

    source = from_repository
    target = f"blobs/uploads/?mount={quote(digest, safe='')}&from={quote(source, safe='')}"
    response = repository.request(
        "POST", target, headers={"Content-Length": "0"}, scopes=(f"repository:{source}:pull",)
    )
    if response.status == 201:
        discard(response)
        return True
    if response.status == 202:
        _cancel(repository, response)
        return False
    doing = f"mounting blob {digest} from {source} to {repository.name}"
    error = faults.failure(response, doing)
    if response.status in (401, 403, 429) or response.status >= 500:
        raise error
    return False  # a registry that knows no mounts may answer anything


def _cancel(repository: Repository, response: Response) -> None:
    """The registry opened an upload instead: end it."""
    location = response.headers.get("Location", "")
    discard(response)
    if location:
        url = repository.host.resolve(_upload_url(repository), location)
        discard(repository.request("DELETE", url))


def _upload_url(repository: Repository) -> str:
    return f"{repository.host.base}/v2/{repository.path}/blobs/uploads/"


PIECE = 16 << 20  # of an upload whose registry takes no longer request


class Upload:
    """One upload. ``size`` is -1 and ``digest`` "" where they come out at the end."""

    def __init__(
        self,
        repository: Repository,
        chunks: Iterable[bytes] | Callable[[int], Iterable[bytes]],
        *,
        size: int = -1,
        digest: str = "",
        piece: int = 0,
    ) -> None:
        self._repository = repository
        self._source = chunks
        self._size = size
        self._digest = digest
        self._piece = piece
        self._hash = hasher(digest or "sha256:" + "0" * 64)
        self._hashed = 0
        self._sent = 0
        self._url = ""
        self._least = 0
        self._broken: Exception | None = None  # what the source of the bytes raised
        what = f"blob {digest}" if digest else "blob"
        self._doing = f"uploading {what} to {repository.name}"

    def run(self) -> tuple[str, int]:
        """Upload; returns digest and size. Raises ``RegistryError`` when it cannot be done."""
        host = self._repository.host
        attempt = best = 0
        while True:
            try:
                self._open()
                # What the registry had before and has lost is no progress when it comes again.
                if self._sent - best >= PROGRESS:
                    attempt, best = 0, self._sent
                self._send_all()
                return self._close()
            except _Interrupted as error:
                attempt += 1
                if not callable(self._source) or attempt > host.retries:
                    raise RegistryError(f"{self._doing}: {error}") from error
                host.wait(attempt, f"{self._doing}: {error}", error.asked)

    def _open(self) -> None:
        """Start an upload, or find out how far the one that broke had come."""
        if self._url and self._resume():
            return
        self._sent = 0
        response = self._repository.request(
            "POST", "blobs/uploads/", headers={"Content-Length": "0"}
        )
        if response.status != 202:
            raise faults.failure(response, f"initiating layer upload to {self._repository.name}")
        least = response.headers.get("OCI-Chunk-Min-Length", "")
        self._least = max(0, number_of(least))
        self._moved(response, _upload_url(self._repository))

    def _moved(self, response: Response, base: str) -> None:
        location = response.headers.get("Location", "")
        discard(response)
        if location:
            self._url = self._repository.host.resolve(base, location)
        elif not self._url:
            raise RegistryError(f"{self._doing}: the registry does not say where to")

    def _resume(self) -> bool:
        response = self._repository.request("GET", self._url)
        _, _, end = response.headers.get("Range", "").partition("-")
        # "0-0" is what an empty upload has, as well as one of a single byte.
        there = number_of(end) + 1 if end != "0" else 0
        if response.status not in (200, 204) or not 0 < there <= self._hashed:
            discard(response)
            return False
        self._sent = there
        self._moved(response, self._url)
        return True

    def _send_all(self) -> None:
        source = self._source(self._sent) if callable(self._source) else self._source
        if self._piece <= 0:
            if self._size >= 0 and self._sent == self._size:
                self._drain(source)
                return
            self._patch(self._checked(source), self._size - self._sent if self._size >= 0 else -1)
            return
        for data in _pieces(self._checked(source), max(self._piece, self._least)):
            start = self._sent - len(data)
            self._patch(data, len(data), f"{start}-{self._sent - 1}")

    def _drain(self, source: Iterable[bytes]) -> None:
        for _ in self._checked(source):
            pass

    def _checked(self, source: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the bytes on; an error of theirs must not pass for one of the connection."""
        try:
            yield from self._counted(source)
        except Exception as error:
            self._broken = error
            raise

    def _counted(self, source: Iterable[bytes]) -> Iterator[bytes]:
        """Hash the bytes that are new and count all."""
        for data in source:
            fresh = self._sent + len(data) - self._hashed
            if fresh > 0:
                self._hash.update(memoryview(data)[len(data) - min(fresh, len(data)) :])
                self._hashed += fresh
            self._sent += len(data)
            if 0 <= self._size < self._sent:
                raise RegistryError(f"{self._doing}: it has more than {self._size} bytes")
            yield data
        if self._size >= 0 and self._sent != self._size:
            raise RegistryError(f"{self._doing}: it has {self._sent} bytes, not {self._size}")

    def _patch(self, body: bytes | Iterable[bytes], length: int, part: str = "") -> None:
        headers = {"Content-Type": "application/octet-stream"}
        if length >= 0:
            headers["Content-Length"] = str(length)
        if part:
            headers["Content-Range"] = part
        try:
            response = self._repository.request(
                "PATCH", self._url, headers=headers, body=body, replay=False
            )
        except RegistryError as error:
            if self._broken is not None:
                raise self._broken from None
            raise _Interrupted(str(error)) from error
        if response.status == 413 and callable(self._source) and not self._piece:
            discard(response)
            self._piece, self._url = max(self._least, PIECE), ""
            raise _Interrupted("the registry takes no request that long")
        if response.status in (401, 408, 429) or response.status >= 500:
            raise _Interrupted(str(faults.failure(response, "")))
        if response.status not in (200, 201, 202, 204):
            raise faults.failure(response, self._doing)
        self._moved(response, self._url)

    def _close(self) -> tuple[str, int]:
        from urllib.parse import quote

        algorithm = self._digest.partition(":")[0] or "sha256"
        digest = f"{algorithm}:{self._hash.hexdigest()}"
        if self._digest and digest != self._digest:
            discard(self._repository.request("DELETE", self._url))
            raise RegistryError(f"{self._doing}: its content has the digest {digest}")
        joint = "&" if "?" in self._url else "?"
        response = self._repository.request(
            "PUT",
            f"{self._url}{joint}digest={quote(digest, safe='')}",
            headers={"Content-Length": "0", "Content-Type": "application/octet-stream"},
        )
        if response.status not in (200, 201, 204):
            raise faults.failure(response, self._doing)
        discard(response)
        return digest, self._sent


def _pieces(source: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Regroup into pieces of that size, but for the last."""
    kept = bytearray()
    for data in source:
        kept += data
        if len(kept) >= size:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)


class _Interrupted(Exception):
    """The upload broke off, and may be continued."""

    def __init__(self, reason: str, asked: float = 0.0) -> None:
        super().__init__(reason)
        self.asked = asked
