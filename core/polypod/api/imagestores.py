"""``engine.imagestores``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..engine.imagestores_check import Finding
    from ..engine.runtime import Runtime
    from ..model.imagestore import ImageStore


def _silent(_line: str) -> None:
    return


class ImageStores:
    """The image stores beside an engine's writable one."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def list(self) -> builtins.list[dict[str, Any]]:
        """All of them, as ``imagestore ls --format json`` has them."""
        from ..engine.imagestores import list_stores

        return list_stores(self._rt)

    def inspect(self, name: str) -> dict[str, Any]:
        """Everything about a store; raises ``NoSuchStore``."""
        from ..engine.imagestores import inspect_store

        return inspect_store(self._rt, name)

    def attach(
        self,
        path: str,
        name: str = "",
        *,
        way: str = "",
        read_only: bool | None = None,
        required: bool | None = None,
        share_layers: bool | None = None,
        shared: bool = False,
        say: Callable[[str], None] = _silent,
    ) -> ImageStore:
        """Attach the store in a directory or file; ``say`` is told which way it is used."""
        from ..engine.imagestores_attach import AttachOptions, attach

        options = AttachOptions(
            name=name,
            way=way,
            read_only=read_only,
            required=required,
            share_layers=share_layers,
            shared=shared,
        )
        return attach(self._rt, path, options, say)

    def detach(self, name: str, *, force: bool = False, forget: bool = False) -> None:
        """Let go of a store; raises ``InUse`` while running containers need it, unless ``force`` stops them."""
        from ..engine.imagestores_detach import detach

        detach(self._rt, name, force=force, forget=forget)

    def move(self, name: str, path: str, *, say: Callable[[str], None] = _silent) -> None:
        """Move a store; may be killed and called again."""
        from ..engine.imagestores_move import move

        move(self._rt, name, path, say)

    def check(self, names: Sequence[str] = (), *, repair: bool = False) -> builtins.list[Finding]:
        """What is wrong with stores, by default all that are attached."""
        from ..engine.imagestores_check import check

        return list(check(self._rt, [*names], repair=repair))

    def export(
        self, path: str, store: str = "", *, images: Sequence[str] = (), format: str = "erofs"
    ) -> str:
        """Write a store, or single images, into an erofs or squashfs file; the ID of the store in it."""
        from ..engine.imagestores_export import export

        return export(self._rt, path, format, store=store, images=[*images])
