"""``engine.images``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..engine.progress import Progress
    from ..engine.runtime import Runtime
    from ..model.image import Image
    from ..registry.access import Access


class Images:
    """The images of an engine's store."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def list(
        self, *, all: bool = False, filters: Sequence[str] = ()
    ) -> builtins.list[dict[str, Any]]:
        """Summaries as ``podman images --format json`` has them; ``filters`` as its --filter."""
        from ..engine.images_list import list_images

        return list_images(self._rt, [*filters], all=all)

    def get(self, ref: str) -> Image:
        """An image by name, ID or ID prefix; raises ``NoSuchImage``."""
        return self._rt.store.find_image(ref)

    def exists(self, ref: str) -> bool:
        """Whether there is such an image."""
        from ..engine.images_lookup import exists

        return exists(self._rt, ref)

    def inspect(self, ref: str) -> dict[str, Any]:
        """Everything about an image, as ``podman image inspect`` prints it."""
        from ..engine.images_inspect import inspect_image

        return inspect_image(self._rt, ref)

    def load(self, path: str) -> builtins.list[str]:
        """Load an archive or an image directory; the names of what it held."""
        from ..engine.images_load import load_path

        return load_path(self._rt, path)

    def pull(
        self,
        source: str,
        *,
        policy: str = "always",
        platform: str = "",
        all_tags: bool = False,
        access: Access | None = None,
        signature_policy: str = "",
        progress: Progress | None = None,
    ) -> builtins.list[str]:
        """Pull an image from a registry or another transport; the IDs of what is there now.

        ``policy`` is always, missing, newer or never; ``platform`` is ``os/arch[/variant]``.
        ``access`` says how the registry is reached (:class:`polypod.registry.access.Access`:
        credentials, TLS, retries), ``progress`` is told what happens. Raises ``NoSuchImage``,
        ``RegistryError``, ``PolicyRejected``, ``StorageError``; then nothing new is in the store.
        """
        from ..engine.images_pull import pull
        from ..engine.platforms import parse_platform
        from ..engine.progress import Progress
        from ..engine.pull_options import PullOptions
        from ..registry.access import Access

        system, arch, variant = parse_platform(platform) if platform else ("", "", "")
        options = PullOptions(
            policy=policy,
            access=access or Access(retry=self._rt.settings.engine.retry),
            os=system,
            arch=arch,
            variant=variant,
            all_tags=all_tags,
            signature_policy=signature_policy,
        )
        return pull(self._rt, source, options, progress or Progress())

    def import_(
        self, source: str, reference: str = "", *, changes: Sequence[str] = (), message: str = ""
    ) -> str:
        """Make an image from a tar file or URL; ``changes`` are Containerfile instructions. Returns its ID."""
        from ..engine.images_import import ImportOptions, import_path

        options = ImportOptions(reference=reference, changes=[*changes], message=message)
        return import_path(self._rt, source, options)

    def push(
        self,
        ref: str,
        destination: str = "",
        *,
        format: str = "",
        compression: str = "",
        level: int | None = None,
        access: Access | None = None,
        report: Callable[[str], None] | None = None,
    ) -> str:
        """Push an image to a registry or another transport (``oci:DIR:NAME``); the digest there.

        ``destination`` "" is the image's own name. ``format`` is ``oci`` or ``v2s2``,
        ``compression`` ``gzip``, ``zstd`` or ``zstd:chunked``. ``report`` gets lines.
        """
        from ..engine.progress import Progress, progress_of
        from ..engine.push import push
        from ..engine.push_options import PushOptions
        from ..registry.access import Access

        options = PushOptions(
            access=access or Access(),
            format=format,
            compression=compression,
            level=level,
            force=bool(compression),
        )
        progress = progress_of(report) if report else Progress()
        return push(self._rt, ref, destination, options, progress)

    def tag(self, ref: str, name: str) -> None:
        """Give an image one more name."""
        from ..engine.images_names import tag

        tag(self._rt, ref, [name])

    def remove(self, ref: str, *, force: bool = False) -> None:
        """Remove a name of an image, and the image with its last name."""
        from ..engine.images_remove import RemoveOptions, remove_images

        _, errors = remove_images(self._rt, [ref], RemoveOptions(force=force))
        if errors:
            raise errors[0]
