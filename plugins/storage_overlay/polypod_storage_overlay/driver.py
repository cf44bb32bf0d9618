"""The hooks of the overlay driver."""

from __future__ import annotations

import errno
import os

from polypod.errors import DriverUnavailable, StorageError
from polypod.kit import mounts
from polypod.kit.atomic import remove_tree
from polypod.model.mount import MountSpec
from polypod.spec.markers import hookimpl

from . import layout, plain
from .options import OverlayConfig, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# mount(2) copies one page of options; one byte of it is the terminator.
_PAGE = 4096
_ROOT_MODE = 0o555
_MAX_LOWERS = 500  # containers/storage's limit, and the kernel's


class Overlay:
    """Layers as directories that the kernel's overlay file system joins."""

    Config = OverlayConfig

    def __init__(
        self,
        config: OverlayConfig,
        home: str,
        run_home: str,
        image_home: str = "",
        options: dict[str, str] | None = None,
        additional: Sequence[str] = (),
    ) -> None:
        self._home = home
        self._run_home = run_home
        self._image_home = image_home
        self._options = parse(options or {})
        self._others = tuple(path for path in (image_home, *additional) if path)
        self._userns: bool | None = None
        if not os.path.isdir(f"{home}/{layout.LINKS}"):
            self._probe()

    def _probe(self) -> None:
        """A store that was never used: find out whether overlay works on its file system."""
        if not self._options.mount_program:
            from .probe import why_not

            reason = why_not(self._home, self._mount_options(()))
            if reason:
                raise DriverUnavailable(reason)

    # -- where a layer lies -------------------------------------------------------------

    def _directory(self, id: str) -> str:
        """The layer's directory in whichever store has it; in ``home`` when none has."""
        own = f"{self._home}/{id}"
        if self._others and not os.path.isdir(own):
            for home in self._others:
                if os.path.isdir(f"{home}/{id}"):
                    layout.refuse_links(f"{home}/{id}")
                    return f"{home}/{id}"
        return own

    def _writable(self, directory: str) -> bool:
        home = os.path.dirname(directory)
        return home in (self._home, self._image_home)

    # -- making layers --------------------------------------------------------------------

    @hookimpl
    def storage_prepare(self, id: str, parent: str, writable: bool) -> bool:
        home = self._home if writable or not self._image_home else self._image_home
        lower, owner = self._below(id, parent) if parent else ("", None)
        try:
            self._make(f"{home}/{id}", id)
            self._fill(home, id, lower, owner)
        except OSError as error:
            self.storage_remove(id)
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot make layer {id} in {home}: {reason}") from error
        return True

    def _below(self, id: str, parent: str) -> tuple[str, os.stat_result]:
        """What a layer takes from its parent: the content of ``lower``, and the top's owner and mode."""
        below = self._directory(parent)
        try:
            owner = os.stat(below + "/diff")
        except FileNotFoundError:
            raise StorageError(
                f"layer {parent} is not on disk in {os.path.dirname(below)};"
                " its image is damaged: remove and load it again"
            ) from None
        lower = layout.lower_file(below, parent, writable=self._writable(below))
        if lower.count(":") >= _MAX_LOWERS:
            raise StorageError(f"layer {id} would have more than {_MAX_LOWERS} layers below it")
        return lower, owner

    def _make(self, directory: str, id: str) -> None:
        try:
            os.mkdir(directory, 0o700)
        except FileNotFoundError:
            links = f"{os.path.dirname(directory)}/{layout.LINKS}"
            os.makedirs(links, 0o755, exist_ok=True)
            os.mkdir(directory, 0o700)
        except FileExistsError:
            self.storage_remove(id)
            os.mkdir(directory, 0o700)

    def _fill(self, home: str, id: str, lower: str, owner: os.stat_result | None) -> None:
        directory = f"{home}/{id}"
        diff = directory + "/diff"
        os.mkdir(diff, 0o700)
        if owner is not None:
            _take_after(diff, owner)
        else:
            os.chmod(diff, _ROOT_MODE)
        short = layout.short_name()
        # The file first: whoever cleans up after a kill finds the link through it.
        _write(directory + "/link", short)
        layout.point(home, short, id)
        os.mkdir(directory + "/work", 0o700)
        os.mkdir(directory + "/merged", 0o700)
        if lower:
            _write(directory + "/lower", lower)
        else:
            os.mkdir(directory + "/empty", 0o700)

    @hookimpl
    def storage_rename(self, id: str, new_id: str) -> bool:
        directory = self._directory(id)
        if not self._writable(directory):
            raise StorageError(f"layer {id} lies in a store that is only read, {directory}")
        home = os.path.dirname(directory)
        os.rename(directory, f"{home}/{new_id}")
        layout.point(home, layout.read_short(f"{home}/{new_id}"), new_id)
        return True

    @hookimpl
    def storage_adopt(self, id: str, parent: str, inherit: bool) -> bool:
        directory = self._directory(id)
        lower, owner = self._below(id, parent)
        try:
            if inherit:
                _take_after(directory + "/diff", owner)
            _write(directory + "/lower", lower)
            remove_tree(directory + "/empty")
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise StorageError(f"cannot put layer {id} on {parent}: {reason}") from error
        return True

    @hookimpl
    def storage_renew(self, id: str, new_id: str) -> bool:
        old = self._directory(new_id)
        home = os.path.dirname(self._directory(id))
        if os.path.dirname(old) != home:  # damaged in a store that is only read: ours comes first
            return self.storage_rename(id, new_id)
        short = layout.read_short(old) or layout.short_of(home, new_id)
        remove_tree(old)
        self.storage_rename(id, new_id)
        if short:
            # The layers above name the one below them by its short name.
            remove_tree(f"{home}/{layout.LINKS}/{layout.read_short(old)}")
            _write(old + "/link", short)
            layout.point(home, short, new_id)
        return True

    # -- looking at layers -----------------------------------------------------------------

    @hookimpl
    def storage_diff_path(self, id: str) -> str:
        return self._directory(id) + "/diff"

    @hookimpl
    def storage_diff_paths(self, id: str) -> Sequence[str]:
        directory = self._directory(id)
        return (directory + "/diff", *(path for path, _ in self._lowers(directory)))

    @hookimpl
    def storage_native_diff(self) -> bool:
        return True

    @hookimpl
    def storage_extraction(self) -> dict[str, Any]:
        style = "overlay"
        if self._options.mount_program:
            plain.mark(self._image_home or self._home)
            style = "aufs"
        elif self._image_home and plain.must_be(self._image_home):
            style = "aufs"
        elif self._in_userns():
            style = "user"
        return {"whiteouts": style, "ignore_chown_errors": self._options.ignore_chown_errors}

    def _in_userns(self) -> bool:
        """Whether overlay has to keep its marks in ``user.*``: trusted.* needs the first user namespace."""
        if self._userns is None:
            with open("/proc/self/uid_map", "rb") as file:
                self._userns = file.read().split() != [b"0", b"0", b"4294967295"]
        return self._userns

    def _lowers(self, directory: str) -> list[tuple[str, str]]:
        """The directories below a layer: (path, path relative to home or "")."""
        found = []
        for link in layout.lowers_of(directory):
            path = f"{self._home}/{link}"
            relative = link
            if not os.path.exists(path):
                path, relative = self._find_link(link)
            found.append((path, relative))
            found.extend(_numbered(f"{path}/..", f"{relative}/.." if relative else ""))
        return found

    def _find_link(self, link: str) -> tuple[str, str]:
        for home in self._others:
            if os.path.exists(f"{home}/{link}"):
                if not os.path.realpath(f"{home}/{link}").startswith(os.path.realpath(home) + "/"):
                    raise StorageError(f"{home}/{link} leads out of its store")
                return f"{home}/{link}", ""
        for home in filter(None, (self._home, self._image_home)):
            layout.rebuild(home)
            if os.path.exists(f"{home}/{link}"):
                return f"{home}/{link}", link if home == self._home else ""
        for home in self._others:
            id = layout.by_short(home, os.path.basename(link))
            if id and os.path.isdir(f"{home}/{id}/diff"):
                layout.refuse_links(f"{home}/{id}")
                return f"{home}/{id}/diff", ""
        raise StorageError(
            f"the layer behind {self._home}/{link} is not on disk; an image store may be missing or the image damaged"
        )

    # -- mounting -----------------------------------------------------------------------------

    @hookimpl
    def storage_target(self, id: str) -> str:
        directory = self._directory(id)
        if not self._writable(directory):
            directory = f"{self._run_home}/{id}"
        target = directory + "/merged"
        if not os.path.isdir(target):
            os.makedirs(target, 0o700, exist_ok=True)
        return target

    def _mount_options(self, extra: Sequence[str]) -> tuple[str, ...]:
        wanted = list(self._options.mountopt)
        wanted.extend(option for option in extra if option not in wanted)
        if not self._options.mount_program and self._in_userns():
            wanted = [option for option in wanted if option != "metacopy=on"]
            wanted.append("userxattr")
        return tuple(wanted)

    @hookimpl
    def storage_mounts(
        self, id: str, read_only: bool, label: str, options: Sequence[str]
    ) -> list[MountSpec]:
        directory = self._directory(id)
        if not os.path.isdir(directory):
            raise StorageError(f"layer {id} is not on disk in {self._home}")
        read_only = read_only or not self._writable(directory) or "ro" in self._options.mountopt
        lowers = [*_numbered(directory, id), *self._lowers(directory)]
        if not lowers:
            os.makedirs(directory + "/empty", 0o700, exist_ok=True)
            lowers = [(directory + "/empty", f"{id}/empty")]
        if not read_only:
            # A volatile mount leaves this mark, and the next mount is refused because of it.
            remove_tree(directory + "/work/work/incompat/volatile")
        if not self._options.skip_mount_home:
            os.makedirs(self._home, 0o700, exist_ok=True)  # all layers may lie in another store
            mounts.make_private(self._home)
        words = self._mount_options(options)
        if label:
            words = (*words, f'context="{label}"')
        return [self._spec(directory, lowers, read_only, words)]

    def _spec(
        self, directory: str, lowers: list[tuple[str, str]], read_only: bool, words: tuple[str, ...]
    ) -> MountSpec:
        program = self._options.mount_program
        if not program and self._others:
            program = plain.program_for([directory, *(path for path, _ in lowers)], self._others)
        data = _data(directory, [path for path, _ in lowers], read_only)
        cwd = ""
        if not program and len(data) + len(",".join(words)) + 2 > _PAGE:
            # Relative to the home that most of them lie in: an attached store's, or our own.
            paths = [path for path, _ in lowers]
            homes = (self._home, *self._others)
            cwd = max(homes, key=lambda home: sum(path.startswith(home + "/") for path in paths))
            data = _data(
                directory.removeprefix(cwd + "/"),
                [path.removeprefix(cwd + "/") for path in paths],
                read_only,
            )
            if len(data) + len(",".join(words)) + 2 > _PAGE:
                raise StorageError(
                    f"layer {os.path.basename(directory)} has {len(lowers)} layers below it,"
                    " more than fit in a mount's options"
                )
        return MountSpec(
            type="fuse" if program else "overlay",
            source="overlay",
            data=data,
            options=words,
            cwd=cwd,
            program=program,
        )

    @hookimpl
    def storage_release(self, id: str, last: bool) -> bool:
        if last and not self._options.skip_mount_home and mounts.is_mounted(self._home):
            try:
                # Two processes may have made it a mount at the same moment: then it is one twice.
                while mounts.umount(self._home):
                    pass
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.EPERM):
                    raise
        return True

    # -- removing, checking ---------------------------------------------------------------------

    @hookimpl
    def storage_remove(self, id: str) -> bool:
        directory = self._directory(id)
        if not self._writable(directory):
            return True
        home = os.path.dirname(directory)
        short = layout.read_short(directory)
        if short:
            remove_tree(f"{home}/{layout.LINKS}/{short}")
        try:
            remove_tree(directory)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise StorageError(f"cannot remove layer {id}: {error}") from error
            mounts.umount(directory + "/merged", mounts.MNT_DETACH)
            remove_tree(directory)
        return True

    @hookimpl
    def storage_exists(self, id: str) -> bool:
        return os.path.isdir(self._directory(id) + "/diff")

    @hookimpl
    def storage_list(self) -> list[str]:
        homes = dict.fromkeys(path for path in (self._home, self._image_home) if path)
        return sorted({id for home in homes for id in layout.layer_ids(home)})

    @hookimpl
    def storage_usage(self, id: str) -> tuple[int, int]:
        from polypod.kit.atomic import tree_usage

        return tree_usage(self._directory(id) + "/diff")

    @hookimpl
    def storage_check(self, repair: bool) -> list[tuple[str, str]]:
        from .probe import check

        return check([home for home in (self._home, self._image_home) if home], repair)

    @hookimpl
    def storage_info(self) -> list[tuple[str, str]]:
        from .probe import info

        return info(self._home, self._options.mount_program, self._mount_options(()))


def _take_after(path: str, owner: os.stat_result) -> None:
    """Give a directory the owner and mode of another one."""
    if owner.st_uid or owner.st_gid:
        os.chown(path, owner.st_uid, owner.st_gid)
    os.chmod(path, owner.st_mode & 0o7777)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _numbered(directory: str, relative: str) -> list[tuple[str, str]]:
    """``diff1``, ``diff2``...: further lower directories that older engines gave a layer."""
    found: list[tuple[str, str]] = []
    while os.path.isdir(f"{directory}/diff{len(found) + 1}"):
        name = f"diff{len(found) + 1}"
        if os.path.islink(f"{directory}/{name}"):
            raise StorageError(f"{directory}/{name} leads out of its store")
        found.append((f"{directory}/{name}", f"{relative}/{name}" if relative else ""))
    return found


def _data(directory: str, lowers: list[str], read_only: bool) -> str:
    joined = ":".join(lowers)
    if read_only:
        return f"lowerdir={directory}/diff:{joined}"
    return f"lowerdir={joined},upperdir={directory}/diff,workdir={directory}/work"
