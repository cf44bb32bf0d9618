"""``--mount type=artifact``: the blobs of an artifact as read-only files in a container."""

from __future__ import annotations

import os
import stat

from ..errors import UsageError
from ..model.container import Mount
from .artifacts import artifact_store, find_entry
from .artifacts_extract import blob_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .runtime import Runtime


def check_artifacts(rt: Runtime, mounts: Iterable[Mount]) -> None:
    """Refuse to create a container whose artifact does not exist (``NoSuchArtifact``)."""
    entries = artifact_store(rt).entries()
    for mount in mounts:
        if mount.type == "artifact":
            find_entry(entries, mount.source)


def artifact_binds(rt: Runtime, mount: Mount, rootfs: str) -> list[Mount]:
    """One read-only bind mount a blob, in place of the artifact's mount.

    The files of the store itself are bound: a removed artifact stays readable as long as the
    container runs. Where a blob goes, podman-run(1) says.
    """
    wanted = dict(option.partition("=")[::2] for option in mount.options)
    title, digest, name = (wanted.get(key, "") for key in ("title", "digest", "name"))
    files = blob_files(rt, mount.source, title=title, digest=digest)
    is_file = _is_file(rootfs, mount.destination)
    if is_file is None and len(files) == 1:
        is_file = True
    if is_file and len(files) > 1:
        raise UsageError(
            f'artifact "{mount.source}" contains more than one blob and container path '
            f'"{mount.destination}" is a file'
        )
    binds = []
    for index, (path, own) in enumerate(files):
        base = own if not name else name if len(files) == 1 else f"{name}-{index}"
        target = mount.destination if is_file else os.path.join(mount.destination, base)
        # Read-only without exception: who writes here changes a blob under its digest.
        binds.append(Mount(type="bind", destination=target, source=path, options=("bind", "ro")))
    return binds


def _is_file(rootfs: str, path: str) -> bool | None:
    """Whether a container's path is something else than a directory; None when it is not there."""
    from ..oci.users import open_in_root

    try:
        fd = open_in_root(rootfs, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return not stat.S_ISDIR(os.fstat(fd).st_mode)
    finally:
        os.close(fd)
