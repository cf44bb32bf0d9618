"""Entries in /etc/passwd and /etc/group for a ``--user`` that the image does not know."""

from __future__ import annotations

import os
import stat

from ..errors import CommandNotExecutable
from ..oci.runtime_spec import user_database
from ..oci.users import UserDatabase, open_in_root, read_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..oci.users import ExecUser

_PASSWD = "/etc/passwd"


def prepare_passwd(
    container: Container, rootfs: str, database: UserDatabase, user: ExecUser, taken: set[str]
) -> dict[str, str]:
    """Make the entries and return binds.

    They go into the root's own files, so that useradd and its like work in the
    container. Where the root is read-only, copies in the static directory are bound instead.
    """
    _link_mtab(rootfs)
    binds = {}
    if container.security.read_only and container.process.host_users and _PASSWD not in taken:
        binds[_PASSWD] = _copy_of(container, _PASSWD)
    if not container.process.passwd or not (
        container.process.user or container.process.group_entry
    ):
        return binds
    for path, entry in (
        ("/etc/passwd", passwd_entry(container, database, user)),
        ("/etc/group", group_entry(container, database)),
    ):
        if not entry or path in taken:
            continue
        if container.security.read_only:
            content = read_in_root("/", binds[path]) if path in binds else read_in_root(rootfs, path)
            binds[path] = _write_copy(container, path, content + entry.encode())
        else:
            _append(rootfs, path, entry.encode())
    return binds


def add_host_users(container: Container, rootfs: str, database: UserDatabase) -> UserDatabase:
    """Add the users of --hostuser that the root lacks; the users that there are then.

    Raises ``CommandNotExecutable`` for one whom the host does not know.
    """
    host = UserDatabase("/")
    entry = ""
    for wanted in container.process.host_users:
        row = host.passwd(wanted)
        if row is None:
            raise CommandNotExecutable(
                f"unable to find user {wanted}: no matching entries in passwd file"
            )
        name, _, uid, gid, gecos, home, _ = row[:7]
        if database.passwd(name) is None and f"{name}:" not in entry:
            home = home if _is_there(rootfs, home) else container.process.workdir or "/"
            entry += f"{name}:*:{uid}:{gid}:{gecos}:{home}:/bin/sh\n"
    if container.security.read_only:
        copy = _write_copy(container, _PASSWD, read_in_root(rootfs, _PASSWD) + entry.encode())
        return UserDatabase(rootfs, {_PASSWD: copy})
    if entry:
        _append(rootfs, _PASSWD, entry.encode())
    return user_database(container, rootfs)


def _is_there(rootfs: str, path: str) -> bool:
    try:
        os.close(open_in_root(rootfs, path))
    except OSError:
        return False
    return True


def _copy_of(container: Container, path: str) -> str:
    return f"{container.bundle}/{os.path.basename(path)}"


def _write_copy(container: Container, path: str, content: bytes) -> str:
    copy = _copy_of(container, path)
    with open(copy, "wb") as file:
        file.write(content)
    os.chmod(copy, 0o644)
    return copy


def passwd_entry(container: Container, database: UserDatabase, user: ExecUser) -> str:
    """The line for a numeric user without one, or ""."""
    name = container.process.user.partition(":")[0]
    if not name.isdigit() or database.passwd(name) is not None:
        return ""
    template = container.process.passwd_entry
    home = container.process.workdir or "/"
    if template:
        for key, value in (
            ("$USERNAME", name),
            ("$UID", name),
            ("$GID", str(user.gid)),
            ("$NAME", "container user"),
            ("$HOME", home),
        ):
            template = template.replace(key, value)
        return template + "\n"
    host = UserDatabase("/").passwd(name)
    login, gecos = (host[0], host[4]) if host else (name, "container user")
    return f"{login}:*:{user.uid}:{user.gid}:{gecos}:{home}:/bin/sh\n"


def group_entry(container: Container, database: UserDatabase) -> str:
    """The line for a numeric group without one, or ""."""
    name, _, group = container.process.user.partition(":")
    group = group or "0"
    if not group.isdigit() or database.group_id(group) is not None:
        return ""
    template = container.process.group_entry
    if template:
        for key, value in (("$GROUPNAME", group), ("$GID", group), ("$USERLIST", name)):
            template = template.replace(key, value)
        return template + "\n"
    return f"{group}:x:{group}:{name}\n"


def _append(rootfs: str, path: str, entry: bytes) -> None:
    """Append to a regular file of the root; make it when only the file is missing."""
    try:
        fd = open_in_root(rootfs, path)
    except FileNotFoundError:
        _create(rootfs, path, entry)
        return
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return
        file = os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                entry = b"\n" + entry
            os.write(file, entry)
        finally:
            os.close(file)
    finally:
        os.close(fd)


def _create(rootfs: str, path: str, entry: bytes) -> None:
    folder, name = os.path.split(path)
    try:
        fd = open_in_root(rootfs, folder, os.O_DIRECTORY)
    except OSError:
        return  # a root without /etc has nobody who would read it
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(name, flags, 0o644, dir_fd=fd)
        try:
            os.write(file, entry)
        finally:
            os.close(file)
    except FileExistsError:
        return  # a dangling link: the image wants no such file
    finally:
        os.close(fd)


def _link_mtab(rootfs: str) -> None:
    """mount(8) in the container looks for /etc/mtab."""
    try:
        fd = open_in_root(rootfs, "/etc", os.O_DIRECTORY)
    except OSError:
        return
    try:
        os.symlink("/proc/mounts", "mtab", dir_fd=fd)
    except OSError:
        pass  # there already, or the root is read-only
    finally:
        os.close(fd)
