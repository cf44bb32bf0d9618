"""A blob as it comes from a registry: resumed when it breaks off, measured and verified."""

from __future__ import annotations

from errno import EPROTO

from ..errors import RegistryError
from . import faults
from .digests import hasher
from .transport import discard, number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from .repository import Repository
    from .transport import Response

PIECE = 1 << 20
PROGRESS = 64 << 10  # bytes after which a broken connection counts as the first one again


class BlobReader:
    """Reads a blob's bytes from ``offset`` on. Use one reader in one thread at a time.

    A dropped connection is continued by ``Range`` after a pause, until ``access.retry``
    tries in a row brought next to nothing. The digest is compared when the last byte has been
    read, before :meth:`read` says so with ``b""``; with an offset only when ``state`` is
    a hash object of the bytes before it. Never gives more than ``size`` bytes; a size of
    -1 takes what the server states.
    """

    def __init__(
        self, repository: Repository, digest: str, size: int, offset: int = 0, state: Any = None
    ) -> None:
        self.digest = digest
        self.size = size
        self._repository = repository
        self._position = offset
        self._hash = hasher(digest) if offset == 0 else state
        self._failures, self._broke_at = 0, offset
        self._asked_at, self._part_end = offset, -1
        self._whole = self._closed = False
        self._response: Response | None = None
        self._doing = f"reading blob {digest} from {repository.name}"
        if size < 0 or offset < size:
            self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(self, n: int = -1) -> bytes:
        """Up to ``n`` bytes (a mebibyte unless said), ``b""`` at the verified end.

        Raises ``RegistryError`` when the blob cannot be had, or is not what it should be.
        """
        import urllib3

        if self._closed:
            raise ValueError(f"{self._doing}: the reader is closed")
        wanted = PIECE if n is None or n < 0 else n
        while not self._whole:
            if self.size >= 0:
                wanted = min(wanted, self.size - self._position)
                if wanted == 0 and n != 0:
                    self._finish()
                    break
            response = self._response or self._connect()
            try:
                data = response.read(wanted)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                self._lost(faults.reason_of(error))
                continue
            if data or n == 0:
                return self._passed(data)
            if self.size < 0:
                self._finish()
            elif self._position == self._part_end >= self._asked_at + PROGRESS:
                self._drop()  # the server gave a part of what it was asked for, as it may
            else:
                self._lost("unexpected EOF")
        return b""

    def _passed(self, data: bytes) -> bytes:
        self._position += len(data)
        if self._hash is not None:
            self._hash.update(data)
        return data

    def _lost(self, reason: str) -> None:
        """After a dropped connection: wait, so that the loop opens another one."""
        self._drop()
        host = self._repository.host
        if self._position - self._broke_at >= PROGRESS:
            self._failures = 0
        self._broke_at = self._position
        if self._failures >= host.retries:
            raise RegistryError(f"{self._doing}: {reason} at byte {self._position}")
        self._failures += 1
        host.wait(self._failures, f"{self._doing}: {reason} at byte {self._position}")

    def _connect(self) -> Response:
        """Ask for what is missing, and stand at its first byte."""
        import urllib3

        while True:
            response = self._ask()
            try:
                if self._position and response.status == 200:
                    self._skip(response)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                response.close()
                self._lost(faults.reason_of(error))
                continue
            self._response = response
            return response

    def _ask(self) -> Response:
        self._asked_at, self._part_end = self._position, -1
        headers = {"Range": f"bytes={self._position}-"} if self._position else {}
        try:
            response = self._repository.request("GET", f"blobs/{self.digest}", headers=headers)
        except RegistryError as error:
            raise type(error)(f"{self._doing}: {error}") from error
        if response.status == 200:
            self._check_length(response, 0)
            return response
        if response.status == 206 and _start(response) == self._position:
            self._check_length(response, self._position)
            return response
        if response.status == 206:
            response.close()
            raise RegistryError(f"{self._doing}: the server sent another range than it was asked for")
        raise faults.failure(response, self._doing)

    def _check_length(self, response: Response, start: int) -> None:
        """Compare what the server states with the size that the manifest gives."""
        stated = number_of(response.headers.get("Content-Length", ""))
        whole = _total(response) if response.status == 206 else -1
        if stated < 0 and whole < 0:
            return
        if response.status == 206 and stated >= 0:
            self._part_end = start + stated
        if whole < 0 or self._part_end > whole:
            whole = start + stated
            if response.status == 206 and whole < self.size:
                return  # the rest is asked for when this is read
        if self.size < 0:
            self.size = whole
        elif whole != self.size:
            response.close()
            raise RegistryError(f"{self._doing}: it has {whole} bytes where {self.size} are expected")

    def _skip(self, response: Response) -> None:
        """Pass over what is there already: the server knows no ranges."""
        left = self._position
        while left:
            data = response.read(min(left, PIECE))
            if not data:
                raise OSError(EPROTO, "unexpected EOF")
            left -= len(data)

    def _finish(self) -> None:
        self._whole = True
        if self._response is not None:
            discard(self._response)
            self._response = None
        if self._hash is None:
            return
        found = f"{self.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self.digest:
            raise RegistryError(f"{self._doing}: its content has the digest {found}")

    def _drop(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None

    def close(self) -> None:
        """End the transfer; may be called more than once, also in the middle."""
        self._closed = True
        self._drop()


def _start(response: Response) -> int:
    """The first byte of a ``Content-Range: bytes 5-9/10``, -1 when it is malformed."""
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return number_of(first) if unit == "bytes" else -1


def _total(response: Response) -> int:
    """The whole blob's size of a ``Content-Range: bytes 5-9/10``, -1 when it says none."""
    return number_of(response.headers.get("Content-Range", "").rpartition("/")[2])
