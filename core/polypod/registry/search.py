"""What registries have: search by a word, the tags of a repository."""

from __future__ import annotations

from ..errors import RegistryError, UsageError
from ..kit.fastjson import loads
from ..model.struct import Struct
from ..oci import reference as references
from .client import open_host, open_repository
from .listing import PAGE_LIMIT, catalog
from .transport import discard, read_body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .access import Access
    from .conf import Registries
    from .wire import Host

LIMIT = 25  # results of a registry, unless told otherwise
_V1_ADDRESS = "index.docker.io"


class Row(Struct):
    """One result. ``index`` is the registry that was asked, ``tag`` set by :func:`tags` alone."""

    index: str
    name: str
    description: str = ""
    stars: int = 0
    official: bool = False
    automated: bool = False
    tag: str = ""


class Filters(Struct):
    """What results must have: a least number of stars, flags that are not ``None``."""

    stars: int = 0
    official: bool | None = None
    automated: bool | None = None

    def fits(self, row: Row) -> bool:
        """Whether a result passes."""
        return (
            row.stars >= self.stars
            and self.official in (None, row.official)
            and self.automated in (None, row.automated)
        )


def parse_filters(texts: Iterable[str]) -> Filters:
    """``stars=N``, ``is-official[=BOOL]``, ``is-automated[=BOOL]``; raises ``UsageError``."""
    found = Filters()
    for text in texts:
        key, equals, value = text.partition("=")
        if key == "stars":
            if not equals:
                raise UsageError(f'invalid filter "{text}", should be stars=<value>')
            if not value.removeprefix("-").isdigit():
                raise UsageError(f'incorrect value type for stars filter: "{value}" is not a number')
            found = found.evolve(stars=int(value))
        elif key in ("is-official", "is-automated"):
            found = found.evolve(**{key.removeprefix("is-"): value != "false"})
        else:
            raise UsageError(f'invalid filter type "{text}"')
    return found


def split(term: str, registries: Registries) -> tuple[list[str], str]:
    """The registries to ask and the word to look for; ``host/word`` names one of them."""
    registry, slash, rest = term.partition("/")
    return ([registry], rest) if slash else (list(registries.search), term)


def search(
    term: str, access: Access, registries: Registries, *, limit: int = 0, filters: Filters | None = None
) -> list[Row]:
    """Results of all registries that answer, in their order.

    Raises ``RegistryError`` when there is no result and a registry failed.
    """
    hosts, word = split(term, registries)
    found: list[Row] = []
    failed: list[RegistryError] = []
    for registry in hosts:
        try:
            rows = search_registry(registry, word, access, registries, limit or LIMIT)
        except RegistryError as error:
            failed.append(error)
            continue
        found += [row for row in rows if filters is None or filters.fits(row)]
    if failed and not found:
        text = "; ".join(map(str, failed))
        raise type(failed[0])(text)
    return found


def search_registry(
    registry: str, word: str, access: Access, registries: Registries, limit: int
) -> list[Row]:
    """Up to ``limit`` results of one registry: by its search where it has one, else its catalog."""
    host = open_host(registry, access, registries)
    if registry == "docker.io":
        host.address = _V1_ADDRESS
        word = word.removeprefix("library/")
    doing = f'couldn\'t search registry "{registry}"'
    try:
        rows = _by_search(host, registry, word, limit) if word else None
        if rows is None:
            rows = _by_catalog(host, registry, word, limit)
        return rows
    except RegistryError as error:
        raise type(error)(f"{doing}: {error}") from error
    finally:
        host.close()


def _by_search(host: Host, registry: str, word: str, limit: int) -> list[Row] | None:
    """Docker Hub's way, ``None`` where the registry does not know it."""
    from urllib.parse import urlencode

    target = f"/v1/search?{urlencode({'q': word, 'n': limit})}"
    response = host.request("GET", target, anonymous=True)
    if response.status != 200:
        discard(response)
        return None
    try:
        document: Any = loads(read_body(response, PAGE_LIMIT, "searching"))
    except ValueError:
        return None
    entries = document.get("results") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        return None
    return [_row(registry, entry) for entry in entries[:limit] if isinstance(entry, dict)]


def _row(registry: str, entry: dict[str, Any]) -> Row:
    name = str(entry.get("name") or "")
    library = registry == "docker.io" and "/" not in name
    stars = entry.get("star_count")
    return Row(
        index=registry,
        name=f"{registry}/library/{name}" if library else f"{registry}/{name}",
        description=str(entry.get("description") or "").replace("\n", " "),
        stars=stars if isinstance(stars, int) else 0,
        official=bool(entry.get("is_official")),
        automated=bool(entry.get("is_automated")),
    )


def _by_catalog(host: Host, registry: str, word: str, limit: int) -> list[Row]:
    found: list[Row] = []

    def request(method: str, target: str) -> Any:
        return host.request(method, target, scopes=("registry:catalog:*",))

    for name in catalog(request, "listing repositories"):
        if word not in name:
            continue
        row = Row(index=registry, name=f"{registry}/{name}")
        # The very name that was looked for comes first.
        found.insert(0 if name == word else len(found), row)
        if len(found) == limit:
            break
    return found


def tags(term: str, access: Access, registries: Registries, *, limit: int = 0) -> list[Row]:
    """The tags of the repository that is named in full; ``tag`` of each row is one."""
    hosts, word = split(term.removeprefix("docker://"), registries)
    found: list[Row] = []
    for registry in hosts:
        try:
            wanted = references.with_docker_defaults(references.parse(f"{registry}/{word}"))
        except UsageError:
            raise UsageError(f'reference "{word}" must be a docker reference') from None
        with open_repository(wanted, access, registries) as repository:
            try:
                names = repository.tags()
            except RegistryError as error:
                raise type(error)(f"getting repository tags: {error}") from error
        found += [Row(index=registry, name=wanted.name, tag=name) for name in names[: limit or LIMIT]]
    return found
