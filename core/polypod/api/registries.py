"""``engine.registries``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable

    from ..engine.runtime import Runtime
    from ..registry.access import Access
    from ..registry.conf import Registries as Configuration
    from ..registry.search import Row


class Registries:
    """Registries as this user sees them: credentials, search, tags.

    ``access`` says how they are reached (:class:`polypod.registry.access.Access`:
    ``tls_verify``, ``cert_dir``, ``creds``, ``authfile`` and so on).
    """

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def configuration(self, access: Access | None = None) -> Configuration:
        """registries.conf(5) as it is now; raises ``ConfigError`` for a bad file."""
        from ..registry.conf import load

        access = self._access(access)
        return load(access.registries_conf, access.environ)

    def login(
        self, registry: str, username: str, password: str, *, access: Access | None = None
    ) -> str:
        """Try credentials for ``host[:port][/namespace]`` and keep them; returns where.

        Raises ``RegistryDenied`` when the registry refuses them; then nothing is kept.
        """
        from ..registry import login
        from ..registry.auth import Credentials

        access = self._access(access)
        registries = self.configuration(access)
        key, host = login.split_key(registry)
        credentials = Credentials(username=username, password=password)
        login.check(host, credentials, access, registries)
        return login.store(key, credentials, access, registries)

    def user(self, registry: str, *, access: Access | None = None) -> str:
        """Who is logged in there, "" for nobody."""
        from ..registry import auth

        access = self._access(access)
        found = auth.lookup(registry, access, self.configuration(access))
        return found.username if found is not None else ""

    def logout(self, registry: str, *, access: Access | None = None) -> bool:
        """Forget the credentials; returns whether there were any."""
        from ..registry import login

        access = self._access(access)
        return login.forget(login.split_key(registry)[0], access, self.configuration(access))

    def search(
        self,
        term: str,
        *,
        limit: int = 25,
        filters: Iterable[str] = (),
        access: Access | None = None,
    ) -> builtins.list[Row]:
        """What ``host/word``, or a word at all search registries, finds.

        ``filters`` are ``stars=N``, ``is-official`` and ``is-automated``.
        """
        from ..registry import search

        access = self._access(access)
        return search.search(
            term, access, self.configuration(access), limit=limit,
            filters=search.parse_filters(filters),
        )  # fmt: skip

    def tags(self, name: str, *, access: Access | None = None) -> builtins.list[str]:
        """All tags of a repository that is named with its registry."""
        from ..oci.reference import parse, with_docker_defaults
        from ..registry.client import open_repository

        access = self._access(access)
        reference = with_docker_defaults(parse(name))
        with open_repository(reference, access, self.configuration(access)) as repository:
            return repository.tags()

    def _access(self, access: Access | None) -> Access:
        from ..registry.access import Access

        return access or Access(retry=self._rt.settings.engine.retry)
