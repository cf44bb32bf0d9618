"""``engine.manifests``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..engine.runtime import Runtime
    from ..registry.access import Access


class Manifests:
    """The manifest lists (image indexes) of an engine's store."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def create(
        self,
        name: str,
        images: Sequence[str] = (),
        *,
        all: bool = False,
        amend: bool = False,
        annotations: Mapping[str, str] | None = None,
        access: Access | None = None,
    ) -> str:
        """Make a list, with some images in it; its ID. One that is there is kept with ``amend``."""
        from ..engine.manifests import create
        from ..engine.manifests_add import add

        made = create(self._rt, name, amend=amend, annotations=dict(annotations or {}))
        return add(self._rt, made, images, all=all, access=access)

    def add(
        self,
        name: str,
        image: str,
        *,
        all: bool = False,
        os: str = "",
        arch: str = "",
        variant: str = "",
        annotations: Mapping[str, str] | None = None,
        access: Access | None = None,
    ) -> str:
        """Put an image (``transport:name``) into a list; of a list this host's one, or ``all``."""
        from ..engine.manifests_add import Marks, add

        marks = Marks(annotations=dict(annotations or {}), arch=arch, os=os, variant=variant)
        return add(self._rt, name, [image], marks, all=all, access=access)

    def exists(self, name: str) -> bool:
        """Whether there is such a list; raises ``NotAList`` (a ``PolypodError``) for an image."""
        from ..engine.manifests import exists

        return exists(self._rt, name)

    def inspect(self, name: str, access: Access | None = None) -> dict[str, Any]:
        """The list as ``manifest inspect`` prints it; one that is not local is read in its registry."""
        from ..engine.manifests_add import inspect

        return inspect(self._rt, name, access)

    def remove_instance(self, name: str, digest: str) -> str:
        """Take an image out of a list."""
        from ..engine.manifests import remove_instance

        return remove_instance(self._rt, name, digest)

    def push(
        self,
        name: str,
        destination: str = "",
        *,
        format: str = "",
        all: bool = True,
        compression: str = "",
        add_compression: Sequence[str] = (),
        access: Access | None = None,
        report: Callable[[str], None] | None = None,
    ) -> str:
        """Push a list, with its images unless ``all`` is false; its digest at the destination."""
        from ..engine.manifests_push import push_list
        from ..engine.progress import Progress, progress_of
        from ..engine.push_options import PushOptions
        from ..registry.access import Access

        options = PushOptions(
            access=access or Access(),
            format=format,
            all=all,
            compression=compression,
            force=bool(compression),
            add_compression=tuple(add_compression),
        )
        progress = progress_of(report) if report else Progress()
        return push_list(self._rt, name, destination or name, options, progress)

    def remove(self, name: str) -> None:
        """Remove a whole list; the images stay."""
        from ..engine.manifests import remove_lists

        _, errors = remove_lists(self._rt, [name])
        if errors:
            raise errors[0]
