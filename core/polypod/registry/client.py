"""Opens repositories: the source of a pull, with its mirrors, and the destination of a push."""

from __future__ import annotations

from ..errors import RegistryError
from ..kit import log
from . import auth
from .repository import Fetched, Repository
from .wire import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.reference import Reference
    from .access import Access
    from .auth import Credentials
    from .conf import Endpoint, Registries


def open_source(reference: Reference, access: Access, registries: Registries) -> Repository:
    """The first endpoint that gives the reference's manifest, which it keeps at hand.

    Mirrors come first and are not waited for when they fail. Raises ``RegistryError`` (or
    the more special ``RegistryNotFound``, ``RegistryDenied``) starting with podman's
    ``initializing source docker://NAME``.
    """
    name = f"docker://{reference}"
    try:
        endpoints = registries.endpoints(reference)
    except RegistryError as error:
        raise RegistryError(f"initializing source {name}: {error}") from error
    failed: list[str] = []
    for number, endpoint in enumerate(endpoints, 1):
        last = number == len(endpoints)
        repository = _repository(endpoint, access, registries, reference, patient=last)
        repository.host.context = f"initializing source {name}"
        try:
            # A table may block the place to which another one leads.
            registries.refuse_blocked(str(endpoint.reference))
            repository.manifest()
        except RegistryError as error:
            repository.close()
            if not last:
                failed.append(f"[{endpoint.reference}: {error}]")
                log.info(f"mirror {endpoint.reference}: {error}")
                continue
            also = f"(Mirrors also failed: {', '.join(failed)}): {endpoint.reference}: " if failed else ""
            raise type(error)(f"initializing source {name}: {also}{error}") from error
        repository.host.context = ""
        repository.host.retries = access.retry
        return repository
    raise RegistryError(f"initializing source {name}: no endpoint is configured")


def open_destination(reference: Reference, access: Access, registries: Registries) -> Repository:
    """The repository to push to: the one that is named, never a mirror."""
    try:
        endpoint = registries.destination(reference)
    except RegistryError as error:
        raise RegistryError(f"initializing destination docker://{reference}: {error}") from error
    return _repository(endpoint, access, registries, reference, actions="pull,push")


def open_repository(
    reference: Reference, access: Access, registries: Registries, actions: str = "pull"
) -> Repository:
    """The repository at its own registry, without mirrors, for tags, referrers, deletions.

    ``actions`` of a token may be ``pull``, ``pull,push``, ``delete`` or ``*``.
    """
    endpoint = registries.endpoints(reference)[-1]
    return _repository(endpoint, access, registries, reference, actions=actions)


def open_host(
    domain: str, access: Access, registries: Registries, credentials: Credentials | None = None
) -> Host:
    """A registry as such (``host[:port]``), for its catalog, search and login.

    The credentials are those that are kept for it, unless given.
    """
    found = registries.find(domain)
    if found is not None and found.blocked:
        raise RegistryError(f"registry {domain} is blocked in {found.source}")
    insecure = found.insecure if found is not None else False
    return Host(
        domain,
        access,
        insecure=insecure if access.tls_verify is None else not access.tls_verify,
        credentials=credentials or auth.lookup(domain, access, registries),
    )


def _repository(
    endpoint: Endpoint,
    access: Access,
    registries: Registries,
    logical: Reference,
    actions: str = "pull",
    patient: bool = True,
) -> Repository:
    domain = endpoint.reference.domain
    if access.creds and domain != logical.domain:
        # The password was given for the registry that the user named, and for no other.
        access = access.evolve(creds="")
    host = Host(
        domain,
        access,
        insecure=endpoint.insecure if access.tls_verify is None else not access.tls_verify,
        credentials=auth.lookup(endpoint.reference.name, access, registries),
        retries=access.retry if patient else 0,
    )
    return Repository(endpoint, host, actions)


__all__ = [
    "Fetched",
    "Repository",
    "open_destination",
    "open_host",
    "open_repository",
    "open_source",
]
