"""The working directory in a container's root: make it when the image names one that is missing."""

from __future__ import annotations

import os

from ..errors import CommandNotExecutable, UsageError
from ..oci.users import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..oci.users import ExecUser


def ensure_workdir(container: Container, rootfs: str, user: ExecUser) -> None:
    """Make the image's WORKDIR, owned by the container's user; refuse a missing ``--workdir``.

    What lies on a mount is the runtime's business. Raises ``UsageError``.
    """
    workdir = container.process.workdir or "/"
    if workdir == "/" or _is_mounted(container, workdir):
        return
    try:
        fd = open_in_root(rootfs, workdir)
    except FileNotFoundError:
        _make(container, rootfs, workdir, user)
        return
    except OSError as error:
        raise UsageError(
            f'workdir "{workdir}" exists on container {container.id}, '
            f"but cannot be used: {error.strerror}"
        ) from error
    try:
        import stat

        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise UsageError(
                f'workdir "{workdir}" exists on container {container.id}, but is not a directory'
            )
    finally:
        os.close(fd)


def _is_mounted(container: Container, workdir: str) -> bool:
    """Whether the directory lies on a mount, or is made by the runtime for one below it."""
    path = workdir.rstrip("/") + "/"
    for mount in container.mounts:
        destination = mount.destination.rstrip("/") + "/"
        if path.startswith(destination) or destination.startswith(path):
            return True
    return False


def _make(container: Container, rootfs: str, workdir: str, user: ExecUser) -> None:
    parts = [part for part in workdir.split("/") if part not in ("", ".")]
    done = "/"
    fd = open_in_root(rootfs, "/", os.O_DIRECTORY)
    try:
        for index, part in enumerate(parts):
            done = os.path.join(done, part)
            try:
                below = open_in_root(rootfs, done, os.O_DIRECTORY)
            except FileNotFoundError:
                if not container.process.create_workdir:
                    raise CommandNotExecutable(
                        f'workdir "{workdir}" does not exist on container {container.id}'
                    ) from None
                try:
                    os.mkdir(part, 0o755, dir_fd=fd)
                except FileExistsError:
                    # A link to what only a mount will bring: the runtime decides.
                    return
                below = open_in_root(rootfs, done, os.O_DIRECTORY)
                if index == len(parts) - 1:
                    os.chown(f"/proc/self/fd/{below}", user.uid, user.gid)
            os.close(fd)
            fd = below
    finally:
        os.close(fd)
