"""Face of ``polypod.state.v1``; what each method promises stands in :mod:`polypod.spec.state`."""

from __future__ import annotations

from ._base import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from builtins import list as _list
    from collections.abc import Sequence

    from ..spec.state import Operation


class StatePort(Port):
    """The chosen state backend."""

    GROUP = "state"

    def get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        """Read some records of one bucket in one consistent snapshot."""
        answer: dict[str, tuple[bytes, int]] | None = self.driver.state_get(bucket, keys)
        if answer is None:
            self._silent("state_get")
        return answer

    def list(self, bucket: str, prefix: str = "") -> _list[tuple[str, bytes, int]]:
        """All records of a bucket whose key starts with ``prefix``, ordered by key."""
        answer: _list[tuple[str, bytes, int]] | None = self.driver.state_list(bucket, prefix)
        if answer is None:
            self._silent("state_list")
        return answer

    def apply(self, operations: Sequence[Operation], durable: bool = True) -> int:
        """Carry out a batch: all of it or nothing."""
        answer: int | None = self.driver.state_apply(operations, durable)
        if answer is None:
            self._silent("state_apply")
        return answer

    def check(self, repair: bool = False) -> _list[tuple[str, str, str]]:
        """Verify every record; returns ``(bucket, key, what is wrong)`` for the damaged ones."""
        answer: _list[tuple[str, str, str]] | None = self.driver.state_check(repair)
        if answer is None:
            self._silent("state_check")
        return answer

    def info(self) -> dict[str, str]:
        """Facts for ``polypod info``: at least ``path``, the file or directory that holds the state."""
        answer: dict[str, str] | None = self.driver.state_info()
        if answer is None:
            self._silent("state_info")
        return answer

    def close(self) -> bool:
        """Release files and memory; the next call opens them again. Returns True."""
        answer: bool | None = self.driver.state_close()
        if answer is None:
            self._silent("state_close")
        return answer
