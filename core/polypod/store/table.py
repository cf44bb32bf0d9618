"""layers.json, images.json and their like: lists of records, edited in place.

The files are what Go's encoder writes: one compact JSON array whose records start
with ``{"id":``. With a thousand containers, to decode and encode such a file costs 6 ms a
command, so a record is found, added or cut out in the text itself, and what a newer peer put
into the other records stays byte for byte as it is. A file in any other shape is
decoded and encoded as a whole.
"""

from __future__ import annotations

import errno
import os

from ..errors import StorageError
from ..kit import fastjson
from ..kit.atomic import read_bytes, write_atomic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

try:
    from ..kit.fastjson import _scan
except ImportError:  # pragma: no cover - interpreters without the C scanner
    import json

    _scan = json.JSONDecoder().raw_decode  # type: ignore[assignment]

_cache: dict[str, tuple[tuple[int, int, int], list[dict[str, Any]]]] = {}
_indexes: dict[str, tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]] = {}
_NOTHING: list[dict[str, Any]] = []  # always the same list, as for a table that stays the same

_unreadable: set[str] = set()

INCOMPLETE = '"incomplete":true'


class Text:
    """The text of one table while its lock is held: edit, then :meth:`save`."""

    __slots__ = ("path", "text")

    def __init__(self, path: str) -> None:
        data = read_bytes(path)
        self.path = path
        text = (data or b"").decode("utf-8").strip()
        if text in ("", "null"):
            text = "[]"
        if not (text == "[]" or (text.startswith('[{"id":"') and text.endswith("}]"))):
            text = fastjson.dumps(_decode(path, text))
        self.text = text

    def find(self, id: str) -> tuple[int, int] | None:
        """Where the record with this ID starts and ends."""
        start = self.text.find('{"id":"' + id + '"')
        if start < 0:
            return None
        try:
            return start, _scan(self.text, start)[1]
        except (StopIteration, ValueError) as error:
            raise StorageError(f"{self.path} is damaged near record {id}") from error

    def ids(self) -> set[str]:
        """What :meth:`find` finds: the records' IDs, and those of objects within them."""
        return {part.partition('"')[0] for part in self.text.split('{"id":"')[1:]}

    def get(self, id: str) -> dict[str, Any] | None:
        """The record with this ID, decoded."""
        place = self.find(id)
        if place is None:
            return None
        record: dict[str, Any] = _scan(self.text, place[0])[0]
        return record

    def put(self, record: dict[str, Any]) -> None:
        """Add the record, or replace the one with its ID. ``id`` must be its first key."""
        encoded = fastjson.dumps(record)
        place = self.find(record["id"])
        if place is not None:
            self.text = self.text[: place[0]] + encoded + self.text[place[1] :]
        elif self.text == "[]":
            self.text = f"[{encoded}]"
        else:
            self.text = f"{self.text[:-1]},{encoded}]"

    def remove(self, id: str) -> bool:
        """Cut the record out; False when it was not there."""
        place = self.find(id)
        if place is None:
            return False
        before, after = self.text[: place[0]], self.text[place[1] :]
        if before.endswith(","):
            before = before[:-1]
        elif after.startswith(","):
            after = after[1:]
        self.text = before + after
        return True

    def records(self) -> list[dict[str, Any]]:
        """All records, decoded."""
        return _decode(self.path, self.text)

    def save(self, *, durable: bool) -> None:
        """Replace the file. The caller holds the write lock and has recorded the write."""
        data = self.text.encode("utf-8")
        try:
            try:
                # A table that others may read stays so (see polypod.store.sharing).
                mode = os.stat(self.path).st_mode & 0o644
                write_atomic(self.path, data, mode=mode, durable=durable, alone=True)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self.path), 0o700, exist_ok=True)
                write_atomic(self.path, data, durable=durable, alone=True)
        except OSError as error:
            if error.errno == errno.ENOSPC and _shrink(self.path, data):
                return
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot write {self.path}: {reason}; nothing was changed") from error


def _shrink(path: str, data: bytes) -> bool:
    """Write less into the same blocks: on a full disk records must still go away, to free it.

    Padded with blanks to the old length and written in one call, so that it is one document all the while.
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        size = os.fstat(fd).st_size
        if len(data) > size:
            return False
        return os.pwrite(fd, data.ljust(size), 0) == size
    finally:
        os.close(fd)


def _decode(path: str, text: str) -> list[dict[str, Any]]:
    try:
        value = fastjson.loads(text)
    except ValueError as error:
        raise StorageError(
            f"{path} is damaged ({error}); restore it or move it away to start empty"
        ) from error
    if value is None:
        return []
    if not isinstance(value, list):
        raise StorageError(f"{path} is damaged (not a list); restore it or move it away")
    return value


def load_other(path: str) -> list[dict[str, Any]]:
    """:func:`load` of another store's table: when that cannot be read, there is nothing, and one warning."""
    try:
        records = load(path)
        if any("/" in record.get("id", "/") for record in records):
            raise StorageError("an ID in it leads out of the store")
        return records
    except (OSError, StorageError) as error:
        if path not in _unreadable:
            from ..kit.log import warning

            _unreadable.add(path)
            reason = getattr(error, "strerror", None) or str(error)
            warning(f"{path} cannot be read ({reason.lower()}); what it lists is left out")
        return []


def load(path: str) -> list[dict[str, Any]]:
    """All records of a table, without a lock: files are replaced whole, so it is never torn.

    The decoded list is kept and used again while the file stays the same (mtime in
    nanoseconds, size, inode); treat it as read-only.
    """
    try:
        info = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return _NOTHING
    key = (info.st_mtime_ns, info.st_size, info.st_ino)
    cached = _cache.get(path)
    if cached is not None and cached[0] == key:
        return cached[1]
    data = read_bytes(path)
    records = _decode(path, (data or b"").decode("utf-8").strip() or "[]")
    _cache[path] = (key, records)
    return records


def by_id(path: str, records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The records of a loaded table by their IDs; made once for each content of the file."""
    known = _indexes.get(path)
    if known is not None and known[0] is records:
        return known[1]
    index: dict[str, dict[str, Any]] = {}
    for record in records:
        index.setdefault(record["id"], record)
    _indexes[path] = (records, index)
    return index
