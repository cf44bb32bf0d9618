"""The two ends of ``cp``: a path on the host, or one in a container."""

from __future__ import annotations

import os
import stat

from ..errors import InvalidState, NotFound, PolypodError
from ..oci.root_view import Found, View
from .sync import refresh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from .runtime import Runtime

_LIVE = ("running", "paused", "stopping")
#: Mounts with these options never change what is mounted.
_PROTECTED = frozenset(("ro", "readonly", "O"))


class Target:
    """Where a copy goes: an open directory, its path in messages, and the copy's name in it.

    ``name`` is "" when the destination is an existing directory, so that the source gives the name.
    """

    def __init__(self, directory: int, shown: str, name: str, *, is_directory: bool) -> None:
        self.directory = directory
        self.shown = shown
        self.name = name
        self.is_directory = is_directory


class HostSide:
    """Paths of this host, links followed as ever."""

    where = "the host"

    def source(self, path: str) -> Found:
        """What is to be copied; raises ``NotFound``."""
        try:
            return Found(os.path.abspath(path), os.open(path, os.O_PATH | os.O_CLOEXEC))
        except OSError as error:
            raise missing(path, self.where, error) from None

    def target(self, path: str) -> Target:
        """Where it is to go; raises ``NotFound`` when the parent is not there."""
        whole = os.path.abspath(path)
        try:
            mode = os.stat(path).st_mode
            whole = os.path.realpath(path)  # a link stays one; what it leads to is written
        except OSError as error:
            if path.endswith("/"):
                raise missing(path, self.where, error) from None
            mode = 0
        if stat.S_ISDIR(mode):
            return Target(self._open(whole, path), "/", "", is_directory=True)
        if mode and not stat.S_ISREG(mode):
            raise PolypodError(
                f'invalid destination: "{path}" must be a directory or a regular file'
            )
        parent, name = os.path.split(whole)
        return Target(self._open(parent, path), "/", name, is_directory=not mode)

    def _open(self, directory: str, path: str) -> int:
        try:
            return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise missing(path, self.where, error) from None

    def owner(self) -> tuple[int, int]:
        """Whoever calls."""
        return os.geteuid(), os.getegid()

    def close(self) -> None:
        """Nothing is held."""


class ContainerSide:
    """Paths of a container: of what its processes see while it runs, else of its root and volumes."""

    def __init__(self, rt: Runtime, name: str, container_id: str) -> None:
        self._rt = rt
        self.where = f"container {name}"
        self._container = rt.records.containers.get(container_id)
        state = refresh(rt, container_id, rt.records.containers.state(container_id)[0])
        self._mounted = False
        self._acquired: list[str] = []
        self._kept: dict[str, bool] = {}  # where something is mounted -> whether we may write there
        self._opened: list[int] = []
        if state.status in _LIVE:
            self._root = f"/proc/{state.pid}/root"
            self.view = View(self._root)
            return
        if state.status in ("removing", "creating"):
            raise InvalidState(f"container {name} is being {state.status[:-3]}ed: container state improper")
        self._root = self._mount()
        try:
            self.view = View(self._root, dict(self._sources()))
        except BaseException:
            self.close()
            raise

    def _mount(self) -> str:
        image = self._container.image
        if not image.rootfs:
            self._mounted = True
            return self._rt.store.mount_container(self._container.id)
        return image.rootfs

    def _sources(self) -> Iterator[tuple[str, str]]:
        """What would be mounted in the container if it ran."""
        for mount in self._container.mounts:
            if mount.type not in ("bind", "volume", "overlay"):
                continue
            source = self._volume(mount.name) if mount.type == "volume" else mount.source
            protected = mount.type == "overlay" or _PROTECTED.intersection(mount.options)
            self._kept[mount.destination] = not protected
            yield mount.destination, self._below(source, mount.subpath) if mount.subpath else source

    def _below(self, source: str, subpath: str) -> str:
        """A path in a volume, held open: whoever else has the volume may put a link there."""
        from ..oci.users import open_in_root

        try:
            self._opened.append(open_in_root(source, subpath))
        except OSError as error:
            raise missing(f"{source}{subpath}", "the host", error) from None
        return f"/proc/self/fd/{self._opened[-1]}"

    def _volume(self, name: str) -> str:
        volume = self._rt.records.volumes.get(name)
        if volume.needs_mount:
            from .volumes import VolumeLock
            from .volumes_device import acquire

            with VolumeLock(self._rt, name):
                acquire(self._rt, self._rt.records.volumes.get(name), self._user)
            self._acquired.append(name)
        return volume.mountpoint

    @property
    def _user(self) -> str:
        return f"cp-{os.getpid()}"

    def close(self) -> None:
        """Unmount what was mounted to look into the container."""
        for name in self._acquired:
            from .volumes import VolumeLock
            from .volumes_device import release

            with VolumeLock(self._rt, name):
                release(self._rt, self._rt.records.volumes.get(name), self._user)
        self._acquired.clear()
        while self._opened:
            os.close(self._opened.pop())
        if self._mounted:
            self._rt.store.unmount_container(self._container.id)
            self._mounted = False

    def source(self, path: str) -> Found:
        """What is to be copied; raises ``NotFound``."""
        found = self._find(path)
        if not found.exists:
            raise missing(path, self.where)
        return found

    def target(self, path: str) -> Target:
        """Where it is to go; raises ``NotFound`` when the parent is not there."""
        with self._find(path) as found:
            self._refuse_protected(found.path)
            if found.is_directory:
                return Target(_readable(found.fd), found.path, "", is_directory=True)
            if not found.exists and path.endswith("/"):
                raise missing(path, self.where)
            parent, name = os.path.split(found.path)
            with self._find(parent) as above:
                if not above.is_directory:
                    raise missing(path, self.where)
                return Target(_readable(above.fd), above.path, name, is_directory=not found.exists)

    def _refuse_protected(self, path: str) -> None:
        """While the container does not run, no mount keeps us from writing what it protects."""
        around = [place for place in self._kept if f"{path}/".startswith(f"{place.rstrip('/')}/")]
        place = max(around, key=len, default="")
        if place and not self._kept[place]:
            raise PolypodError(f"copying to container: {place} of {self.where} is mounted read-only, or as an overlay")

    def _find(self, path: str) -> Found:
        workdir = self._container.process.workdir or "/"
        whole = path if path.startswith("/") else f"{workdir}/{path}"
        try:
            return self.view.find(whole)
        except OSError as error:
            raise missing(path, self.where, error) from None

    def owner(self) -> tuple[int, int]:
        """The user of the container's processes."""
        from ..oci.users import UserDatabase

        user = UserDatabase(self._root).resolve(self._container.process.user)
        return user.uid, user.gid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _readable(fd: int) -> int:
    return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def missing(path: str, where: str, error: OSError | None = None) -> NotFound:
    """That a path is not there, or cannot be reached."""
    reason = (error.strerror or "").lower() if error else "no such file or directory"
    return NotFound(f'"{path}" could not be found on {where}: {reason}')
