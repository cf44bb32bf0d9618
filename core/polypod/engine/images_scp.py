"""``image scp``: an image to or from another host, with ssh and the other's save and load."""

from __future__ import annotations

import os

from ..errors import PolypodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from .runtime import Runtime

#: Archives that may travel; the first is the default.
FORMATS = ("docker-archive", "oci-archive")

#: The engine that is called on the other host: podman, or polypod as its stand-in.
_REMOTE = "podman"


def scp(
    rt: Runtime, source: str, target: str, format: str, progress: Callable[[str], None]
) -> list[str]:
    """Copy one image; returns the names that were loaded here (none when it went away).

    ``source`` and ``target`` are ``IMAGE`` or ``HOST::IMAGE``, HOST being what ssh(1) takes,
    ``user@host`` or ``ssh://user@host:port``; an empty ``target`` is this host.
    """
    from_host, name = _split(source)
    to_host, renamed = _split(target)
    if bool(from_host) == bool(to_host):
        raise UsageError(
            f"{source}: one of source and destination must be another host, written HOST::"
        )
    if renamed:
        raise UsageError(f"{target}: the image keeps its name; give HOST:: alone")
    if not name:
        raise UsageError(f"{source}: no image is named after ::")
    archive = os.path.join(rt.settings.engine.image_copy_tmp_dir or "/var/tmp", _temporary_name())
    try:
        if from_host:
            return _fetch(rt, from_host, name, format, archive, progress)
        _send(rt, to_host, name, format, archive, progress)
        return []
    finally:
        if os.path.lexists(archive):
            os.unlink(archive)


def _split(text: str) -> tuple[str, str]:
    host, mark, name = text.partition("::")
    return (host, name) if mark else ("", text)


def _temporary_name() -> str:
    return f"polypod-scp-{os.getpid()}-{os.urandom(4).hex()}.tar"


def _fetch(
    rt: Runtime, host: str, name: str, format: str, archive: str, progress: Callable[[str], None]
) -> list[str]:
    from .images_load import load_path

    with open(archive, "xb") as file:
        _ssh(host, ["save", "--quiet", "--format", format, name], stdout=file)
    return load_path(rt, archive, progress)


def _send(
    rt: Runtime, host: str, name: str, format: str, archive: str, progress: Callable[[str], None]
) -> None:
    from .images_save import SaveOptions, save

    save(rt, [name], archive, SaveOptions(format=format), progress)
    with open(archive, "rb") as file:
        _ssh(host, ["load", "--quiet"], stdin=file)


def _ssh(
    host: str, words: list[str], *, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None
) -> None:
    import shlex
    import subprocess

    if host.startswith("-"):
        raise UsageError(f"{host} is not a host")
    command = ["ssh", host, shlex.join([_REMOTE, *words])]
    try:
        done = subprocess.run(command, stdin=stdin, stdout=stdout, check=False)
    except FileNotFoundError:
        raise PolypodError("ssh is not installed; install an ssh client (openssh-client)") from None
    if done.returncode:
        raise PolypodError(f"{_REMOTE} {words[0]} on {host} over ssh exited with {done.returncode}")
