"""A store in one file: erofs or squashfs, read-only, in containers/storage's layout.

The layers' own directories go into the file as they are, whiteouts and xattrs included: in a mount
namespace of its own they are bind-mounted below a skeleton of records and links, from which mkfs reads.
The same images of the same store give the same file, byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import stat

from ..errors import StorageError, UsageError
from ..kit import fastjson, mounts
from ..kit.netns import in_thread
from ..kit.spawn import run
from ..model.imagestore import IDENTITY
from .identity import identity_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .foreign import Root

    Chosen = tuple[Root, dict[str, Any]]

FORMATS = {"erofs": "mkfs.erofs", "squashfs": "mksquashfs"}
_PACKAGES = {"erofs": "erofs-utils", "squashfs": "squashfs-tools"}
# What mkfs.erofs takes as the time of the making; later times of files are set to it.
_LATEST = "4102444800"
_CLONE_NEWNS = 0x20000


def keep_shorts(root: Root) -> dict[str, str]:
    """The layers' short names in a store: containers made on it look layers up by them."""
    return {id: short for id in root.layers if (short := root.short(id))}


def write_file(
    images: Sequence[Chosen],
    target: str,
    format: str,
    run_dir: str,
    *,
    id: str = "",
    shorts: Mapping[str, str] | None = None,
) -> str:
    """Write a file that holds these images; returns its store ID. Atomic: the file is there when it is whole.

    ``id`` is by default made from the content. ``shorts`` replaces the layers' short names.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}; choose from {', '.join(FORMATS)}")
    program = _program(format)
    plan = _Plan(images, shorts or {})
    id = id or plan.content_id()
    partial = f"{target}.partial"
    stage = f"{run_dir}/.stage-{os.getpid()}"
    os.makedirs(stage, 0o700, exist_ok=True)
    if os.path.exists(partial):
        os.unlink(partial)
    try:
        in_thread(lambda: _make(plan, stage, id, _command(format, program, stage, partial, id)))
        os.chmod(partial, 0o644)
        fd = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(partial, target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot write {target}: {reason}") from error
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
        os.rmdir(stage)
    return id


def _program(format: str) -> str:
    from shutil import which

    program = which(FORMATS[format]) or which(FORMATS[format], path="/usr/sbin:/sbin")
    if program is None:
        raise StorageError(
            f"{FORMATS[format]} is not installed; install {_PACKAGES[format]}, or choose another --format"
        )
    return program


def _command(format: str, program: str, stage: str, target: str, id: str) -> list[str]:
    if format == "squashfs":
        return [program, stage, target, "-noappend", "-quiet", "-no-progress", "-xattrs",
                "-comp", "zstd", "-Xcompression-level", "3", "-mkfs-time", "0"]  # fmt: skip
    uuid = f"{id[:8]}-{id[8:12]}-4{id[13:16]}-8{id[17:20]}-{id[20:32]}"
    return [program, "--quiet", "--preserve-mtime", "-Eforce-inode-extended", "-U", uuid,
            target, stage]  # fmt: skip


class _Plan:
    """Which records, layers and documents go into the file."""

    def __init__(self, images: Sequence[Chosen], shorts: Mapping[str, str]) -> None:
        self.images: dict[str, Chosen] = {}
        self.layers: dict[str, tuple[Root, dict[str, Any]]] = {}
        for root, image in images:
            if root.driver != "overlay":
                raise UsageError(f"{root.root} has layers of the driver {root.driver}: only overlay's can be exported")
            self.images[image["id"]] = (root, image)
            for layer in root.chain(image):
                self.layers.setdefault(layer["id"], (root, layer))
        self.shorts = {id: shorts.get(id) or root.short(id) or id[:26].upper()
                       for id, (root, _) in self.layers.items()}  # fmt: skip

    def image_records(self) -> list[dict[str, Any]]:
        return [self.images[id][1] for id in sorted(self.images)]

    def layer_records(self) -> list[dict[str, Any]]:
        """Lowest layers first, as containers/storage expects."""
        done: dict[str, dict[str, Any]] = {}
        for id in sorted(self.images):
            root, image = self.images[id]
            for layer in root.chain(image):
                done.setdefault(layer["id"], layer)
        return list(done.values())

    def content_id(self) -> str:
        """A store ID that only this content has."""
        text = fastjson.dumps([self.image_records(), self.layer_records()])
        return hashlib.sha256(text.encode()).hexdigest()

    def lower(self, id: str) -> str:
        """The content of a layer's ``lower`` file."""
        found = []
        parent = self.layers[id][1].get("parent", "")
        while parent:
            found.append(f"l/{self.shorts[parent]}")
            parent = self.layers[parent][1].get("parent", "")
        return ":".join(found)


def _make(plan: _Plan, stage: str, id: str, command: list[str]) -> None:
    """Lay the skeleton out and call mkfs; in a thread that has a mount namespace of its own."""
    from ..kit.netns import unshare

    unshare(_CLONE_NEWNS)
    mounts.mount("", "/", "none", mounts.MS_REC | mounts.MS_PRIVATE)
    mounts.mount("tmpfs", stage, "tmpfs", 0, "mode=755")
    _records(plan, stage, id)
    for layer in sorted(plan.layers):
        _layer(plan, layer, f"{stage}/overlay")
    _same_times(stage)
    # mksquashfs has a flag for it, and refuses both.
    env = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    if "--quiet" in command:
        env["SOURCE_DATE_EPOCH"] = _LATEST
    done = run(command, env=env)
    if done.code != 0:
        reason = _reason((done.stderr or done.stdout).decode("utf-8", "replace")) or done.code
        raise StorageError(f"{os.path.basename(command[0])} failed: {reason}")


def _reason(said: str) -> str:
    """What a program says of its failure, on one line: not the help that it shows after it."""
    lines = [line.strip() for line in said.partition("\nusage:")[0].splitlines()]
    return "; ".join([line for line in lines if line][-2:])


def _records(plan: _Plan, stage: str, id: str) -> None:
    _write(f"{stage}/{IDENTITY}", identity_document(id))
    os.makedirs(f"{stage}/overlay/l", 0o755)
    tables = {"images": plan.image_records(), "layers": plan.layer_records()}
    for part, table in tables.items():
        os.mkdir(f"{stage}/overlay-{part}", 0o755)
        _write(f"{stage}/overlay-{part}/{part}.json", fastjson.dumps(table).encode())
        # Older engines open it for reading, also where nobody can write.
        _write(f"{stage}/overlay-{part}/{part}.lock", b"")
    for image_id, (root, image) in sorted(plan.images.items()):
        from .places import big_data_name

        os.mkdir(f"{stage}/overlay-images/{image_id}", 0o755)
        for key, data in root.big_data(image).items():
            _write(f"{stage}/overlay-images/{image_id}/{big_data_name(key)}", data)


def _layer(plan: _Plan, id: str, home: str) -> None:
    root, record = plan.layers[id]
    os.makedirs(f"{home}/{id}/diff", 0o755)
    short = plan.shorts[id]
    os.symlink(f"../{id}/diff", f"{home}/l/{short}")
    _write(f"{home}/{id}/link", short.encode())
    if record.get("parent"):
        _write(f"{home}/{id}/lower", plan.lower(id).encode())
    else:
        os.mkdir(f"{home}/{id}/empty", 0o700)
    if os.path.exists(root.split(id)):
        with open(root.split(id), "rb") as file:
            _write(f"{os.path.dirname(home)}/overlay-layers/{id}.tar-split.gz", file.read())
    if not os.path.isdir(root.tree(id)):
        raise StorageError(f"layer {id} is not on disk in {root.root}; its image is damaged")
    mounts.mount(root.tree(id), f"{home}/{id}/diff", "none", mounts.MS_BIND)


def _write(path: str, data: bytes) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o644)) as file:
        file.write(data)


def _same_times(stage: str) -> None:
    """The skeleton's times and modes are always the same; the layers' own are left alone."""
    device = os.stat(stage).st_dev
    for here, directories, files in os.walk(stage, topdown=True):
        directories[:] = sorted(
            name for name in directories
            if os.path.islink(f"{here}/{name}") or os.stat(f"{here}/{name}").st_dev == device
        )  # fmt: skip
        for name in [*files, *directories]:
            _settle(f"{here}/{name}")
    _settle(stage)


def _settle(path: str) -> None:
    info = os.lstat(path)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(path, (info.st_mode & 0o7777) | (0o444 if stat.S_ISREG(info.st_mode) else 0o555))
    os.utime(path, ns=(0, 0), follow_symlinks=False)
