"""Storage driver ``vfs``: each layer is a whole copy of the tree, a plain directory.

Slow and large, but it works on every file system, without mounts and
privileges. The layout is that of containers/storage: ``<home>/dir/<layer ID>``.
"""

from __future__ import annotations

import os

from polypod.errors import ConfigError, StorageError
from polypod.kit.atomic import remove_tree
from polypod.model.struct import Struct
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from polypod.model.mount import MountSpec

_ROOT_MODE = 0o555
# Understood elsewhere: stores are composed by polypod.store.
_IGNORED = ("imagestore", "additionalimagestore", "pull_options")


class VFSConfig(Struct):
    """The table ``[plugin.storage.vfs]`` of polypod.conf. It has no keys: storage.conf has them all."""


def _ignore_chown_errors(options: dict[str, str]) -> bool:
    """The driver's one option; any other is a ``ConfigError`` with its name."""
    found = False
    for key, value in options.items():
        prefix, dot, name = key.lower().rpartition(".")
        if dot and prefix.removeprefix("storage.options").strip(".") not in ("", "vfs"):
            continue  # another driver's
        if name == "ignore_chown_errors":
            found = value.lower() in ("1", "t", "true")
        elif name not in _IGNORED:
            raise ConfigError(f"vfs driver does not support {key} options")
    return found


class VFS:
    """Layers as plain directories."""

    Config = VFSConfig

    def __init__(
        self,
        config: VFSConfig,
        home: str,
        run_home: str,
        image_home: str = "",
        options: dict[str, str] | None = None,
        additional: Sequence[str] = (),
    ) -> None:
        self._home = home
        self._image_home = image_home
        self._others = tuple(path for path in (image_home, *additional) if path)
        self._ignore_chown = _ignore_chown_errors(options or {})

    def _directory(self, id: str) -> str:
        own = f"{self._home}/dir/{id}"
        if self._others and not os.path.isdir(own):
            for home in self._others:
                if os.path.isdir(f"{home}/dir/{id}"):
                    return f"{home}/dir/{id}"
        return own

    def _own(self, directory: str) -> bool:
        """Whether a layer's directory is in a home that may be written to."""
        return directory.startswith((f"{self._home}/dir/", f"{self._image_home or self._home}/dir/"))

    @hookimpl
    def storage_prepare(self, id: str, parent: str, writable: bool) -> bool:
        home = self._home if writable or not self._image_home else self._image_home
        directory = f"{home}/dir/{id}"
        below = self._directory(parent) if parent else ""
        if below and not os.path.isdir(below):
            raise StorageError(
                f"layer {parent} is not on disk in {home}; its image is damaged: remove and load it again"
            )
        try:
            os.makedirs(f"{home}/dir", 0o700, exist_ok=True)
            remove_tree(directory)
            os.mkdir(directory, 0o700)
            _fill(directory, below)
        except OSError as error:
            remove_tree(directory)
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot make layer {id} in {home}: {reason}") from error
        return True

    @hookimpl
    def storage_rename(self, id: str, new_id: str) -> bool:
        directory = self._directory(id)
        if not self._own(directory):
            raise StorageError(f"layer {id} lies in a store that is only read, {directory}")
        os.rename(directory, f"{os.path.dirname(directory)}/{new_id}")
        return True

    @hookimpl
    def storage_diff_path(self, id: str) -> str:
        return self._directory(id)

    @hookimpl
    def storage_diff_paths(self, id: str) -> Sequence[str]:
        return (self._directory(id),)

    @hookimpl
    def storage_native_diff(self) -> bool:
        return False

    @hookimpl
    def storage_extraction(self) -> dict[str, Any]:
        return {"whiteouts": "apply", "ignore_chown_errors": self._ignore_chown}

    @hookimpl
    def storage_mounts(
        self, id: str, read_only: bool, label: str, options: Sequence[str]
    ) -> list[MountSpec]:
        directory = self._directory(id)
        if not os.path.isdir(directory):
            raise StorageError(f"layer {id} is not on disk in {self._home}")
        return []

    @hookimpl
    def storage_target(self, id: str) -> str:
        return self._directory(id)

    @hookimpl
    def storage_release(self, id: str, last: bool) -> bool:
        return True

    @hookimpl
    def storage_remove(self, id: str) -> bool:
        directory = self._directory(id)
        if self._own(directory):
            try:
                remove_tree(directory)
            except OSError as error:
                raise StorageError(f"cannot remove layer {id}: {error}") from error
        return True

    @hookimpl
    def storage_exists(self, id: str) -> bool:
        return os.path.isdir(self._directory(id))

    @hookimpl
    def storage_list(self) -> list[str]:
        found: set[str] = set()
        for home in filter(None, (self._home, self._image_home)):
            try:
                found.update(os.listdir(f"{home}/dir"))
            except FileNotFoundError:
                continue
        return sorted(found)

    @hookimpl
    def storage_usage(self, id: str) -> tuple[int, int]:
        from polypod.kit.atomic import tree_usage

        return tree_usage(self._directory(id))

    @hookimpl
    def storage_check(self, repair: bool) -> list[tuple[str, str]]:
        return []  # a directory is all that a layer has: there is nothing to be lost beside it

    @hookimpl
    def storage_info(self) -> list[tuple[str, str]]:
        return []


def _fill(directory: str, below: str) -> None:
    """Make a fresh directory a copy of the layer below it."""
    if not below:
        os.chmod(directory, _ROOT_MODE)
        return
    from polypod.kit.copytree import copy_tree

    info = os.stat(below)
    os.chown(directory, info.st_uid, info.st_gid)
    os.chmod(directory, info.st_mode & 0o7777)
    copy_tree(below, directory)
