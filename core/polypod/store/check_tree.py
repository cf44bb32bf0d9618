"""What a layer's archive makes of a directory, and how a directory differs from that."""

from __future__ import annotations

import os
import stat

from ..oci.tarstream_parse import CHAR, DIRECTORY, HARDLINK, REGULAR, SYMLINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..oci.tarstream_parse import Entry

_WHITEOUT = b".wh."
_KINDS = {
    stat.S_IFREG: REGULAR, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK, stat.S_IFCHR: CHAR,
    stat.S_IFBLK: b"4", stat.S_IFIFO: b"6",
}  # fmt: skip


class Node:
    """One file as the archive has it; ``known`` false: only that it is there, and what it is."""

    __slots__ = ("gid", "kind", "known", "mode", "mtime", "size", "uid")

    def __init__(self, kind: bytes, entry: Entry | None = None) -> None:
        self.kind = kind
        self.known = entry is not None
        if entry is not None:
            self.mode, self.uid, self.gid = entry.mode, entry.uid, entry.gid
            self.size = entry.size if kind == REGULAR else 0
            # containers/storage writes the epoch for what is before it.
            self.mtime = max(0, entry.mtime_ns // 1_000_000_000)


class Tree:
    """The files of one layer by their paths, relative to its directory.

    ``vague``: the archive has members whose place depends on links or on what lies below; then a
    comparison would accuse the innocent.
    """

    def __init__(self) -> None:
        self.nodes: dict[bytes, Node] = {}
        self.vague = False

    def add(self, entry: Entry, whiteouts: bool) -> None:
        """Take the archive's next member; ``whiteouts`` says that ``.wh.`` files become something else."""
        parts = [part for part in entry.name.split(b"/") if part not in (b"", b".")]
        if b".." in parts:
            self.vague = True
        if not parts or self.vague:
            return
        base = parts[-1]
        if base.startswith(_WHITEOUT + _WHITEOUT) and whiteouts:
            self._parents(parts)  # an opaque directory, or aufs's own files
            return
        if base.startswith(_WHITEOUT) and whiteouts:
            parts[-1] = base[len(_WHITEOUT) :]
            self._parents(parts)
            self.nodes.setdefault(b"/".join(parts), Node(b""))
            return
        self._parents(parts)
        self._put(b"/".join(parts), entry)

    def _parents(self, parts: list[bytes]) -> None:
        for count in range(1, len(parts)):
            path = b"/".join(parts[:count])
            node = self.nodes.get(path)
            if node is None:
                self.nodes[path] = Node(DIRECTORY)
            elif node.kind != DIRECTORY:
                self.vague = True

    def _put(self, path: bytes, entry: Entry) -> None:
        old = self.nodes.get(path)
        if old is not None and old.kind == DIRECTORY and entry.type != DIRECTORY:
            self.vague = True  # a directory of this very archive that is replaced
        if entry.type == HARDLINK:
            target = b"/".join(p for p in entry.linkname.split(b"/") if p not in (b"", b"."))
            known = self.nodes.get(target)
            if known is None:
                self.vague = True
                return
            if known.known and (known.mode, known.uid, known.gid) != (entry.mode, entry.uid, entry.gid):
                known.known = False  # containers/storage gives the file what its last name says
            self.nodes[path] = known
        else:
            self.nodes[path] = Node(entry.type, entry)


def compare(tree: Tree, directory: str, owners: bool) -> Iterator[str]:
    """Every departure of a directory from what it should hold: ``-/gone``, ``+/new``, ``/changed(size:1￫2)``.

    ``owners``: whether owners count. Times of directories do not, for later members change them.
    """
    left = dict(tree.nodes)
    for path, info in _walk(os.fsencode(directory)):
        node = left.pop(path, None)
        shown = "/" + os.fsdecode(path)
        if node is None:
            yield f"+{shown}"
            continue
        changes = ",".join(_differences(node, info, owners))
        if changes:
            yield f"{shown}({changes})"
    for path in left:
        yield f"-/{os.fsdecode(path)}"


def _walk(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    pending = [b""]
    while pending:
        folder = pending.pop()
        with os.scandir(os.path.join(top, folder)) as entries:
            for entry in entries:
                path = folder + b"/" + entry.name if folder else entry.name
                info = entry.stat(follow_symlinks=False)
                yield path, info
                if stat.S_ISDIR(info.st_mode):
                    pending.append(path)


def _differences(node: Node, info: os.stat_result, owners: bool) -> Iterator[str]:
    kind = _KINDS.get(stat.S_IFMT(info.st_mode), b"?")
    if node.kind and kind != node.kind:
        yield f"filetype:{node.kind.decode()}￫{kind.decode()}"
    if not node.known or not node.kind:
        return
    if owners and node.uid != info.st_uid:
        yield f"uid:{node.uid}￫{info.st_uid}"
    if owners and node.gid != info.st_gid:
        yield f"gid:{node.gid}￫{info.st_gid}"
    if node.kind == REGULAR and node.size != info.st_size:
        yield f"size:{node.size}￫{info.st_size}"
    mode = stat.S_IMODE(info.st_mode)
    if node.kind != SYMLINK and node.mode != mode:
        yield f"mode:{node.mode:04o}￫{mode:04o}"
    mtime = max(0, info.st_mtime_ns // 1_000_000_000)
    if node.kind != DIRECTORY and node.mtime != mtime:
        yield f"mtime:0x{node.mtime:x}￫0x{mtime:x}"
