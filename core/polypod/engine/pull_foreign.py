"""Foreign layers: blobs that a registry need not keep, fetched from the places that the manifest names."""

from __future__ import annotations

import io

from ..errors import RegistryError
from ..registry import faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

    from ..registry.client import Repository
    from ..registry.transport import Response


def open_foreign(repository: Repository, digest: str, size: int, urls: list[str]) -> IO[bytes]:
    """The first of the places that has the blob, and the registry itself when none has.

    The content is not verified here.
    """
    problem = ""
    for url in urls:
        if not url.startswith(("https://", "http://")):
            problem = f'unsupported URL "{url}"'
            continue
        try:
            response = repository.request("GET", url)
        except RegistryError as error:
            problem = str(error)
            continue
        if response.status == 200:
            return _Foreign(response, digest, size)  # type: ignore[return-value]
        problem = str(faults.failure(response, f'Get "{url}"'))
    try:
        return repository.open_blob(digest, size)  # type: ignore[return-value]
    except RegistryError as error:
        raise RegistryError(f"{error} (foreign layer: {problem})") from error


class _Foreign(io.RawIOBase):
    """The body of an answer, bounded."""

    def __init__(self, response: Response, digest: str, size: int) -> None:
        super().__init__()
        self._response = response
        self._left = size
        self._name = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        import urllib3

        try:
            data = self._response.read(min(len(buffer), self._left + 1))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RegistryError(f"reading foreign layer {self._name}: {faults.reason_of(error)}") from error
        if len(data) > self._left or (not data and self._left):
            raise RegistryError(f"foreign layer {self._name} has not the size that its manifest says")
        self._left -= len(data)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._response.close()
        super().close()
