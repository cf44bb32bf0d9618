"""Check every record of the database, remove damaged ones, rebuild a damaged file."""

from __future__ import annotations

import os
from zlib import crc32

from polypod.errors import StateError
from polypod.kit.statefiles import file_error, sync_directory

from .database import Database, build, failure
from .module import sql

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Damage = tuple[str, str, str]

_COLUMNS = "bucket, key, value, revision, crc32"


def check(database: Database, repair: bool) -> list[Damage]:
    """See ``state_check``; with ``repair`` no other process writes meanwhile."""
    if not os.path.exists(database.path):
        return []
    if not repair:
        return _inspect(database)[0]
    database.lock_for_writing()
    try:
        damaged, sound = _inspect(database)
        if not sound:
            _rebuild(database)
        elif damaged:
            _remove(database, damaged)
        return damaged
    except OSError as error:
        raise file_error("sqlite", database.path, error) from error
    except sql.Error as error:
        raise failure(database.path, error) from error
    finally:
        database.lock.release()


def _inspect(database: Database) -> tuple[list[Damage], bool]:
    """Damaged records, and whether the file itself is sound."""
    try:
        connection = database.patiently(database.connect)
        integrity = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
    except StateError as error:
        return [("", "", str(error.__cause__ or error))], False
    except sql.Error as error:
        return [("", "", str(error))], False
    sound = integrity == ["ok"]
    damaged = [("", "", str(text).replace("\n", " ")) for text in integrity if not sound]
    try:
        for row in connection.execute(f"SELECT {_COLUMNS} FROM records"):
            if not _is_good(row):
                damaged.append((row[0], row[1], "checksum does not match"))
    except sql.Error as error:
        damaged.append(("", "", str(error)))
        sound = False
    return damaged, sound


def _remove(database: Database, damaged: list[Damage]) -> None:
    operations = [("delete", bucket, key) for bucket, key, _ in damaged if bucket]
    database.patiently(lambda: database._transaction(operations, True))


def _is_good(row: tuple[Any, ...]) -> bool:
    return isinstance(row[2], bytes) and crc32(row[2]) == row[4]


def _rebuild(database: Database) -> None:
    """Copy what can be read into a new file; the damaged one is kept beside it."""
    rows, revision = _salvage(database)
    database.disconnect()
    new = f"{database.path}-new"
    for leftover in (new, f"{new}-wal", f"{new}-shm"):
        if os.path.exists(leftover):
            os.unlink(leftover)
    connection = build(new)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute("UPDATE counter SET revision=?", (revision,))
    connection.execute("COMMIT")
    connection.close()
    for suffix in ("-wal", "-shm"):
        if os.path.exists(database.path + suffix):
            os.rename(database.path + suffix, f"{database.path}-damaged{suffix}")
    os.link(database.path, f"{database.path}-damaged.tmp")
    os.rename(f"{database.path}-damaged.tmp", f"{database.path}-damaged")
    os.rename(new, database.path)
    sync_directory(database.root)


def _salvage(database: Database) -> tuple[list[tuple[Any, ...]], int]:
    """All readable good rows: read forward up to the damage, then backward down to it."""
    found: dict[tuple[str, str], tuple[Any, ...]] = {}
    revision = 0
    try:
        connection = database.connect()
    except (sql.Error, StateError):
        return [], 1  # not even the header: an empty state, the file is kept aside
    for order in ("ASC", "DESC"):
        try:
            for row in connection.execute(
                f"SELECT {_COLUMNS} FROM records ORDER BY bucket {order}, key {order}"
            ):
                if _is_good(row):
                    found[row[0], row[1]] = row
        except sql.Error:
            continue  # the damaged page; the other direction reads what lies behind it
    try:
        revision = int(connection.execute("SELECT revision FROM counter").fetchone()[0])
    except (sql.Error, TypeError):
        pass  # the counter is lost: go on well above every revision that was found
    highest = max((row[3] for row in found.values()), default=0)
    return list(found.values()), max(revision, highest + 1000)
