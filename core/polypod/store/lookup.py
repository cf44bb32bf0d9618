"""Which local image a user means: IDs, short names, tags and digests, in podman's order."""

from __future__ import annotations

from ..errors import NoSuchImage, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..model.image import Image

_HEX = frozenset("0123456789abcdef")
_DOCKER_IO = "docker.io"


def is_hex(text: str) -> bool:
    """Whether the text consists of lower-case hex digits only."""
    return bool(text) and _HEX.issuperset(text)


def split(name: str) -> tuple[str, str, str]:
    """``repository[:tag][@digest]`` as its three parts; absent ones are ""."""
    repository, _, digest = name.partition("@")
    head, slash, last = repository.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag, digest


def is_short(repository: str) -> bool:
    """Whether a repository lacks a registry's host name (one with a dot or port, or localhost)."""
    host, slash, _ = repository.partition("/")
    return not (slash and ("." in host or ":" in host or host == "localhost"))


def _candidates(repository: str, registries: Iterable[str]) -> list[str]:
    if not is_short(repository):
        host, _, path = repository.partition("/")
        if host in (_DOCKER_IO, "index.docker.io") and "/" not in path:
            return [repository, f"{_DOCKER_IO}/library/{path}"]
        return [repository]
    found = [f"localhost/{repository}"]
    for registry in registries:
        if registry == _DOCKER_IO and "/" not in repository:
            found.append(f"{_DOCKER_IO}/library/{repository}")
        found.append(f"{registry}/{repository}")
    library = repository if "/" in repository else f"library/{repository}"
    found.append(f"{_DOCKER_IO}/{library}")
    return found


def find(images: Sequence[Image], name: str, registries: Iterable[str] = ()) -> Image:
    """The image that ``name`` means.

    Tried in turn: a full ID (with or without ``sha256:``); the name with localhost/,
    each search registry and docker.io before it; a prefix of an ID; a name whose
    last path elements match. ``NoSuchImage`` when nothing does, ``UsageError`` for a prefix of several.
    """
    wanted = name.removeprefix("containers-storage:")
    bare = wanted.removeprefix("sha256:")
    if len(bare) == 64 and is_hex(bare):
        for image in images:
            if image.id == bare:
                return image
        raise missing(name)
    if bare is not wanted and bare != wanted:
        raise NoSuchImage(f"{name}: no contents: a digest reference needs 64 hex digits")
    repository, tag, digest = split(wanted)
    found = _by_name(images, _candidates(repository, registries), tag or "latest", digest)
    if found is None:
        found = _by_prefix(images, wanted)
    if found is None and is_short(repository):
        found = _by_suffix(images, repository, tag or "latest", digest)
    if found is None:
        raise missing(name)
    return found


def missing(name: str) -> NoSuchImage:
    """The error for an image that is not in local storage, in podman's words."""
    return NoSuchImage(f"{name}: image not known")


def _by_name(images: Sequence[Image], names: list[str], tag: str, digest: str) -> Image | None:
    for repository in names:
        full = f"{repository}:{tag}"
        pinned = f"{repository}@{digest}"
        for image in images:
            if digest:
                if pinned in image.names or (
                    digest in image.digests and any(split(x)[0] == repository for x in image.names)
                ):
                    return image
            elif full in image.names:
                return image
    return None


def _by_prefix(images: Sequence[Image], prefix: str) -> Image | None:
    if not is_hex(prefix):
        return None
    found = {image.id: image for image in images if image.id.startswith(prefix)}
    if len(found) > 1:
        raise UsageError(f"image ID prefix {prefix} is ambiguous: it fits {len(found)} images")
    return next(iter(found.values()), None)


def _by_suffix(images: Sequence[Image], repository: str, tag: str, digest: str) -> Image | None:
    tail = "/" + repository
    for image in images:
        if digest and digest not in image.digests:
            continue
        for own in image.names:
            other, other_tag, _ = split(own)
            if (digest or other_tag == tag) and (other == repository or other.endswith(tail)):
                return image
    return None
