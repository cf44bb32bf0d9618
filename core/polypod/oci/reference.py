"""Image references: the grammar of distribution/reference, and what podman makes of short names.

A reference is ``[domain/]path[:tag][@algorithm:hex]``. Hot: ``run IMAGE`` parses
one, so this reads characters instead of compiling regular expressions.
"""

from __future__ import annotations

from ..errors import UsageError

_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_HEX = frozenset("0123456789abcdef")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_TAG = _WORD | frozenset(".-")
_HOST = _WORD - {"_"}
_MAX_NAME = 255


class Reference:
    """A parsed reference; ``str()`` gives the text back.

    ``domain`` is "" where none was written; ``tag`` and ``digest`` ("sha256:...") likewise.
    """

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str = "", digest: str = "") -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def name(self) -> str:
        """Domain and path: the repository."""
        return f"{self.domain}/{self.path}" if self.domain else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    def __repr__(self) -> str:
        return f"Reference({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and str(self) == str(other)

    __hash__ = None  # type: ignore[assignment]


def is_id(text: str) -> bool:
    """Whether the text is a full image ID: 64 lower-case hex digits."""
    return len(text) == 64 and _HEX.issuperset(text)


def is_hex(text: str) -> bool:
    """Whether the text could be the start of an image ID."""
    return 0 < len(text) <= 64 and _HEX.issuperset(text)


def parse(text: str) -> Reference:
    """Parse without adding anything; raise ``UsageError`` for what the grammar refuses."""
    rest, at, digest = text.partition("@")
    if at and not _is_digest(digest):
        raise UsageError("invalid reference format")
    slash, colon = rest.rfind("/"), rest.rfind(":")
    tag = ""
    if colon > slash:
        rest, tag = rest[:colon], rest[colon + 1 :]
        if not _is_tag(tag):
            raise UsageError("invalid reference format")
    domain, path = _split(rest)
    if len(rest) > _MAX_NAME:
        raise UsageError(f"repository name must not be more than {_MAX_NAME} characters")
    return Reference(domain, path, tag, digest)


def _split(name: str) -> tuple[str, str]:
    if not name:
        raise UsageError("repository name must have at least one component")
    first, slash, path = name.partition("/")
    if slash and _is_domain(first) and _is_path(path):
        return first, path
    if _is_path(name):
        return "", name
    if name != name.lower() and _is_path(name.lower()):
        raise UsageError("repository name must be lowercase")
    raise UsageError("invalid reference format")


def _is_digest(digest: str) -> bool:
    algorithm, colon, digits = digest.partition(":")
    size = {"sha256": 64, "sha384": 96, "sha512": 128}.get(algorithm, 0)
    return bool(colon) and len(digits) == size and _HEX.issuperset(digits)


def _is_tag(tag: str) -> bool:
    return 0 < len(tag) <= 128 and tag[0] in _WORD and _TAG.issuperset(tag)


def _is_domain(text: str) -> bool:
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    elif not (port.isascii() and port.isdigit()):
        return False
    if host.startswith("[") and host.endswith("]"):
        return len(host) > 2 and frozenset("0123456789abcdefABCDEF:").issuperset(host[1:-1])
    return all(map(_is_label, host.split(".")))


def _is_label(label: str) -> bool:
    return (
        bool(label)
        and label[0] in _HOST
        and label[-1] in _HOST
        and (_HOST | {"-"}).issuperset(label)
    )


def _is_path(path: str) -> bool:
    return all(map(_is_component, path.split("/")))


def _is_component(text: str) -> bool:
    if not text or text[0] not in _LOWER or text[-1] not in _LOWER:
        return False
    run = ""
    for char in text:
        if char not in _LOWER:
            if char not in "._-":
                return False
            run += char
        elif run:
            # Separators are one dot, one or two underscores, or any number of dashes.
            if run not in (".", "_", "__") and run.strip("-"):
                return False
            run = ""
    return True


def is_registry(domain: str) -> bool:
    """Whether the first component of a name is a registry's host, not a user's name space."""
    return "." in domain or ":" in domain or domain == "localhost"


def is_short(reference: Reference) -> bool:
    """Whether no registry was written, so that the name has to be completed."""
    return not is_registry(reference.domain)


def with_docker_defaults(reference: Reference) -> Reference:
    """Complete as Docker does: ``docker.io`` and ``library/``; tag and digest stay as they are."""
    domain, path = reference.domain, reference.path
    if not is_registry(domain):
        domain, path = "docker.io", reference.name
        _check_lower(path)
    if domain == "index.docker.io":
        domain = "docker.io"
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    return Reference(domain, path, reference.tag, reference.digest)


def _in_registry(registry: str, reference: Reference) -> Reference:
    # Whatever looked like a registry is a part of the path now, and has its grammar.
    _check_lower(reference.name)
    return Reference(registry, reference.name, reference.tag, reference.digest)


def _check_lower(path: str) -> None:
    if path != path.lower():
        raise UsageError("invalid reference format: repository name must be lowercase")


def with_tag(reference: Reference) -> Reference:
    """Add ``latest`` where neither tag nor digest is given; drop the tag where both are."""
    if reference.digest:
        return Reference(reference.domain, reference.path, "", reference.digest)
    return Reference(reference.domain, reference.path, reference.tag or "latest")


def normalize(text: str) -> Reference:
    """The name as podman stores it: ``localhost/`` before a short one, ``:latest`` after."""
    try:
        reference = parse(text)
        if is_short(reference):
            reference = _in_registry("localhost", reference)
        return with_tag(with_docker_defaults(reference))
    except UsageError as error:
        raise UsageError(f'normalizing name "{text}": {error}') from None


def normalize_docker(text: str) -> Reference:
    """The full name as Docker completes it: ``docker.io/library/`` for short ones, ``:latest``."""
    return with_tag(with_docker_defaults(parse(text)))


def candidates(
    reference: Reference, alias: str = "", search: tuple[str, ...] = ()
) -> list[Reference]:
    """Full names that a name may stand for in a local store, the likeliest first.

    ``alias`` is the name that registries.conf(5) gives for the short name, ``search``
    its unqualified-search registries.
    """
    if not is_short(reference):
        return [with_tag(with_docker_defaults(reference))]
    found = []
    if alias:
        target = with_docker_defaults(parse(alias))
        found.append(Reference(target.domain, target.path, reference.tag, reference.digest))
    for registry in ("localhost", *search):
        found.append(with_docker_defaults(_in_registry(registry, reference)))
    found.append(with_docker_defaults(reference))
    return [with_tag(candidate) for candidate in found]
