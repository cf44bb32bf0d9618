"""Lists in pages, and what refers to a manifest (distribution-spec v1.1)."""

from __future__ import annotations

from ..errors import RegistryError, RegistryNotFound
from ..kit.fastjson import loads
from . import faults
from .transport import read_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from .repository import Repository
    from .transport import Response

PAGE_LIMIT = 4 << 20
MAX_PAGES = 10_000


def pages(request: Callable[..., Response], target: str, doing: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a list's pages, following ``Link: <…>; rel="next"``."""
    seen: set[str] = set()
    while target:
        if target in seen or len(seen) >= MAX_PAGES:
            raise RegistryError(f"{doing}: the registry's list has no end")
        seen.add(target)
        response = request("GET", target)
        if response.status != 200:
            raise faults.failure(response, doing)
        link = response.headers.get("Link", "")
        body = read_body(response, PAGE_LIMIT, doing)
        yield _object(body, doing)
        target = _next(link, target, doing)


def _object(body: bytes, doing: str) -> dict[str, Any]:
    try:
        document = loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RegistryError(f"{doing}: the answer is not a JSON object")
    return document


def values(page: dict[str, Any], key: str, doing: str) -> list[Any]:
    """A list of a page, which may be left out or null."""
    found = page.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise RegistryError(f'{doing}: the answer\'s "{key}" are no list')
    return found


def _next(link: str, target: str, doing: str) -> str:
    """The target of the next page, a path on the same registry, "" at the end."""
    from urllib.parse import urljoin, urlsplit

    for entry in link.split(","):
        url, _, parameters = entry.strip().partition(">")
        if not url.startswith("<") or "next" not in parameters:
            continue
        try:
            parts = urlsplit(urljoin(target, url[1:]))
        except ValueError:
            raise RegistryError(f"{doing}: invalid link to the next page") from None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ""


def referrers(repository: Repository, digest: str, artifact_type: str) -> list[dict[str, Any]]:
    """See :meth:`Repository.referrers`."""
    from urllib.parse import quote

    doing = f"listing referrers of {digest} in {repository.name}"
    query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
    target = f"/v2/{repository.path}/referrers/{digest}{query}"
    found: list[Any] = []
    try:
        for page in pages(repository.request, target, doing):
            found += values(page, "manifests", doing)
    except RegistryNotFound:
        found = _by_tag(repository, digest, doing)
    return [
        entry
        for entry in found
        if isinstance(entry, dict)
        and (not artifact_type or entry.get("artifactType") == artifact_type)
    ]


def referrers_tag(digest: str) -> str:
    """The tag under which a registry without the API keeps the list."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm[:32]}-{digits[:64]}"


def _by_tag(repository: Repository, digest: str, doing: str) -> list[Any]:
    try:
        fetched = repository.manifest(referrers_tag(digest))
    except RegistryNotFound:
        return []
    return values(_object(fetched.data, doing), "manifests", doing)


def catalog(request: Callable[..., Response], doing: str) -> Iterator[str]:
    """The names of a registry's repositories, in its order."""
    for page in pages(request, "/v2/_catalog?n=1000", doing):
        for name in values(page, "repositories", doing):
            if isinstance(name, str):
                yield name
