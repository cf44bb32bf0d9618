"""Suggestions of paths in images and containers, of kernel settings, of network devices."""

from __future__ import annotations

import os
import stat

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..oci.root_view import View
    from .context import Context


def paths(ctx: Context, image: str, container: str, typed: str) -> list[str]:
    """What ``typed`` may become in an image, or in a container: directories end in a slash.

    A directory without its slash gives what is in it. Links lead nobody out of the root.
    """
    try:
        if container:
            return _of_container(ctx, container, typed)
        return _of_image(ctx, image, typed)
    except (PolypodError, OSError) as error:
        ctx.err(f"[Debug] [Error] {error}")
        return []


def _of_container(ctx: Context, name: str, typed: str) -> list[str]:
    from ..engine.cp_sides import ContainerSide

    with ContainerSide(ctx.rt, name, ctx.rt.records.containers.find(name)) as side:
        return list(_below(side.view, typed))


def _of_image(ctx: Context, name: str, typed: str) -> list[str]:
    from ..oci.root_view import View

    layer = ctx.rt.store.find_image(name).top_layer
    layers = ctx.rt.store.layer_records
    root = layers.mount(layer, read_only=True, label="", options=())
    try:
        return list(_below(View(root), typed))
    finally:
        layers.unmount(layer, force=False)


def _below(view: View, typed: str) -> Iterator[str]:
    directory, prefix = os.path.split(typed)
    lead = typed[: len(typed) - len(prefix)] or ("" if typed else "/")
    with view.find("/" + typed) as whole:
        if typed and not typed.endswith("/") and whole.is_directory:
            directory, prefix, lead = typed, "", f"{typed}/"
    with view.find("/" + directory) as found:
        if not found.is_directory:
            return
        real = os.open(f"/proc/self/fd/{found.fd}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        names = [name for name in sorted(os.listdir(real)) if name.startswith(prefix)]
        if not names and not prefix:
            yield lead  # an empty directory
        for name in names:
            info = os.stat(name, dir_fd=real, follow_symlinks=False)
            yield f"{lead}{name}/" if stat.S_ISDIR(info.st_mode) else f"{lead}{name}"
    finally:
        os.close(real)


def sysctls(typed: str) -> list[str]:
    """Names of kernel settings, dots for slashes, that begin so."""
    found: list[str] = []
    pending = ["/proc/sys"]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.path.removeprefix("/proc/sys/").replace("/", ".")
                if entry.is_dir(follow_symlinks=False):
                    if name.startswith(typed) or typed.startswith(f"{name}."):
                        pending.append(entry.path)
                elif name.startswith(typed):
                    found.append(name)
    return sorted(found)


def interfaces() -> list[str]:
    """The host's network devices."""
    import socket

    return sorted(name for _, name in socket.if_nameindex())
