"""Where ``image scp`` takes images from and brings them to."""

from __future__ import annotations

import os

from ..errors import PolypodError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO, Protocol

    from .runtime import Runtime

    class Place(Protocol):
        """A store that can be saved from and loaded into."""

        def save(
            self, name: str, format: str, archive: str, progress: Callable[[str], None]
        ) -> None:
            """Write an image to a new file of this host."""

        def load(self, archive: str, progress: Callable[[str], None]) -> list[str]:
            """Load a file of this host; the names of what was in it."""

        def tag(self, name: str, new: str) -> None:
            """Give an image one more name."""


def place(
    rt: Runtime, text: str, destinations: Mapping[str, tuple[str, str]]
) -> tuple[Place, str]:
    """``[HOST::]IMAGE`` as a place and the image's name there."""
    host, mark, name = text.partition("::")
    if not mark:
        return Local(rt), text
    if host.startswith("-") or not host:
        raise UsageError(f"{host or text} is not a host")
    user, _, domain = host.rpartition("@")
    if domain == "localhost" and user:
        return _user(rt, user), name
    uri, identity = destinations.get(host, (host, ""))
    return Remote(_command(uri, identity), host), name


def _user(rt: Runtime, user: str) -> Place:
    """Another user of this host, or ourselves."""
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"{user}@localhost: no such user") from None
    if entry.pw_uid == os.geteuid():
        return Local(rt)
    switch = ["runuser", "-l", user, "-c"] if os.geteuid() == 0 else ["sudo", "-iu", user, "sh", "-c"]
    return Remote(switch, f"{user}@localhost", rt.cli_argv[0])


def _command(uri: str, identity: str) -> list[str]:
    """The ssh command for a host or a URI; the path of a podman socket in it is left out."""
    scheme, mark, rest = uri.partition("://")
    if mark and scheme != "ssh":
        raise UsageError(f"{uri}: only ssh is supported")
    target = (rest if mark else uri).partition("/")[0]
    if mark or ":" in target:
        target = f"ssh://{target}"
    return ["ssh", *(("-i", identity) if identity else ()), target]


class Local:
    """This engine's own store."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def save(self, name: str, format: str, archive: str, progress: Callable[[str], None]) -> None:
        """See :class:`Place`."""
        from .images_save import SaveOptions, save

        save(self._rt, [name], archive, SaveOptions(format=format), progress)

    def load(self, archive: str, progress: Callable[[str], None]) -> list[str]:
        """See :class:`Place`."""
        from .images_load import load_path

        return load_path(self._rt, archive, progress)

    def tag(self, name: str, new: str) -> None:
        """See :class:`Place`."""
        from .images_names import tag

        tag(self._rt, name, [new])


class Remote:
    """A host by ssh, or another user. ``program`` is the engine there: podman, else polypod, when empty."""

    def __init__(self, switch: list[str], name: str, program: str = "") -> None:
        self._switch = switch
        self._name = name
        self._program = program

    def save(self, name: str, format: str, archive: str, progress: Callable[[str], None]) -> None:
        """See :class:`Place`."""
        with open(archive, "xb") as file:
            self._run(["save", "--quiet", "--format", format, name], stdout=file)

    def load(self, archive: str, progress: Callable[[str], None]) -> list[str]:
        """See :class:`Place`."""
        with open(archive, "rb") as file:
            said = self._run(["load", "--quiet"], stdin=file)
        lines = [line for line in said.splitlines() if line.startswith("Loaded image")]
        return [line.partition(": ")[2].strip() for line in lines]

    def tag(self, name: str, new: str) -> None:
        """See :class:`Place`."""
        self._run(["tag", name, new])

    def _shell(self, words: list[str]) -> str:
        import shlex

        given = shlex.join(words)
        if self._program:
            return f"exec {shlex.quote(self._program)} {given}"
        # On the other host either will do.
        return (
            f"if command -v podman >/dev/null 2>&1; then exec podman {given}; "
            f"else exec polypod {given}; fi"
        )

    def _run(
        self,
        words: list[str],
        *,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> str:
        import subprocess

        command = [*self._switch, self._shell(words)]
        try:
            done = subprocess.run(
                command,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=stdout if stdout is not None else subprocess.PIPE,
                check=False,
            )
        except FileNotFoundError:
            raise PolypodError(
                f"{command[0]} is not installed; it is needed to reach {self._name}"
            ) from None
        if done.returncode:
            raise PolypodError(
                f"{words[0]} on {self._name} by {command[0]} exited with {done.returncode}"
            )
        return (done.stdout or b"").decode("utf-8", "replace")
