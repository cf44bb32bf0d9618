"""Is a store there, and is it the one? Answered within a time limit, whatever its file system does."""

from __future__ import annotations

import os
import select

from ..errors import StoreAbsent
from ..kit import fastjson
from ..kit.atomic import read_bytes
from ..model.imagestore import IDENTITY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Seconds that a file system gets to answer.
LIMIT = 2.0

# File systems of this machine: they answer, or fail. Everything else may wait for somebody.
_LOCAL = frozenset((
    "ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "ramfs", "erofs", "squashfs", "overlay",
    "zfs", "f2fs", "bcachefs", "vfat", "exfat", "iso9660", "udf", "ntfs3", "hfsplus", "jfs",
    "reiserfs", "nilfs2", "rootfs",
))  # fmt: skip


_DISKS = _LOCAL - {"tmpfs", "ramfs", "overlay", "erofs", "squashfs", "rootfs"}


def look(root: str, identity: str, inside: str) -> str:
    """Why a store is not usable, in words, or "" when it is; may hang where the file system does."""
    try:
        if identity:
            data = read_bytes(f"{root}/{IDENTITY}")
            if data is None:
                os.stat(root)
                return f"no image store is at {root} now"
            if _identity(data) != identity:
                return f"another image store is at {root} now"
        if inside and not os.path.exists(f"{root}/{inside}"):
            os.stat(root)
            return f"no image store is at {root} now"
        # A disk that was pulled may still answer stat(2) from the kernel's memory.
        os.listdir(root) if os.path.isdir(root) else os.stat(root)
    except OSError as error:
        return f"{root}: {(error.strerror or str(error)).lower()}"
    return ""


def _identity(data: bytes) -> str:
    try:
        return str(fastjson.loads(data)["id"])
    except (ValueError, KeyError, TypeError):
        return ""


def mount_types() -> list[tuple[str, str]]:
    """(mount point, type) of all mounts, the latest first."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        lines = file.read().splitlines()
    found = []
    for line in reversed(lines):
        head, _, tail = line.partition(" - ")
        point = head.split(" ", 5)[4]
        if "\\" in point:
            point = _unescape(point)
        found.append((point, tail.split(" ", 1)[0]))
    return found


def _unescape(text: str) -> str:
    parts = text.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])


def file_system(path: str, types: Sequence[tuple[str, str]]) -> str:
    """The type of the file system that a path without symbolic links lies on; nothing is touched."""
    best, kind = "", ""
    for point, found in types:
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) > len(best):
            best, kind = point, found
    return kind


def mount_point(path: str, types: Sequence[tuple[str, str]]) -> str:
    """The mount point that a path without symbolic links lies below."""
    points = (p for p, _ in types if path == p or path.startswith(p.rstrip("/") + "/"))
    return max(points, key=len, default="/")


def elsewhere(inside: str, identity: str, types: Sequence[tuple[str, str]]) -> str:
    """Where a disk is mounted now that has this store at this place on it, or "".

    Only disks are looked at: no file system that may hang, and none that is made by the kernel.
    """
    for point, kind in types:
        place = (point.rstrip("/") + inside).rstrip("/")
        if kind in _DISKS and look(place, identity, "") == "":
            return place
    return ""


def resolve(path: str, types: Sequence[tuple[str, str]]) -> str:
    """Follow the symbolic links of an absolute path, as far as no file system is touched that may hang."""
    done, todo, follows = "", [part for part in path.split("/") if part], 0
    while todo:
        part = todo.pop(0)
        if part in (".", ".."):
            done = done if part == "." else os.path.dirname(done).rstrip("/")
            continue
        here = f"{done}/{part}"
        if may_hang(here, types):
            return "/".join((here, *todo))
        try:
            link = os.readlink(here)
        except OSError:
            done = here
            continue
        follows += 1
        if follows > 40:
            return path
        done = "" if link.startswith("/") else done
        todo[:0] = [piece for piece in link.split("/") if piece]
    return done or "/"


def may_hang(path: str, types: Sequence[tuple[str, str]]) -> bool:
    """Whether looking at a path may wait for another process or machine."""
    return file_system(path, types) not in _LOCAL


def probe(
    questions: Sequence[tuple[str, str, str, str]],
    note_dir: str,
    touched: Mapping[str, Sequence[str]] | None = None,
    limit: float = LIMIT,
) -> dict[str, str]:
    """Answer all questions at once: name -> why not usable, "" when usable.

    A question is (name, root, identity or "", path inside root or ""). ``touched`` names further paths
    that a look at the root depends on. ``note_dir`` keeps which processes still wait
    for an answer from earlier; a file system that has not answered is not asked again until then.
    """
    types = mount_types()
    answers: dict[str, str] = {}
    waiting: dict[int, tuple[str, str]] = {}
    for name, root, identity, inside in questions:
        paths = (root, *((touched or {}).get(name, ())))
        if not any(may_hang(path, types) for path in paths):
            answers[name] = look(root, identity, inside)
        elif _still_waiting(f"{note_dir}/{name}.probe"):
            answers[name] = f"{root} does not answer"
        else:
            waiting[_ask(root, identity, inside)] = (name, root)
    if waiting:
        answers.update(_collect(waiting, note_dir, limit))
    return answers


def probe_path(path: str, note_dir: str) -> str:
    """Why a path that is no attached store's cannot be looked at, or ""."""
    from zlib import crc32

    name = f".path-{crc32(os.fsencode(path)):08x}"  # no store can be called so
    return probe([(name, path, "", "")], note_dir)[name]


def refuse_silent(path: str, run_root: str) -> None:
    """Raise ``StoreAbsent`` when a path lies on a file system that does not answer; local ones are not asked."""
    types = mount_types()
    real = resolve(os.path.abspath(path), types)
    if not may_hang(real, types):
        return
    answer = probe_path(real, f"{run_root}/polypod/stores")
    if answer.endswith("does not answer"):
        raise StoreAbsent(f"the imagestore {path} does not answer; bring it back, or use another --imagestore")


def _ask(root: str, identity: str, inside: str) -> int:
    """Let a grandchild look; the descriptor on which it says its PID, then the answer.

    It is nobody's child to wait for, and holds none of our files: it may hang for ever.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        try:
            if os.fork() == 0:
                _grandchild(write, root, identity, inside)
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return read


def _grandchild(write: int, root: str, identity: str, inside: str) -> None:
    try:
        os.setsid()
        os.chdir("/")
        os.dup2(write, 0, inheritable=False)
        os.closerange(1, 65536)
        os.write(0, f"{os.getpid()}\n".encode())
        os.write(0, f"={look(root, identity, inside)}\n".encode("utf-8", "replace"))
    finally:
        os._exit(0)


def _collect(
    waiting: dict[int, tuple[str, str]], note_dir: str, limit: float
) -> dict[str, str]:
    from time import monotonic

    deadline = monotonic() + limit
    texts = dict.fromkeys(waiting, b"")
    answers: dict[str, str] = {}
    poller = select.poll()
    for fd in waiting:
        poller.register(fd, select.POLLIN)
    while texts:
        left = int((deadline - monotonic()) * 1000)
        events = poller.poll(left) if left > 0 else []
        if not events:
            break
        for fd, _ in events:
            piece = os.read(fd, 4096)
            texts[fd] += piece
            if not piece or (texts[fd].endswith(b"\n") and b"\n=" in texts[fd]):
                name, root = waiting[fd]
                answers[name] = _answer(texts.pop(fd), root)
                poller.unregister(fd)
                os.close(fd)
    for fd, text in texts.items():
        name, root = waiting[fd]
        answers[name] = f"{root} does not answer"
        _note(f"{note_dir}/{name}.probe", text)
        os.close(fd)
    return answers


def _answer(text: bytes, root: str) -> str:
    _, equals, answer = text.decode("utf-8", "replace").partition("\n=")
    return answer.rstrip("\n") if equals else f"{root} could not be looked at"


def _note(path: str, text: bytes) -> None:
    pid = text.partition(b"\n")[0].decode("ascii", "replace")
    started = _start_time(pid)
    if not started:
        return
    from ..kit.atomic import write_atomic

    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        write_atomic(path, f"{pid} {started}\n".encode())
    except OSError:
        return  # then the next command asks again, and waits again


def _still_waiting(path: str) -> bool:
    try:
        data = read_bytes(path)
    except OSError:
        return False
    if not data:
        return False
    pid, _, started = data.decode("ascii", "replace").strip().partition(" ")
    if started and _start_time(pid) == started:
        return True
    try:
        os.unlink(path)
    except OSError:
        return False
    return False


def _start_time(pid: str) -> str:
    """When a process started (clock ticks), "" when it has gone."""
    try:
        data = read_bytes(f"/proc/{int(pid)}/stat") or b""
    except (OSError, ValueError):
        return ""
    fields = data.rpartition(b")")[2].split()
    return fields[19].decode() if len(fields) > 19 and fields[0] not in (b"Z", b"X") else ""
