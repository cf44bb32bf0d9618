"""Everything that an OCI runtime with the usual command line needs to be a plugin.

A plugin subclasses :class:`OCIRuntimeCLI`, sets ``name`` and overrides what its
runtime does differently. The hooks are those of ``polypod.spec.runtime``.
"""

from __future__ import annotations

import os

from ..errors import DriverUnavailable, InvalidState
from ..model.runtime import RuntimeFeatures, RuntimeState
from ..model.struct import Struct
from ..spec.markers import hookimpl
from . import fastjson
from .oci_errors import messages, runtime_error
from .spawn import Result, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, ClassVar

#: What runtimes say when they do not know a container.
_ABSENT = ("does not exist", "no such file or directory", "not found", "no such container")
#: What they say when its process cannot be signalled any more.
_GONE = ("no such process", "not running", "already finished", "cannot be killed", "stopped")
#: Subcommands that not every runtime has.
OPTIONAL = ("pause", "resume", "update", "ps", "checkpoint", "restore")


class RuntimeConfig(Struct):
    """The plugin's table in polypod.conf."""

    path: str = ""  # absolute path of the binary; empty: look for it
    flags: tuple[str, ...] = ()  # global flags before those of --runtime-flag
    timeout: float = 120.0  # seconds after which a call of the runtime is given up


class OCIRuntimeCLI:
    """An OCI runtime called by its command line.

    ``name`` is the binary's name and stands at the head of its errors; ``candidates`` are the
    absolute paths tried before $PATH.
    """

    Config: ClassVar[type[RuntimeConfig]] = RuntimeConfig
    name: ClassVar[str] = ""
    candidates: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        *,
        config: Any = None,
        path: str = "",
        flags: Sequence[str] = (),
        root: str = "",
        cgroup_manager: str = "cgroupfs",
    ) -> None:
        self.config: Any = config if config is not None else self.Config()
        self.path = self.find(path or self.config.path)
        self.flags = (*self.config.flags, *flags)
        self.root = root
        self.cgroup_manager = cgroup_manager
        self._command = (self.path, *self.global_flags())

    # For subclasses ------------------------------------------------------

    def global_flags(self) -> tuple[str, ...]:
        """Flags before the subcommand: state directory, cgroup manager, the user's."""
        root = ("--root", self.root) if self.root else ()
        systemd = ("--systemd-cgroup",) if self.cgroup_manager == "systemd" else ()
        return (*root, *systemd, *(_dashed(flag) for flag in self.flags))

    def delete_flags(self, force: bool) -> tuple[str, ...]:
        """Flags of ``delete``."""
        return ("--force",) if force else ()

    def kill_flags(self, all: bool) -> tuple[str, ...]:
        """Flags of ``kill``."""
        return ("--all",) if all else ()

    def parse_ps(self, output: str) -> list[int]:
        """PIDs from the output of ``ps --format json ID``."""
        return [int(pid) for pid in fastjson.loads(output) or ()]

    def label(self) -> str:
        """The name that errors begin with."""
        return self.name or os.path.basename(self.path)

    def find(self, path: str) -> str:
        """The binary's absolute path; raise ``DriverUnavailable`` when there is none."""
        if "/" in path:
            if _executable(path):
                return path
            raise DriverUnavailable(f"OCI runtime {path} is not an executable file")
        wanted = path or self.name
        search = os.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin"
        tried = [c for c in self.candidates if not path]
        tried += [f"{place}/{wanted}" for place in search.split(":") if place.startswith("/")]
        tried += [f"{place}/{wanted}" for place in ("/usr/sbin", "/usr/local/sbin", "/sbin")]
        for candidate in tried:
            if _executable(candidate):
                return candidate
        places = ", ".join(dict.fromkeys(os.path.dirname(c) for c in tried))
        raise DriverUnavailable(
            f"OCI runtime {wanted} was not found in {places}: install it,"
            " or give its path in engine.runtimes of containers.conf"
        )

    def call(self, *args: str, input: bytes = b"") -> Result:
        """Run a subcommand; the caller judges the result."""
        return run(
            (*self._command, *args), env=small_env(), input=input, timeout=self.config.timeout
        )

    def checked(self, *args: str, input: bytes = b"") -> Result:
        """Run a subcommand; raise ``RuntimeFailure`` when it fails."""
        result = self.call(*args, input=input)
        if result.code:
            raise runtime_error(self.label(), result.stderr.decode(errors="replace"))
        return result

    # The hooks -----------------------------------------------------------

    @hookimpl
    def runtime_command(self) -> tuple[str, ...]:
        """See ``polypod.spec.runtime``."""
        return self._command

    @hookimpl
    def runtime_start(self, id: str) -> bool:
        """See ``polypod.spec.runtime``."""
        self.checked("start", id)
        return True

    @hookimpl
    def runtime_state(self, id: str) -> RuntimeState:
        """See ``polypod.spec.runtime``."""
        result = self.call("state", id)
        if result.code:
            said = result.stderr.decode(errors="replace")
            if _says(said, _ABSENT):
                return RuntimeState(status="absent")
            raise runtime_error(self.label(), said)
        state = fastjson.loads(result.stdout)
        return RuntimeState(
            status=str(state.get("status", "")).lower(),
            pid=int(state.get("pid") or 0),
            bundle=str(state.get("bundle", "")),
        )

    @hookimpl
    def runtime_kill(self, id: str, signal: int, all: bool) -> bool:
        """See ``polypod.spec.runtime``."""
        result = self.call("kill", *self.kill_flags(all), id, str(signal))
        if not result.code:
            return True
        said = result.stderr.decode(errors="replace")
        if _says(said, _ABSENT) or _says(said, _GONE):
            return False
        raise runtime_error(self.label(), said)

    @hookimpl
    def runtime_delete(self, id: str, force: bool) -> bool:
        """See ``polypod.spec.runtime``."""
        result = self.call("delete", *self.delete_flags(force), id)
        said = result.stderr.decode(errors="replace")
        if result.code and not _says(said, _ABSENT):
            raise runtime_error(self.label(), said)
        return True

    @hookimpl
    def runtime_pause(self, id: str) -> bool:
        """See ``polypod.spec.runtime``."""
        self._optional("pause")
        self.checked("pause", id)
        return True

    @hookimpl
    def runtime_resume(self, id: str) -> bool:
        """See ``polypod.spec.runtime``."""
        self._optional("resume")
        self.checked("resume", id)
        return True

    @hookimpl
    def runtime_update(self, id: str, resources: dict[str, Any]) -> bool:
        """See ``polypod.spec.runtime``."""
        self._optional("update")
        self.checked("update", "--resources", "-", id, input=fastjson.dumps(resources).encode())
        return True

    @hookimpl
    def runtime_ps(self, id: str) -> list[int]:
        """See ``polypod.spec.runtime``."""
        self._optional("ps")
        result = self.checked("ps", "--format", "json", id)
        return self.parse_ps(result.stdout.decode())

    @hookimpl
    def runtime_features(self) -> RuntimeFeatures:
        """See ``polypod.spec.runtime``; asked once for each build of the binary."""
        from .oci_features import features

        return features(self)

    def _optional(self, command: str) -> None:
        if command not in self.runtime_features().commands:
            raise InvalidState(f"OCI runtime {self.label()} has no command {command!r}")


def small_env() -> dict[str, str]:
    """The environment that runtimes and monitors get: what they need, nothing of the user's."""
    env = {}
    for name in _PASSED:
        value = os.environ.get(name)
        if value is not None:
            env[name] = value
    env.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return env


_PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "_CONTAINERS_USERNS_CONFIGURED",
    "_CONTAINERS_ROOTLESS_UID",
)


def _dashed(flag: str) -> str:
    """``--runtime-flag log-level=debug`` comes without its dashes."""
    return flag if flag.startswith("-") else "--" + flag


def _executable(path: str) -> bool:
    return os.access(path, os.X_OK) and not os.path.isdir(path)


def _says(text: str, needles: tuple[str, ...]) -> bool:
    lowered = " ".join(messages(text)).lower()
    return any(needle in lowered for needle in needles)
