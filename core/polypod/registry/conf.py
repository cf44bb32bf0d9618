"""registries.conf(5), version 2: which registries there are, and where a name leads."""

from __future__ import annotations

from ..errors import RegistryError, UsageError
from ..model.struct import Struct
from ..oci.reference import Reference, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTH_FILES = "containers-auth.json"  # the helper's name that stands for auth.json(5)


class Mirror(Struct):
    """A ``[[registry.mirror]]``; ``pull`` is ``all``, ``digest-only`` or ``tag-only``.

    The registry's ``mirror-by-digest-only`` is in ``pull`` already.
    """

    location: str
    insecure: bool = False
    pull: str = "all"


class Registry(Struct):
    """A ``[[registry]]``: what applies to the names that start with ``prefix``.

    ``source`` is the file, ``by_digest`` says that it sets ``mirror-by-digest-only``.
    """

    prefix: str
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirrors: tuple[Mirror, ...] = ()
    by_digest: bool = False
    source: str = ""

    _nested_ = {"mirrors": Mirror}


class Endpoint(Struct):
    """Where an image is to be had: its physical name, and how its server is reached."""

    reference: Reference
    insecure: bool = False
    mirror: bool = False


class Candidate(Struct):
    """A full name that a short one may mean.

    ``remember_alias`` asks to call :meth:`Registries.remember` once it was pulled; ``note``
    is podman's line on how the name was found, "" for a full name.
    """

    reference: Reference
    remember_alias: bool = False
    note: str = ""


class Registries:
    """The configuration in force: :func:`load` reads it."""

    def __init__(
        self,
        *,
        registries: tuple[Registry, ...] = (),
        search: tuple[str, ...] = (),
        search_source: str = "/etc/containers/registries.conf",
        aliases: Mapping[str, tuple[str, str]] | None = None,
        mode: str = "permissive",
        credential_helpers: tuple[str, ...] = (AUTH_FILES,),
        source: str = "/etc/containers/registries.conf",
        alias_file: str = "",
    ) -> None:
        self.registries = registries
        self.search = search
        self.search_source = search_source
        self.aliases = dict(aliases or {})
        self.mode = mode
        self.credential_helpers = credential_helpers
        self.source = source
        self.alias_file = alias_file

    def find(self, name: str) -> Registry | None:
        """The table for a full name (``host/path[:tag][@digest]`` or ``host``): longest prefix."""
        best, length = None, 0
        for registry in self.registries:
            matched = _matched(name, registry.prefix)
            if matched > length:
                best, length = registry, matched
        return best

    def endpoints(self, reference: Reference) -> list[Endpoint]:
        """Where to pull a full name from: mirrors first, the registry itself last.

        Raises ``RegistryError`` for a blocked one.
        """
        name = str(reference)
        registry = self.find(name)
        if registry is None:
            return [Endpoint(reference=reference)]
        self.refuse_blocked(name)
        matched = _matched(name, registry.prefix)
        found = [
            Endpoint(
                reference=_rewritten(name, matched, mirror.location),
                insecure=mirror.insecure,
                mirror=True,
            )
            for mirror in registry.mirrors
            if mirror.pull == "all" or (mirror.pull == "digest-only") == bool(reference.digest)
        ]
        own = _rewritten(name, matched, registry.location) if registry.location else reference
        return [*found, Endpoint(reference=own, insecure=registry.insecure)]

    def destination(self, reference: Reference) -> Endpoint:
        """Where to push a full name: the registry that it names, whatever its location."""
        registry = self.find(str(reference))
        if registry is None:
            return Endpoint(reference=reference)
        self.refuse_blocked(str(reference))
        return Endpoint(reference=reference, insecure=registry.insecure)

    def refuse_blocked(self, name: str) -> None:
        """Raise ``RegistryError`` when nothing may come from where this name leads."""
        registry = self.find(name)
        if registry is not None and registry.blocked:
            raise RegistryError(
                f"registry {registry.prefix} is blocked in {registry.source or self.source}"
            )

    def candidates(
        self, name: str, choose: Callable[[list[str]], int] | None = None
    ) -> list[Candidate]:
        """The full names to try for one that a user gave, in podman's order.

        ``choose`` asks the user at a terminal which of several to take (it gets their
        full names and returns an index); without one there is no terminal. Raises
        ``UsageError`` for a malformed name, or when a short name cannot be resolved.
        """
        from .shortnames import resolve

        return resolve(self, name, choose)

    def remember(self, name: str, reference: Reference) -> None:
        """Keep what the user chose for a short name, as podman does, for podman too."""
        from .shortnames import remember

        remember(self, name, reference)


def _matched(name: str, prefix: str) -> int:
    """How many characters of the name the prefix takes, 0 when it does not match."""
    if prefix.startswith("*."):
        at = name.find(prefix[1:])
        if at < 0 or "/" in name[:at]:
            return 0
        end = at + len(prefix) - 1
    else:
        if not name.startswith(prefix):
            return 0
        end = len(prefix)
    # As in podman a host without a port stands for the host with any port as well.
    return end if name[end : end + 1] in ("", ":", "/", "@") else 0


def _rewritten(name: str, matched: int, location: str) -> Reference:
    """The name with ``location`` for its first ``matched`` characters.

    Where the prefix had a tag or digest and the location has none, it stays the image's.
    """
    text = location + name[matched:]
    try:
        reference = parse(text)
    except UsageError as error:
        raise UsageError(f'registry location "{location}" makes "{text}" of {name}: {error}') from None
    if not reference.domain:
        raise UsageError(f'registry location "{location}" makes "{text}" of {name}: no registry in it')
    if not reference.tag and not reference.digest:
        whole = parse(name)
        return Reference(reference.domain, reference.path, whole.tag, whole.digest)
    return reference


def load(path: str = "", environ: Mapping[str, str] | None = None) -> Registries:
    """Read registries.conf and its drop-ins; ``path`` instead of the usual main file.

    Raises ``ConfigError`` naming file, key and line when one of them is bad.
    """
    from .conf_read import read

    return read(path, environ)
