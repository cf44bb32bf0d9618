"""``cp``: files between the host and containers, and between containers."""

from __future__ import annotations

import os
import stat

from ..errors import NoSuchContainer, PolypodError, StorageError, UsageError
from ..kit.copyfd import Copier
from .cp_sides import ContainerSide, HostSide

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ..oci.root_view import Found
    from .cp_sides import Target
    from .runtime import Runtime

    Side = HostSide | ContainerSide


def copy(
    rt: Runtime, source: tuple[str, str], target: tuple[str, str], *, chown: bool, overwrite: bool
) -> None:
    """Copy a file or a directory; both ends are (container's name or "", path).

    A source that ends in ``/.`` gives its content, any other directory itself. With ``chown``
    what comes into a container belongs to the container's user; what comes to the host is always the
    caller's. ``overwrite`` lets a directory replace something else and the other way round.
    Raises ``NotFound``, ``PolypodError``.
    """
    here = _side(rt, source[0])
    try:
        there = _side(rt, target[0])
        try:
            with here.source(source[1]) as found:
                place = there.target(target[1])
                try:
                    owner = there.owner() if chown or isinstance(there, HostSide) else None
                    copier = Copier(
                        owner=owner, overwrite=overwrite, devices=isinstance(there, ContainerSide)
                    )
                    _copy(copier, found, source[1], place, there.where)
                finally:
                    os.close(place.directory)
        finally:
            there.close()
    finally:
        here.close()


def _side(rt: Runtime, name: str) -> Side:
    if not name:
        return HostSide()
    try:
        container_id = rt.records.containers.find(name)
    except NoSuchContainer:
        raise NoSuchContainer(f'container "{name}" does not exist') from None
    return ContainerSide(rt, name, container_id)


def _copy(copier: Copier, found: Found, path: str, place: Target, where: str) -> None:
    if found.is_directory and not place.is_directory:
        raise PolypodError("destination must be a directory when copying a directory")
    words = f"copying to {where.partition(' ')[0] if where != 'the host' else 'host'}"
    try:
        if found.is_directory and not place.name and _means_content(found, path):
            copier.content(found.fd, place.directory, place.shown)
            return
        name = place.name or os.path.basename(found.path)
        copier.copy(found.fd, place.directory, name, f"{place.shown.rstrip('/')}/{name}")
    except PolypodError as error:
        raise PolypodError(f"{words}: {error}") from None
    except OSError as error:
        raise PolypodError(f"{words}: {error.filename or path}: {(error.strerror or '').lower()}") from error


def _means_content(found: Found, path: str) -> bool:
    return path == "." or path.endswith("/.") or found.path == "/"


def extract(rt: Runtime, stream: BinaryIO, target: tuple[str, str], *, chown: bool) -> None:
    """Put a tar archive, compressed or not, into a directory of a container; else as :func:`copy`."""
    from .tar_in import extract_tar

    with _container(rt, target[0]) as side:
        try:
            place = side.target(target[1])
        except PolypodError:
            raise UsageError("destination must be a directory when copying from stdin") from None
        try:
            if place.name:
                raise UsageError("destination must be a directory when copying from stdin")
            extract_tar(
                stream,
                f"/proc/self/fd/{place.directory}",
                owner=side.owner() if chown else None,
                refusal="source must be a (compressed) tar archive when copying from stdin",
            )
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise StorageError(f"copying to container: {reason}") from error
        finally:
            os.close(place.directory)


def archive(rt: Runtime, source: tuple[str, str], fd: int) -> None:
    """Write a file or directory of a container to an open descriptor, as a tar archive."""
    from ..oci.tarstream_at import write_entry

    with _container(rt, source[0]) as side, side.source(source[1]) as found:
        content = stat.S_ISDIR(os.fstat(found.fd).st_mode) and _means_content(found, source[1])
        name = "." if content else os.path.basename(found.path)
        for piece in write_entry(found.fd, os.fsencode(name)):
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]


def _container(rt: Runtime, name: str) -> ContainerSide:
    side = _side(rt, name)
    if isinstance(side, HostSide):
        raise NoSuchContainer('container "" does not exist')
    return side
