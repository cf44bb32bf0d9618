"""Check every record of the LMDB file, remove damaged ones, salvage a damaged file.

LMDB trusts its pages: a damaged one can end the process with SIGSEGV or SIGABRT.
So a child looks first, and only a file that it survived is opened here.
"""

from __future__ import annotations

import os

import lmdb
from polypod.errors import StateError
from polypod.kit.statefiles import file_error, sync_directory

from .environment import COUNTER, Environment
from .item import DAMAGE, pack, unpack
from .shared import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Damage = tuple[str, str, str]


def check(environment: Environment, broken: str, repair: bool) -> list[Damage]:
    """See ``state_check``; ``broken`` is what :func:`survey` said."""
    path = environment.path
    if not os.path.exists(path):
        return []
    try:
        if repair:
            environment.lock.acquire()
        else:
            environment.lock.acquire_shared()
        if not broken:
            return _inspect(environment, repair)
        if repair:
            environment.unmap()
            _rebuild(environment)
        return [("", "", broken)]
    except OSError as error:
        raise file_error("kv", path, error) from error
    except lmdb.Error as error:
        environment.unmap()
        raise environment.failure(error) from error
    finally:
        environment.lock.release()


def _inspect(environment: Environment, repair: bool) -> list[Damage]:
    env = environment.open()
    if repair and environment.read_only:
        raise StateError(f"state backend kv cannot repair {environment.path}: it is read-only")
    with env.begin(write=repair) as txn:
        damaged, highest = _walk(txn)
        counter = int.from_bytes(txn.get(COUNTER) or b"", "big")
        if repair:
            for bucket, name, _ in damaged:
                txn.delete(f"{bucket}/{name}".encode())
        if counter < highest:
            damaged.append(("", "", f"revision counter {counter} is behind {highest}"))
            if repair:
                txn.put(COUNTER, (highest + 1000).to_bytes(8, "big"))
    if repair:
        env.sync(True)
    return damaged


def _walk(txn: Any) -> tuple[list[Damage], int]:
    """Damaged records, and the highest revision of the others."""
    damaged: list[Damage] = []
    highest = 0
    with txn.cursor() as cursor:
        for key, item in cursor:
            if key == COUNTER:
                continue
            record = unpack(item)
            if record is None:
                bucket, _, name = key.decode("utf-8", "replace").partition("/")
                damaged.append((bucket, name, DAMAGE))
            else:
                highest = max(highest, record[1])
    return damaged, highest


def survey(environment: Environment) -> str:
    """Read everything in a child; what is wrong with the file, or ""."""
    if not os.path.exists(environment.path):
        return ""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            environment.lock.acquire_shared()
            os.write(writing, _read_all(environment.path).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        said = file.read().decode()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return f"reading it ends with signal {os.WTERMSIG(status)}"
    return said


def _read_all(path: str) -> str:
    try:
        env = open_file(path, readonly=True)
        with env.begin() as txn, txn.cursor() as cursor:
            for key, item in cursor:
                bytes(key), bytes(item)
    except lmdb.Error as error:
        return str(error)
    return ""


def _rebuild(environment: Environment) -> None:
    """Move the damaged file aside and put what the pages still hold into a new one."""
    path = environment.path
    try:
        with open(path, "rb") as file:
            found = _scavenge(file.read())
        new = f"{path}-new-{os.getpid()}"
        env = open_file(new)
        with env.begin(write=True) as txn:
            for key, (value, revision) in found.items():
                txn.put(key, pack(value, revision))
            highest = max((revision for _, revision in found.values()), default=0)
            txn.put(COUNTER, (highest + 1000).to_bytes(8, "big"))
        env.sync(True)
        env.close()
        os.link(path, f"{path}-damaged-{os.getpid()}")
        os.rename(new, path)
        sync_directory(environment.root)
    except OSError as error:
        raise file_error("kv", path, error) from error


def _scavenge(data: bytes) -> dict[bytes, tuple[bytes, int]]:
    """Good records on any leaf page, the newest revision of each key.

    Pages of LMDB 0.9 (lmdb.h, mdb.c): 4 KiB; header of 16 bytes with flags at 10
    (leaf = 2) and the end of the offset table at 12; a node is data size (4), flags (2), key
    size (2), key, data. Values on overflow pages (flag 1) are a page number. Old pages are
    there too, so a record that was deleted may come back.
    """
    found: dict[bytes, tuple[bytes, int]] = {}
    for page in range(0, len(data) - 4095, 4096):
        if int.from_bytes(data[page + 10 : page + 12], "little") & 0xFF != 2:
            continue
        end = int.from_bytes(data[page + 12 : page + 14], "little")
        for slot in range(page + 16, min(page + end, page + 4096), 2):
            node = page + int.from_bytes(data[slot : slot + 2], "little")
            key, item = _node(data, node)
            record = unpack(item) if b"/" in key[1:] else None
            if record is not None and record[1] > found.get(key, (b"", 0))[1]:
                found[key] = record
    return found


def _node(data: bytes, node: int) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[node : node + 4], "little")
    flags = int.from_bytes(data[node + 4 : node + 6], "little")
    key_end = node + 8 + int.from_bytes(data[node + 6 : node + 8], "little")
    start = key_end
    if flags & 1:
        start = int.from_bytes(data[key_end : key_end + 8], "little") * 4096 + 16
    return data[node + 8 : key_end], data[start : start + size]
