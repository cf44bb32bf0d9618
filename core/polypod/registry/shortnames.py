"""Short names: aliases, search registries, modes, and what the user chose (registries.conf(5))."""

from __future__ import annotations

import os

from ..errors import RegistryError, UsageError
from ..oci import reference as references
from .conf import Candidate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..oci.reference import Reference
    from .conf import Registries


def resolve(
    registries: Registries, name: str, choose: Callable[[list[str]], int] | None
) -> list[Candidate]:
    """See :meth:`Registries.candidates`."""
    wanted = references.parse(name)
    if not references.is_short(wanted):
        full = references.with_tag(references.with_docker_defaults(wanted))
        return [Candidate(reference=full)]
    value, source = registries.aliases.get(wanted.name, ("", ""))
    if value:
        target = references.with_docker_defaults(references.parse(value))
        full = references.Reference(target.domain, target.path, wanted.tag, wanted.digest)
        note = f'Resolved "{wanted.name}" as an alias ({source})'
        return [Candidate(reference=references.with_tag(full), note=note)]
    found = [_in(registry, wanted) for registry in registries.search]
    if not found:
        raise UsageError(
            f'short-name "{name}" did not resolve to an alias and no unqualified-search '
            f'registries are defined in "{registries.search_source}"'
        )
    note = f'Resolving "{wanted.name}" using unqualified-search registries ({registries.search_source})'
    every = [Candidate(reference=entry, note=note) for entry in found]
    if len(every) == 1 or registries.mode == "disabled":
        return every
    if choose is None:
        if registries.mode == "enforcing":
            raise UsageError(
                "short-name resolution enforced but cannot prompt without a TTY; "
                f'write the full name, such as {found[0]}, or add an alias for "{wanted.name}"'
            )
        return every
    chosen = found[choose([str(entry) for entry in found])]
    return [Candidate(reference=chosen, remember_alias=True)]


def _in(registry: str, wanted: Reference) -> Reference:
    host, _, namespace = registry.partition("/")
    path = f"{namespace}/{wanted.name}" if namespace else wanted.name
    full = references.Reference(host, path, wanted.tag, wanted.digest)
    return references.with_tag(references.with_docker_defaults(full))


def check_alias(name: str, value: str) -> str:
    """What is wrong with an alias, "" when nothing is."""
    try:
        short = references.parse(name)
    except UsageError:
        return f'invalid short name "{name}"'
    if short.tag or short.digest or not references.is_short(short):
        return f'invalid short name "{name}": it must not have a registry, a tag or a digest'
    if not value:
        return ""
    try:
        target = references.parse(value)
    except UsageError:
        return f'invalid alias "{value}": not an image name'
    if target.tag or target.digest:
        return f'invalid alias "{value}": it must not have a tag or a digest'
    if references.is_short(target):
        return f'invalid alias "{value}": it must name a registry'
    return ""


def remember(registries: Registries, name: str, reference: Reference) -> None:
    """See :meth:`Registries.remember`."""
    import fcntl
    import tomllib

    import tomli_w

    from ..kit.atomic import read_bytes, write_atomic

    path = registries.alias_file
    short = references.parse(name).name
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            document = tomllib.loads((read_bytes(path) or b"").decode())
            document.setdefault("aliases", {})[short] = reference.name
            write_atomic(path, tomli_w.dumps(document).encode(), mode=0o644)
        finally:
            os.close(folder)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", "") or str(error)
        raise RegistryError(f'recording the alias "{short}" in {path}: {reason.lower()}') from error
