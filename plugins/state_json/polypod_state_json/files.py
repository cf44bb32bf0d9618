"""The directory of bucket files and the journal: reading, writing, folding.

Readers hold the lock shared and writers alone, for the milliseconds of one call.
"""

from __future__ import annotations

import os

from polypod.errors import Conflict, CorruptRecord, StateError
from polypod.kit.statefiles import (
    SharedLock,
    file_error,
    make_root,
    sync_directory,
    write_synced,
)

from .journal import Journal
from .line import (
    delete_line,
    is_good,
    name_of,
    put_line,
    record_start,
    revision_of,
    unpack,
    value_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    T = TypeVar("T")

DAMAGE = "checksum does not match"


class Files:
    """What is done with the directory; the caller serialises all calls of a process."""

    def __init__(self, path: str, journal_bytes: int) -> None:
        self.path = path
        self.lock = SharedLock(os.path.join(path, "lock"))
        self.journal = Journal(os.path.join(path, "journal.jsonl"))
        self._journal_bytes = journal_bytes

    def close(self) -> None:
        """Close the lock files; they are opened again when needed."""
        self.lock.close()

    def abandon(self) -> None:
        """Forget the parent process's lock files without unlocking them."""
        self.lock.forget()

    # --- reading ---------------------------------------------------------------------

    def get(self, bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
        """See ``state_get``."""

        def read() -> dict[str, tuple[bytes, int]]:
            data: bytes | None = None
            found = {}
            for key in keys:
                name = f"{bucket}/{key}"
                line = self.journal.changes.get(name)
                if line is None:
                    if data is None:
                        data = self._bucket_data(bucket)
                    line = _find(data, name)
                if line is None:
                    continue
                if not is_good(line):
                    raise CorruptRecord(bucket, key, DAMAGE)
                value = value_of(line)
                if value is not None:
                    found[key] = (value, revision_of(line))
            return found

        return self._read(read) or {}

    def select(self, bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
        """See ``state_list``."""

        def read() -> list[tuple[str, bytes, int]]:
            start = f"{bucket}/{prefix}"
            skip = len(bucket) + 1
            records: dict[str, tuple[str, bytes, int]] = {}
            data = self._bucket_data(bucket)
            at = 0
            while at < len(data):
                end = data.find(b"\n", at)
                end = len(data) if end < 0 else end
                record = unpack(data, at, end)
                at = end + 1
                if record is not None and record[1] is not None and record[0].startswith(start):
                    records[record[0]] = (record[0][skip:], record[1], record[2])
            changed = [item for item in self.journal.changes.items() if item[0].startswith(start)]
            for name, line in changed:
                records.pop(name, None)
                record = unpack(line, 0, len(line))
                if record is not None and record[1] is not None:
                    records[name] = (name[skip:], record[1], record[2])
            # A bucket file is in order already.
            return sorted(records.values()) if changed else list(records.values())

        return self._read(read) or []

    def _read(self, read: Callable[[], T]) -> T | None:
        """Run with the shared lock and a fresh journal; None when nothing was ever stored."""
        try:
            self.lock.acquire_shared()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise file_error("json", self.path, error) from error
        try:
            self.load()
            return read()
        except OSError as error:
            raise file_error("json", self.path, error) from error
        finally:
            self.lock.release()

    def load(self) -> bool:
        """Read the journal's news; False when there is no journal. Needs the lock."""
        try:
            return self.journal.load()
        except ValueError as error:
            raise StateError(
                f"state backend json cannot use {self.path}: {error}; use a newer polypod"
            ) from error

    def bucket_lines(self, bucket: str) -> list[tuple[str, bytes]]:
        """Names and lines of a bucket, journal included, in order of keys. Needs the lock.

        Deletions and damaged lines are among them; a line that names no record comes under "".
        """
        lines = [(name_of(line), line) for line in self._bucket_data(bucket).split(b"\n") if line]
        start = f"{bucket}/"
        changed = {n: line for n, line in self.journal.changes.items() if n.startswith(start)}
        if not changed:
            return lines
        kept = [(name, line) for name, line in lines if name not in changed]
        return sorted([*kept, *changed.items()], key=_by_name)

    def _bucket_data(self, bucket: str) -> bytes:
        try:
            with open(self.bucket_path(bucket), "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            return b""

    def bucket_path(self, bucket: str) -> str:
        """Where a bucket's records stand."""
        return os.path.join(self.path, f"bucket-{bucket}.jsonl")

    def buckets(self) -> list[str]:
        """Names of all buckets, in files or in the journal. Needs the lock."""
        names = {name.partition("/")[0] for name in self.journal.changes}
        for entry in os.listdir(self.path):
            if entry.startswith("bucket-") and entry.endswith(".jsonl"):
                names.add(entry[7:-6])
        return sorted(names)

    # --- writing ---------------------------------------------------------------------

    def apply(self, operations: Sequence[tuple[Any, ...]], durable: bool) -> int:
        """See ``state_apply``."""
        try:
            self.lock_for_writing()
            self._test(operations)
            revision = self.journal.revision + 1
            lines = [
                put_line(f"{o[1]}/{o[2]}", bytes(o[3]), revision)
                if o[0] == "put"
                else delete_line(f"{o[1]}/{o[2]}", revision)
                for o in operations
                if o[0] != "check"
            ]
            if not lines:
                return revision - 1
            names = {f"{o[1]}/{o[2]}" for o in operations if o[0] != "check"}
            healed = [self.journal.changes[name] for name in names & self.journal.damaged]
            self.journal.append(lines, revision, durable)
            if healed or self.journal.end > self._journal_bytes:
                self._fold_if_possible(healed)
            return revision
        except OSError as error:
            raise file_error("json", self.path, error) from error
        finally:
            self.lock.release()

    def lock_for_writing(self) -> None:
        """Take the lock and bring the journal up to date; raises ``OSError``."""
        make_root(os.path.dirname(self.path))
        make_root(self.path)
        self.lock.acquire()
        if not self.load():
            # Bucket files without a journal mean that somebody removed it.
            highest = self._highest_revision() if self.buckets() else -1000
            self.journal.start(highest + 1000)
            sync_directory(self.path)
            self.load()
        elif not self.journal.sound:
            self.journal.revision = max(self.journal.revision, self._highest_revision()) + 1000

    def _highest_revision(self) -> int:
        return max(
            (
                revision_of(line)
                for bucket in self.buckets()
                for _, line in self.bucket_lines(bucket)
                if is_good(line)
            ),
            default=0,
        )

    def _test(self, operations: Sequence[tuple[Any, ...]]) -> None:
        data: dict[str, bytes] = {}
        for operation in operations:
            if operation[0] != "check":
                continue
            _, bucket, key, expected = operation
            name = f"{bucket}/{key}"
            line = self.journal.changes.get(name)
            if line is None:
                if bucket not in data:
                    data[bucket] = self._bucket_data(bucket)
                line = _find(data[bucket], name)
            found = _revision_or_minus_one(line)
            if found != expected and not (expected == -1 and found):
                raise Conflict(bucket, key)

    # --- folding ---------------------------------------------------------------------

    def _fold_if_possible(self, healed: list[bytes]) -> None:
        """Fold, without the damaged lines that the batch has just replaced.

        A disk too full for it is no error, for the batch itself is written.
        """
        try:
            self.load()
            self.journal.strays = [line for line in self.journal.strays if line not in healed]
            self.fold()
        except OSError:
            self.journal.end = 0  # read all of it again; the next writer tries once more

    def fold(self, *, drop_damaged: bool = False) -> None:
        """Write the journal's changes into the bucket files and begin a new journal.

        Safe to be killed anywhere: the old journal stays until all files are
        replaced, and applying it again changes nothing.
        """
        touched = (
            self.buckets()
            if drop_damaged
            else sorted({name.partition("/")[0] for name in self.journal.changes})
        )
        for bucket in touched:
            lines = [
                line + b"\n"
                for _, line in self.bucket_lines(bucket)
                if (not drop_damaged if not is_good(line) else value_of(line) is not None)
            ]
            write_synced(self.bucket_path(bucket), lines)
        self._keep_strays(drop_damaged)
        self.journal.start(self.journal.revision)
        sync_directory(self.path)

    def _keep_strays(self, drop: bool) -> None:
        """Lines that name no record move to a file of their own, until a repair drops them."""
        if drop and os.path.exists(self.strays_path):
            os.unlink(self.strays_path)
        elif self.journal.strays and not drop:
            lines = [*self.strays(), *self.journal.strays]
            write_synced(self.strays_path, [line + b"\n" for line in dict.fromkeys(lines)])

    @property
    def strays_path(self) -> str:
        """Where damaged lines of former journals stand."""
        return os.path.join(self.path, "damaged.jsonl")

    def strays(self) -> list[bytes]:
        """Damaged lines of former journals. Needs the lock."""
        try:
            with open(self.strays_path, "rb") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []


def _find(data: bytes, name: str) -> bytes | None:
    """The line of one record in a bucket file."""
    wanted = record_start(name)
    at = data.find(wanted)
    while at >= 0:
        start = data.rfind(b"\n", 0, at) + 1
        if at - start == 20:  # in its place, and not part of some value
            end = data.find(b"\n", at)
            return data[start : end if end >= 0 else len(data)]
        at = data.find(wanted, at + 1)
    return None


def _revision_or_minus_one(line: bytes | None) -> int:
    """Revision of a record's line; 0 when it does not exist, -1 when it is damaged."""
    if line is None:
        return 0
    if not is_good(line):
        return -1
    return 0 if value_of(line) is None else revision_of(line)


def _by_name(item: tuple[str, bytes]) -> str:
    return item[0]
