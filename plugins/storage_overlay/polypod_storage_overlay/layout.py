"""Where things lie below the driver's homes, and the short names that link layers together."""

from __future__ import annotations

import os

from polypod.errors import StorageError
from polypod.kit.atomic import read_bytes, write_atomic

LINKS = "l"
_NOT_LAYERS = (LINKS, "staging", "tempdirs", "backingFsBlockDev", ".has-mount-program")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_SHORT_LENGTH = 26


def short_name() -> str:
    """26 random characters of base 32, as containers/storage chooses them."""
    return "".join(_ALPHABET[byte & 31] for byte in os.urandom(_SHORT_LENGTH))


def layer_ids(home: str) -> list[str]:
    """The layers whose directories lie in one home."""
    try:
        with os.scandir(home) as entries:
            return sorted(
                e.name
                for e in entries
                if e.name not in _NOT_LAYERS
                and not e.name.startswith("tmp")
                and e.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []


def read_short(directory: str) -> str:
    """The short name of the layer in ``directory``, or "" when its link file is lost."""
    text = (read_bytes(directory + "/link") or b"").decode("ascii", "replace").strip()
    return text if "/" not in text else ""


def short_of(home: str, id: str) -> str:
    """The short name under which ``l/`` knows a layer whose own link file is lost, or ""."""
    target = f"../{id}/diff"
    try:
        names = os.listdir(f"{home}/{LINKS}")
    except FileNotFoundError:
        return ""
    for name in names:
        try:
            if os.readlink(f"{home}/{LINKS}/{name}") == target:
                return name
        except OSError:
            continue  # not a link
    return ""


def point(home: str, short: str, id: str) -> None:
    """Make ``l/SHORT`` point to a layer, also when it pointed elsewhere."""
    path = f"{home}/{LINKS}/{short}"
    target = f"../{id}/diff"
    try:
        os.symlink(target, path)
        return
    except FileNotFoundError:
        os.makedirs(f"{home}/{LINKS}", 0o755, exist_ok=True)
    except FileExistsError:
        if os.readlink(path) == target:
            return
        os.unlink(path)
    os.symlink(target, path)


def rebuild(home: str) -> list[str]:
    """Restore lost ``l/`` links and ``link`` files from each other; IDs of the layers mended.

    A sudden loss of power can lose either: both are written without waiting for the disk.
    """
    by_target: dict[str, str] = {}
    try:
        names = os.listdir(f"{home}/{LINKS}")
    except FileNotFoundError:
        names = []
    for name in names:
        try:
            by_target.setdefault(os.readlink(f"{home}/{LINKS}/{name}"), name)
        except OSError:
            continue  # not a link: nothing that a layer could be found by
    mended = []
    for id in layer_ids(home):
        target = f"../{id}/diff"
        short = read_short(f"{home}/{id}")
        if short and os.path.islink(f"{home}/{LINKS}/{short}"):
            continue
        if not short:
            short = by_target.get(target) or short_name()
            write_atomic(f"{home}/{id}/link", short.encode(), mode=0o644)
        point(home, short, id)
        mended.append(id)
    return mended


def refuse_links(directory: str) -> None:
    """Raise ``StorageError`` when a layer of a store that others have written is a way out of it."""
    if os.path.islink(directory) or os.path.islink(directory + "/diff"):
        raise StorageError(f"{directory} leads out of its store")


def by_short(home: str, short: str) -> str:
    """The layer of that short name by the layers' ``link`` files, "" when there is none.

    For a home that cannot be written to and has lost its ``l`` directory (copied without symbolic links).
    """
    return next((id for id in layer_ids(home) if read_short(f"{home}/{id}") == short), "")


def lowers_of(directory: str) -> list[str]:
    """The ``l/SHORT`` names below a layer, nearest first."""
    text = (read_bytes(directory + "/lower") or b"").decode("ascii", "replace").strip()
    parts = [part for part in text.split(":") if part]
    for part in parts:
        if part.count("/") != 1 or not part.startswith(LINKS + "/") or part == LINKS + "/..":
            raise StorageError(f"{directory}/lower is damaged: {part} is no link to a layer")
    return parts


def lower_file(parent_directory: str, parent: str, *, writable: bool = True) -> str:
    """The content of a new child's ``lower`` file; a lost link is made anew where that is allowed."""
    short = read_short(parent_directory)
    if not short and writable:
        rebuild(os.path.dirname(parent_directory))
        short = read_short(parent_directory)
    if not short:
        raise StorageError(f"layer {parent} has no link file and none could be made")
    return ":".join((f"{LINKS}/{short}", *lowers_of(parent_directory)))
