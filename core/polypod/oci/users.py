"""Users and groups as a root file system defines them, read without leaving it.

The root belongs to an image that may be hostile: its ``/etc`` can be a symbolic
link to the host's, its ``passwd`` a fifo or endless. So each path component is
opened by itself, links are resolved inside the root, and only regular files of sane
size are read. The rules for ``--user`` are those of podman-run(1).
"""

from __future__ import annotations

import os
import stat

from ..errors import PolypodError, UsageError
from ..model.struct import Struct

_MAX_LINKS = 40
_MAX_FILE = 16 * 1024 * 1024
_MAX_ID = 0xFFFFFFFF


class ExecUser(Struct):
    """Who the first process is."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()  # of the user, from the group file
    home: str = "/"
    name: str = ""  # as passwd has it; "" when it has no entry


def open_in_root(root: str, path: str, flags: int = 0, *, follow: bool = True) -> int:
    """Open ``path`` as a process with the root directory ``root`` would; return an ``O_PATH`` fd.

    ``flags`` may add ``O_DIRECTORY``. With ``follow`` false the last component is not
    followed. Raises ``OSError`` as open(2) does.
    """
    base = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    stack = [base]
    rest = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    links = 0
    try:
        while rest:
            part = rest.pop()
            if part == "..":
                # The root is its own parent.
                if len(stack) > 1:
                    os.close(stack.pop())
                continue
            fd = os.open(part, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=stack[-1])
            if (rest or follow) and stat.S_ISLNK(os.fstat(fd).st_mode):
                target = os.readlink("", dir_fd=fd)
                os.close(fd)
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(40, os.strerror(40), path)
                if target.startswith("/"):
                    while len(stack) > 1:
                        os.close(stack.pop())
                rest.extend(p for p in reversed(target.split("/")) if p not in ("", "."))
                continue
            stack.append(fd)
        result = (
            os.open(f"/proc/self/fd/{stack[-1]}", os.O_PATH | os.O_CLOEXEC | flags)
            if flags
            else os.dup(stack[-1])
        )
        os.set_inheritable(result, False)
        return result
    finally:
        for fd in stack:
            os.close(fd)


def read_in_root(root: str, path: str) -> bytes:
    """Return a regular file's content; empty when there is none. Raises ``PolypodError``.

    A fifo, device or directory, and a file beyond 16 MiB, is refused.
    """
    try:
        fd = open_in_root(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise PolypodError(
            f"cannot read {path} of the container's root: {error.strerror}"
        ) from error
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise PolypodError(f"{path} of the container's root is not a regular file")
        if info.st_size > _MAX_FILE:
            raise PolypodError(f"{path} of the container's root is larger than {_MAX_FILE} bytes")
        # Reopening through /proc is safe: the file is known to be regular.
        real = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = os.read(real, info.st_size)
            while len(data) < info.st_size and (more := os.read(real, info.st_size - len(data))):
                data += more
            return data
        finally:
            os.close(real)
    finally:
        os.close(fd)


def _rows(data: bytes) -> list[list[str]]:
    text = data.decode("utf-8", "surrogateescape")
    return [line.split(":") for line in text.split("\n") if line and line[0] != "#"]


def _number(text: str) -> int | None:
    """The ID that ``text`` spells, or ``None``; negative and too large ones are an error."""
    digits = text[1:] if text[:1] == "-" else text
    if not (digits.isdigit() and digits.isascii()):
        return None
    value = int(text)
    if not 0 <= value <= _MAX_ID:
        raise UsageError(f"uids and gids must be in range 0-{_MAX_ID}: {text}")
    return value


class UserDatabase:
    """``/etc/passwd`` and ``/etc/group`` of a root, each read when first needed.

    ``overrides`` names host files that will be mounted over them.
    """

    def __init__(self, root: str, overrides: dict[str, str] | None = None) -> None:
        self._root = root
        self._overrides = overrides or {}
        self._cache: dict[str, list[list[str]]] = {}

    def _table(self, path: str) -> list[list[str]]:
        table = self._cache.get(path)
        if table is None:
            override = self._overrides.get(path)
            data = read_in_root("/", override) if override else read_in_root(self._root, path)
            table = self._cache[path] = _rows(data)
        return table

    def passwd(self, wanted: str) -> list[str] | None:
        """The passwd row of a user name or ID, padded to seven fields."""
        column = 2 if _number(wanted) is not None else 0
        for row in self._table("/etc/passwd"):
            if len(row) > column and row[column] == wanted and _id(row, 2) is not None:
                return row + [""] * (7 - len(row))
        return None

    def group_id(self, wanted: str) -> int | None:
        """The ID of a group by name or ID, when the root has it."""
        column = 2 if _number(wanted) is not None else 0
        for row in self._table("/etc/group"):
            if len(row) > 2 and row[column] == wanted and _id(row, 2) is not None:
                return _id(row, 2)
        return None

    def group_name(self, gid: int) -> str:
        """The name of a group, its number when the root does not have it."""
        for row in self._table("/etc/group"):
            if len(row) > 2 and _id(row, 2) == gid:
                return row[0]
        return str(gid)

    def user_name(self, uid: int) -> str:
        """The name of a user, its number when the root does not have it."""
        row = self.passwd(str(uid))
        return row[0] if row else str(uid)

    def groups_of(self, name: str) -> tuple[int, ...]:
        """IDs of the groups that list a user as a member."""
        found = []
        for row in self._table("/etc/group"):
            if len(row) > 3 and name in row[3].split(","):
                gid = _id(row, 2)
                if gid is not None:
                    found.append(gid)
        return tuple(found)

    def resolve(self, spec: str) -> ExecUser:
        """Resolve ``user[:group]``, each a name or an ID; "" is root.

        Raises ``UsageError`` when a name is unknown.
        """
        user, _, group = spec.partition(":")
        row = self.passwd(user or "0")
        uid = _number(user) if user else 0
        gid, home, name = 0, "/", ""
        if row is not None:
            uid, gid, home, name = int(row[2]), _id(row, 3) or 0, row[5] or "/", row[0]
        elif uid is None:
            raise UsageError(f"unable to find user {user}: no matching entries in passwd file")
        if group:
            return ExecUser(uid=uid, gid=self.resolve_group(group), home=home, name=name)
        groups = self.groups_of(name) if name else ()
        return ExecUser(uid=uid, gid=gid, groups=groups, home=home, name=name)

    def resolve_group(self, group: str) -> int:
        """The ID of a group; a number need not exist in the root. Unknown name: ``UsageError``."""
        gid = self.group_id(group)
        if gid is None:
            gid = _number(group)
        if gid is None:
            raise UsageError(f"unable to find group {group}: no matching entries in group file")
        return gid


def _id(row: list[str], column: int) -> int | None:
    text = row[column] if len(row) > column else ""
    return int(text) if text.isdigit() and text.isascii() and int(text) <= _MAX_ID else None
