"""Slow questions: does overlay work here, what is damaged, what to show in ``polypod info``."""

from __future__ import annotations

import os

from polypod.kit import mounts
from polypod.kit.atomic import remove_tree

from . import layout

_NAMES = {"ext2": "extfs", "ext3": "extfs", "ext4": "extfs", "fuse.fuse-overlayfs": "overlayfs"}


def backing_file_system(path: str) -> str:
    """The kernel's name of the file system that ``path`` lies on, in containers/storage's words."""
    wanted = str(mounts.mount_id(path))
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if line.split(" ", 1)[0] == wanted:
                name = line.partition(" - ")[2].split(" ", 1)[0]
                return _NAMES.get(name, name)
    return "<unknown>"


def _trial(directory: str, options: tuple[str, ...]) -> OSError | None:
    """Mount an overlay of two lowers in a directory and take it away again."""
    top = f"{directory}/tmp-probe-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        for name in ("lower1", "lower2", "upper", "work", "merged"):
            os.makedirs(f"{top}/{name}", 0o700)
        flags, rest = mounts.parse_options(options)
        data = f"lowerdir={top}/lower1:{top}/lower2,upperdir={top}/upper,workdir={top}/work"
        try:
            mounts.mount(
                "overlay", top + "/merged", "overlay", flags, f"{data},{rest}" if rest else data
            )
        except OSError as error:
            return error
        mounts.umount(top + "/merged", mounts.MNT_DETACH)
        return None
    finally:
        remove_tree(top)


def why_not(home: str, options: tuple[str, ...]) -> str:
    """"" when overlay works in ``home``; otherwise the reason and the remedy, for ``DriverUnavailable``.

    ``home`` need not exist: the directory above it that does is tried. One that cannot be written
    to tells nothing, and is left to the first use.
    """
    there = home
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    if not os.access(there, os.W_OK):
        return ""
    if _trial(there, options) is None:
        return ""
    error = _trial(there, ())
    name = backing_file_system(there)
    if error is None:
        return f"overlay does not work in {home} with mountopt {','.join(options)}; change mountopt in storage.conf"
    if os.geteuid() != 0:
        return f"overlay cannot be mounted in {home} without a user namespace"
    with open("/proc/filesystems", encoding="ascii") as file:
        known = "\toverlay\n" in file.read()
    if not known:
        return "the kernel has no overlay file system; load the module overlay or use --storage-driver vfs"
    return (
        f"'overlay' is not supported over {name} at {home} ({os.strerror(error.errno or 0).lower()});"
        " use --storage-driver vfs, or another --root"
    )


def check(homes: list[str], repair: bool) -> list[tuple[str, str]]:
    """Layers whose links are lost or that lack directories."""
    found = []
    for home in homes:
        for id in layout.layer_ids(home):
            directory = f"{home}/{id}"
            short = layout.read_short(directory)
            if not os.path.isdir(directory + "/diff"):
                found.append((id, "its diff directory is missing"))
            elif not short or not os.path.islink(f"{home}/{layout.LINKS}/{short}"):
                found.append((id, "its link is missing"))
        if repair:
            layout.rebuild(home)
    return found


def info(home: str, program: str, options: tuple[str, ...]) -> list[tuple[str, str]]:
    """The rows that podman shows under graphStatus."""
    metacopy = "metacopy=on" in options
    return [
        ("Backing Filesystem", backing_file_system(home) if os.path.isdir(home) else "<unknown>"),
        ("Supports d_type", "true"),
        ("Native Overlay Diff", "false" if program or metacopy else "true"),
        ("Using metacopy", "true" if metacopy else "false"),
        ("Supports shifting", "false"),
        ("Supports volatile", "true"),
    ]
