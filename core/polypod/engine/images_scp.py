"""``image scp``: an image between hosts, or between users of this one, by save and load on both sides."""

from __future__ import annotations

import os

from ..errors import PolypodError, UsageError
from .scp_places import Local, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .runtime import Runtime

#: Archives that may travel; the first is the default.
FORMATS = ("docker-archive", "oci-archive")


def scp(
    rt: Runtime,
    source: str,
    target: str,
    format: str,
    progress: Callable[[str], None],
    destinations: Mapping[str, tuple[str, str]] | None = None,
) -> list[str]:
    """Copy one image; returns the names under which it was loaded.

    ``source`` and ``target`` are ``IMAGE`` or ``HOST::IMAGE``. HOST is what ssh(1) takes, ``user@host`` or
    ``ssh://user@host:port``, a name of ``destinations`` (``{name: (URI, identity file)}``), or
    ``user@localhost``, which is a user of this host. An empty ``target`` is this store; an image
    in a target is the name that the copy gets as well. Raises ``UsageError`` and ``PolypodError``.
    """
    given = destinations or {}
    from_place, name = place(rt, source, given)
    to_place, renamed = place(rt, target, given)
    if target and "::" not in target and isinstance(from_place, Local):
        raise UsageError("must specify a destination: invalid argument")
    if isinstance(from_place, Local) and isinstance(to_place, Local):
        raise UsageError("must specify a destination: invalid argument")
    if not name:
        raise UsageError("a source image must be specified: invalid argument")
    archive = os.path.join(rt.settings.engine.image_copy_tmp_dir or "/var/tmp", _temporary_name())
    try:
        from_place.save(name, format, archive, progress)
        loaded = to_place.load(archive, progress)
    finally:
        if os.path.lexists(archive):
            os.unlink(archive)
    if not loaded:
        raise PolypodError(f"{target or 'this store'} did not say what it loaded")
    if renamed:
        to_place.tag(loaded[0], renamed)
        loaded = [renamed]
    return loaded


def _temporary_name() -> str:
    return f"polypod-scp-{os.getpid()}-{os.urandom(4).hex()}.tar"
