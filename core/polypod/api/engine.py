"""``polypod.Engine``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

    from ..engine.runtime import Runtime
    from .artifacts import Artifacts
    from .containers import Containers
    from .events import Events
    from .images import Images
    from .imagestores import ImageStores
    from .manifests import Manifests
    from .registries import Registries


class Engine:
    """A container engine in this process.

    Without arguments it works on the same store, state and configuration as the command
    line does. Keyword arguments are the command line's global flags with
    underscores: ``root``, ``runroot``, ``imagestore``, ``state_backend``, ``runtime``,
    ``storage_driver``, ``network_backend``, ``config``, ``log_level`` and so on. Raises
    ``ConfigError`` and ``CompositionError`` when the engine cannot be put together.

    Use it as a context manager, or call :meth:`close`. It may be used from several threads.
    """

    def __init__(self, **flags: Any) -> None:
        from ..assembly import open_runtime

        self._rt = open_runtime(_as_flags(flags))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Release files; containers go on running. A closed engine opens again when used."""
        self._rt.close()

    @property
    def runtime(self) -> Runtime:
        """The context of the engine's use cases, for what has no method here."""
        return self._rt

    @property
    def containers(self) -> Containers:
        """Create, run, find and list containers."""
        from .containers import Containers

        self._rt.renew_stores()
        return Containers(self._rt)

    @property
    def images(self) -> Images:
        """Load, import, push, find, list and remove images."""
        from .images import Images

        self._rt.renew_stores()
        return Images(self._rt)

    @property
    def artifacts(self) -> Artifacts:
        """Add, find, extract and remove OCI artifacts."""
        from .artifacts import Artifacts

        return Artifacts(self._rt)

    @property
    def manifests(self) -> Manifests:
        """Make, fill, push and remove manifest lists."""
        from .manifests import Manifests

        return Manifests(self._rt)

    @property
    def imagestores(self) -> ImageStores:
        """Attach, detach, move, check and export image stores."""
        from .imagestores import ImageStores

        self._rt.renew_stores()
        return ImageStores(self._rt)

    @property
    def registries(self) -> Registries:
        """Log in to registries and search them."""
        from .registries import Registries

        return Registries(self._rt)

    @property
    def events(self) -> Events:
        """What happened, and what happens."""
        from .events import Events

        return Events(self._rt)


def _as_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name.replace("_", "-"): [*value] if isinstance(value, (list, tuple)) else str(value)
        for name, value in flags.items()
        if value is not None
    }
