"""Face of ``polypod.storage.v1``; what each method promises stands in :mod:`polypod.spec.storage`."""

from __future__ import annotations

from ._base import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as _list
    from collections.abc import Sequence
    from typing import Any

    from ..model.mount import MountSpec


class StoragePort(Port):
    """The storage driver."""

    GROUP = "storage"

    def prepare(self, id: str, parent: str, writable: bool) -> bool:
        """Make an empty layer on top of ``parent`` ("" = none)."""
        answer: bool | None = self.driver.storage_prepare(id, parent, writable)
        if answer is None:
            self._silent("storage_prepare")
        return answer

    def rename(self, id: str, new_id: str) -> bool:
        """Give a layer that nobody uses yet its final ID. ``new_id`` must not exist."""
        answer: bool | None = self.driver.storage_rename(id, new_id)
        if answer is None:
            self._silent("storage_rename")
        return answer

    def adopt(self, id: str, parent: str, inherit: bool) -> bool:
        """Put a layer that was prepared without a parent on top of ``parent``. Optional."""
        answer: bool | None = self._optional("storage_adopt")(id, parent, inherit)
        if answer is None:
            self._silent("storage_adopt")
        return answer

    def renew(self, id: str, new_id: str) -> bool:
        """Give a layer the ID of one whose files are damaged; what stands on that stays. Optional."""
        answer: bool | None = self._optional("storage_renew")(id, new_id)
        if answer is None:
            self._silent("storage_renew")
        return answer

    def diff_path(self, id: str) -> str:
        """The directory into which a new layer's own files are extracted, or that holds its changes."""
        answer: str | None = self.driver.storage_diff_path(id)
        if answer is None:
            self._silent("storage_diff_path")
        return answer

    def diff_paths(self, id: str) -> Sequence[str]:
        """The directories that make up the layer's view, topmost first (one for a driver of whole trees)."""
        answer: Sequence[str] | None = self.driver.storage_diff_paths(id)
        if answer is None:
            self._silent("storage_diff_paths")
        return answer

    def native_diff(self) -> bool:
        """True when ``storage_diff_path`` holds changes only (overlay); False: the whole tree (vfs)."""
        answer: bool | None = self.driver.storage_native_diff()
        if answer is None:
            self._silent("storage_native_diff")
        return answer

    def extraction(self) -> dict[str, Any]:
        """How a layer is extracted into ``storage_diff_path``."""
        answer: dict[str, Any] | None = self.driver.storage_extraction()
        if answer is None:
            self._silent("storage_extraction")
        return answer

    def mounts(
        self, id: str, read_only: bool = False, label: str = "", options: Sequence[str] = ()
    ) -> _list[MountSpec]:
        """The mounts that give the layer's whole view, to be made in order at ``storage_target``."""
        answer: _list[MountSpec] | None = self.driver.storage_mounts(id, read_only, label, options)
        if answer is None:
            self._silent("storage_mounts")
        return answer

    def target(self, id: str) -> str:
        """Where a view of the layer is mounted by convention (overlay: <home>/ID/merged); the directory exists."""
        answer: str | None = self.driver.storage_target(id)
        if answer is None:
            self._silent("storage_target")
        return answer

    def release(self, id: str, last: bool) -> bool:
        """The layer's view was unmounted; ``last``: no other layer of this store is mounted now."""
        answer: bool | None = self.driver.storage_release(id, last)
        if answer is None:
            self._silent("storage_release")
        return answer

    def remove(self, id: str) -> bool:
        """Delete the layer's files; nothing may be mounted any more. True also when absent."""
        answer: bool | None = self.driver.storage_remove(id)
        if answer is None:
            self._silent("storage_remove")
        return answer

    def exists(self, id: str) -> bool:
        """Whether the layer's files are there and complete enough to be mounted."""
        answer: bool | None = self.driver.storage_exists(id)
        if answer is None:
            self._silent("storage_exists")
        return answer

    def list(self) -> _list[str]:
        """IDs of all layers on disk, read-only stores left out."""
        answer: _list[str] | None = self.driver.storage_list()
        if answer is None:
            self._silent("storage_list")
        return answer

    def usage(self, id: str) -> tuple[int, int]:
        """Bytes and inodes of the layer's own files."""
        answer: tuple[int, int] | None = self.driver.storage_usage(id)
        if answer is None:
            self._silent("storage_usage")
        return answer

    def check(self, repair: bool = False) -> _list[tuple[str, str]]:
        """What is wrong on disk, as (layer ID, reason); with ``repair`` what can be rebuilt is."""
        answer: _list[tuple[str, str]] | None = self.driver.storage_check(repair)
        if answer is None:
            self._silent("storage_check")
        return answer

    def info(self) -> _list[tuple[str, str]]:
        """Rows for ``polypod info`` graphStatus, such as ("Backing Filesystem", "extfs")."""
        answer: _list[tuple[str, str]] | None = self.driver.storage_info()
        if answer is None:
            self._silent("storage_info")
        return answer
