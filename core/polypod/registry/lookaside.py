"""registries.d: where signatures of images in registries lie (containers-registries.d(5)).

A lookaside holds the signatures of a manifest as ``REPOSITORY@sha256=HEX/signature-N`` below
a base URL; ``file://`` can be read and written, ``http(s)://`` read.
"""

from __future__ import annotations

import os

from ..errors import ConfigError, PolypodError
from ..kit.atomic import read_bytes
from ..model.struct import Struct
from . import policy_scopes
from .signature_blob import MAX_SIZE, MAX_TOTAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..oci.reference import Reference

#: The most signatures that one image may have.
MOST = 128
_TEXTS = ("lookaside", "lookaside-staging", "sigstore", "sigstore-staging")


class Section(Struct):
    """One configuration section; "" and ``None`` stand for keys that were not given."""

    lookaside: str = ""
    staging: str = ""
    attachments: bool | None = None


class Lookaside(Struct):
    """All of registries.d."""

    default: Section | None = None
    docker: dict[str, Section] = {}

    def _sections(self, reference: Reference) -> list[Section]:
        scopes = policy_scopes.docker(reference)
        found = [self.docker[scope] for scope in scopes if scope in self.docker]
        return [*found, self.default] if self.default else found

    def base(self, reference: Reference, write: bool = False) -> str:
        """The URL below which an image's signatures lie; its path ends in the repository's."""
        top = ""
        for section in self._sections(reference):
            top = (section.staging if write else "") or section.lookaside
            if top:
                break
        return f"{(top or default_store()).rstrip('/')}/{reference.path}"

    def configured(self, scope: str) -> Section | None:
        """The section for a policy's scope, as ``image trust show`` looks it up."""
        while scope:
            if scope in self.docker:
                return self.docker[scope]
            scope = scope.rpartition("/")[0]
        return self.default

    def attachments(self, reference: Reference) -> bool:
        """Whether sigstore attachments in the registry are read and written."""
        for section in self._sections(reference):
            if section.attachments is not None:
                return section.attachments
        return False


def default_store(environ: Mapping[str, str] = os.environ) -> str:
    """The lookaside for everything that registries.d does not speak of."""
    if os.geteuid() == 0:
        return "file:///var/lib/containers/sigstore"
    return f"file://{environ.get('HOME', '')}/.local/share/containers/sigstore"


def directory(environ: Mapping[str, str] = os.environ) -> str:
    """The configuration directory that counts: the user's if it exists, else the host's."""
    own = f"{environ.get('HOME', '')}/.config/containers/registries.d"
    return own if environ.get("HOME") and os.path.isdir(own) else "/etc/containers/registries.d"


def load(path: str = "") -> Lookaside:
    """Read all ``*.yaml`` of a directory; absent is empty. Raises ``ConfigError``."""
    path = path or directory()
    try:
        names = sorted(name for name in os.listdir(path) if name.endswith(".yaml"))
    except (FileNotFoundError, NotADirectoryError):
        return Lookaside()
    except OSError as error:
        raise ConfigError(f"reading {path}: {(error.strerror or str(error)).lower()}") from None
    default: tuple[str, Section] | None = None
    docker: dict[str, tuple[str, Section]] = {}
    for name in names:
        file = f"{path}/{name}"
        document = _document(file)
        if document.get("default-docker") is not None:
            if default is not None:
                raise _double('"default-docker"', default[0], file)
            default = (file, _section(document["default-docker"], file))
        for scope, value in _mapping(document.get("docker"), "docker", file).items():
            if scope in docker:
                raise _double(f'"docker" namespace "{scope}"', docker[scope][0], file)
            docker[str(scope)] = (file, _section(value, file))
    return Lookaside(
        default=default[1] if default else None,
        docker={scope: section for scope, (_, section) in docker.items()},
    )


def _double(what: str, first: str, second: str) -> ConfigError:
    return ConfigError(
        f"error parsing signature storage configuration: {what} defined both in "
        f'"{first}" and "{second}"'
    )


def _document(file: str) -> dict[str, Any]:
    import yaml

    data = read_bytes(file)
    if data is None:  # removed since the listing
        return {}
    # The C loader where the wheel has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(data)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        _refuse_doubles(node, file)
        return _mapping(loader.construct_document(node), "the file", file)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"parsing {file}: {reason}") from None
    finally:
        loader.dispose()


def _refuse_doubles(node: Any, file: str) -> None:
    """A key twice in a mapping: the loader would take the last one without a word."""
    if node.id == "mapping":
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigError(f'parsing {file}: line {line}: duplicate key "{key.value}"')
            if isinstance(key.value, str):
                seen.add(key.value)
            _refuse_doubles(value, file)


def _mapping(value: Any, what: str, file: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError(f"parsing {file}: {what} must be a mapping")
    return value


def _section(value: Any, file: str) -> Section:
    given = _mapping(value, "a section", file)
    texts = {}
    for key in _TEXTS:
        text = given.get(key)
        if text is not None and not isinstance(text, str):
            raise ConfigError(f"parsing {file}: {key} must be a string")
        texts[key] = text or ""
    attachments = given.get("use-sigstore-attachments")
    if attachments is not None and not isinstance(attachments, bool):
        raise ConfigError(f"parsing {file}: use-sigstore-attachments must be true or false")
    return Section(
        lookaside=texts["lookaside"] or texts["sigstore"],
        staging=texts["lookaside-staging"] or texts["sigstore-staging"],
        attachments=attachments,
    )


# -- the signatures -----------------------------------------------------------------------------


def location(base: str, digest: str) -> str:
    """The URL of the directory with the signatures of a manifest."""
    from ..oci.manifest import is_digest

    if not is_digest(digest):  # it becomes a part of a path
        raise PolypodError(f'invalid digest "{digest}"')
    return f"{base}@{digest.replace(':', '=')}"


def local_path(url: str, what: str = "writing to") -> str:
    """The path of a ``file://`` URL; raises ``PolypodError`` for any other."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    if parts.scheme != "file":
        raise PolypodError(f"{what} {url} is not supported; use a file:// URL")
    return unquote(parts.path)


def read(base: str, digest: str, fetch: Callable[[str], bytes | None]) -> list[bytes]:
    """All signatures of a manifest; ``fetch(url)`` gets one over HTTP, ``None`` for a 404.

    Raises ``PolypodError`` when one is too large or cannot be read.
    """
    url = location(base, digest)
    found: list[bytes] = []
    while True:
        name = f"{url}/signature-{len(found) + 1}"
        if url.startswith(("http://", "https://")):
            blob = fetch(name)
        else:
            blob = _read_file(local_path(name, "reading from"))
        if blob is None:
            return found
        found.append(blob)
        if len(found) > MOST or sum(map(len, found)) > MAX_TOTAL:
            raise PolypodError(
                f"{url} holds more than {MOST} signatures or {MAX_TOTAL} bytes of them"
            )


def _read_file(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SIZE + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"reading signature {path}: {reason}") from None
    if len(data) > MAX_SIZE:
        raise PolypodError(f"signature {path} has more than {MAX_SIZE} bytes")
    return data


def add(path: str, blobs: list[bytes]) -> list[str]:
    """Store signatures in a manifest's directory, after those that are there; returns their paths.

    One that is there already is not stored again. Two that sign at once both find a free
    number. Raises ``PolypodError``.
    """
    written = []
    try:
        os.makedirs(path, 0o755, exist_ok=True)
        index = 1
        known = set()
        while (data := read_bytes(f"{path}/signature-{index}")) is not None:
            known.add(data)
            index += 1
        if index + len(blobs) > MOST:
            raise PolypodError(f"{path} holds {index - 1} signatures already; delete some of them")
        for blob in blobs:
            if blob not in known:
                index = _publish(path, index, blob)
                written.append(f"{path}/signature-{index}")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"writing signature to {path}: {reason}") from None
    return written


def _publish(path: str, index: int, blob: bytes) -> int:
    """Write a whole file, then give it the first free number: a link never replaces another."""
    from ..kit.atomic import write_atomic

    temporary = f"{path}/.new-{os.getpid()}-{id(blob)}"
    write_atomic(temporary, blob, mode=0o644, durable=True)
    try:
        while True:
            try:
                os.link(temporary, f"{path}/signature-{index}")
            except FileExistsError:
                index += 1
            else:
                return index
    finally:
        os.unlink(temporary)
