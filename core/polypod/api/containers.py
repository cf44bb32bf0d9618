"""``engine.containers`` and what it gives: one object a container."""

from __future__ import annotations

import os

from ..errors import NoSuchContainer
from ..model.container import ContainerCreate, Lifecycle, Process
from .results import ExecResult, RunResult
from .streams import Captured, streamed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from typing import Any, Self

    from ..engine.runtime import Runtime
    from ..model.log import LogLine
    from ..model.stats import ContainerStats


class Containers:
    """The containers of an engine."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    def create(
        self,
        image: str,
        command: Sequence[str] = (),
        *,
        name: str = "",
        env: dict[str, str] | None = None,
        remove: bool = False,
        stdin: bool = False,
        request: ContainerCreate | None = None,
    ) -> Container:
        """Make a container without starting it.

        ``request`` carries everything else that ``podman create`` has flags for
        (:class:`polypod.model.container.ContainerCreate`); the other arguments go over it.
        Raises ``NoSuchImage``, ``AlreadyExists``, ``UsageError``.
        """
        from ..engine.create import create

        made = create(self._rt, _request(image, command, name, env, remove, stdin, request))
        return Container(self._rt, made.id)

    def run(
        self,
        image: str,
        command: Sequence[str] = (),
        *,
        name: str = "",
        env: dict[str, str] | None = None,
        remove: bool = False,
        stdin: bytes | None = None,
        request: ContainerCreate | None = None,
    ) -> RunResult:
        """Run a container to its end and return its output and exit code.

        ``stdin`` is given to it, then closed. A command that fails is no error here; see
        ``RunResult.check``. Raises ``CommandNotFound`` when there is no such command.
        """
        from ..engine.run import run

        wanted = _request(image, command, name, env, remove, stdin is not None, request)
        with Captured(stdin) as captured:
            made, code = run(self._rt, wanted, captured.streams)
            return RunResult(
                exit_code=code,
                stdout=captured.stdout,
                stderr=captured.stderr,
                container_id=made.id,
            )

    def start(
        self,
        image: str,
        command: Sequence[str] = (),
        *,
        name: str = "",
        env: dict[str, str] | None = None,
        remove: bool = False,
        request: ContainerCreate | None = None,
    ) -> Container:
        """Run a container in the background (``run --detach``)."""
        from ..engine.run import run

        made, _ = run(self._rt, _request(image, command, name, env, remove, False, request), None)
        return Container(self._rt, made.id)

    def get(self, ref: str) -> Container:
        """A container by name, ID or unambiguous ID prefix; raises ``NoSuchContainer``."""
        return Container(self._rt, self._rt.records.containers.find(ref))

    def exists(self, ref: str) -> bool:
        """Whether there is such a container."""
        try:
            self._rt.records.containers.find(ref)
        except NoSuchContainer:
            return False
        return True

    def list(self, *, all: bool = False, filters: Sequence[str] = ()) -> list[Container]:
        """Running containers, or all; ``filters`` as ``ps --filter`` has them (``"label=a=b"``)."""
        from ..engine.listing import list_containers

        rows = list_containers(self._rt, filters=[*filters], all=all)
        return [Container(self._rt, row.id) for row in rows]


class Container:
    """One container. As a context manager it is removed, by force, at the end of the block."""

    def __init__(self, rt: Runtime, id: str) -> None:
        self._rt = rt
        self.id = id

    def __repr__(self) -> str:
        return f"<Container {self.id[:12]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Container) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.remove(force=True, volumes=True, timeout=0)
        except NoSuchContainer:
            return  # a --rm container that has gone by itself

    @property
    def name(self) -> str:
        """Its name."""
        return self._rt.records.containers.get(self.id).name

    @property
    def status(self) -> str:
        """created, initialized, running, paused, stopping, exited or removing."""
        from ..engine.states import shown
        from ..engine.sync import refresh

        state, _ = self._rt.records.containers.state(self.id)
        return shown(refresh(self._rt, self.id, state).status)

    def inspect(self, *, size: bool = False) -> dict[str, Any]:
        """Everything about it, as ``podman inspect`` prints it."""
        from ..engine.inspect import inspect_container

        return inspect_container(self._rt, self.id, size=size)

    def start(self) -> None:
        """Start it; nothing happens when it runs."""
        from ..engine.start import start

        start(self._rt, self.id)

    def stop(self, *, timeout: int | None = None) -> None:
        """Stop it; ``timeout`` seconds after the stop signal it is killed."""
        from ..engine.stop import stop

        stop(self._rt, self.id, timeout)

    def restart(self, *, timeout: int | None = None) -> None:
        """Stop it and start it again."""
        from ..engine.restart import restart

        restart(self._rt, self.id, timeout)

    def kill(self, signal: int | str = "KILL") -> None:
        """Send a signal, by number or name."""
        from ..engine.kill import kill
        from ..engine.signals import parse_signal

        kill(self._rt, self.id, parse_signal(str(signal)))

    def pause(self) -> None:
        """Freeze its processes."""
        from ..engine.kill import pause

        pause(self._rt, self.id)

    def unpause(self) -> None:
        """Thaw them."""
        from ..engine.kill import unpause

        unpause(self._rt, self.id)

    def rename(self, name: str) -> None:
        """Give it another name."""
        from ..engine.rename import rename

        rename(self._rt, self.id, name)

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        from ..engine.wait import wait

        return wait(self._rt, self.id)

    def update(self, **resources: Any) -> None:
        """Change limits at once; the names are the fields of :class:`~polypod.model.container.Resources`."""
        from ..engine.update import Update, update

        update(self._rt, self.id, Update(resources=resources))

    def stats(self, previous: ContainerStats | None = None) -> ContainerStats:
        """What it uses of the host; the CPU's share is that since ``previous``, or since the start."""
        from ..engine.stats import stats

        return stats(self._rt, self.id, previous)

    def processes(self) -> list[dict[str, Any]]:
        """Its processes, one dict of ``top``'s descriptors each, the first process first."""
        from ..engine.top import processes

        return processes(self._rt, self.id)

    def changes(self) -> list[tuple[str, str]]:
        """What it has changed in its file system: ("A", "C" or "D", path)."""
        from ..engine.diff import diff

        return diff(self._rt, self.id, kinds=("container",))

    def copy_in(self, source: str, target: str, *, chown: bool = True, overwrite: bool = False) -> None:
        """Copy a file or directory of the host into it, as ``cp`` does."""
        from ..engine.cp import copy

        copy(self._rt, ("", source), (self.id, target), chown=chown, overwrite=overwrite)

    def copy_out(self, source: str, target: str, *, overwrite: bool = False) -> None:
        """Copy a file or directory of it to the host, as ``cp`` does."""
        from ..engine.cp import copy

        copy(self._rt, (self.id, source), ("", target), chown=True, overwrite=overwrite)

    def remove(
        self, *, force: bool = False, volumes: bool = False, timeout: int | None = None
    ) -> None:
        """Remove it; ``force`` stops it first, ``volumes`` takes its anonymous volumes along."""
        from ..engine.remove import remove

        remove(self._rt, self.id, force=force, volumes=volumes, timeout=timeout)

    def exec(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        user: str = "",
        workdir: str = "",
        privileged: bool = False,
        stdin: bytes | None = None,
    ) -> ExecResult:
        """Run one more process in it and return its output and exit code."""
        from ..engine.exec import ExecRequest, exec_in

        request = ExecRequest(
            command=tuple(command), env=env or {}, user=user, workdir=workdir,
            privileged=privileged, stdin=stdin is not None,
        )  # fmt: skip
        with Captured(stdin) as captured:
            code, _ = exec_in(self._rt, self.id, request, captured.streams)
            return ExecResult(exit_code=code, stdout=captured.stdout, stderr=captured.stderr)

    def exec_stream(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        user: str = "",
        workdir: str = "",
        stdin: bytes | None = None,
    ) -> Generator[tuple[str, bytes], None, int]:
        """Like :meth:`exec`, but yield ``("stdout"|"stderr", data)`` while the process runs.

        The generator's return value is the exit code: ``code = yield from container.exec_stream(...)``.
        """
        from ..engine.exec import ExecRequest, exec_in

        request = ExecRequest(
            command=tuple(command), env=env or {}, user=user, workdir=workdir,
            stdin=stdin is not None,
        )  # fmt: skip
        return streamed(
            lambda streams: exec_in(self._rt, self.id, request, streams)[0], stdin
        )

    def exec_detached(self, command: Sequence[str], *, user: str = "", workdir: str = "") -> str:
        """Start one more process and leave it running; returns the session's ID."""
        from ..engine.exec import ExecRequest, exec_in

        request = ExecRequest(command=tuple(command), user=user, workdir=workdir)
        return exec_in(self._rt, self.id, request, None)[1]

    def logs(
        self, *, follow: bool = False, tail: int = -1, since: float = 0.0, until: float = 0.0
    ) -> Iterator[LogLine]:
        """Its output, line by line; with ``follow`` until it ends. Times are Unix seconds."""
        from ..engine.logs import lines
        from ..model.log import LogOptions

        options = LogOptions(follow=follow, tail=tail, since=since, until=until)
        return lines(self._rt, self.id, options)

    def attach(self) -> Generator[tuple[str, bytes], None, int]:
        """What it writes from now on, as ``("stdout"|"stderr", data)``, until it ends."""
        from ..engine.attach import attach

        return streamed(
            lambda streams: attach(self._rt, self.id, streams, proxy_signals=False), None
        )


def _request(
    image: str,
    command: Sequence[str],
    name: str,
    env: dict[str, str] | None,
    remove: bool,
    stdin: bool,
    request: ContainerCreate | None,
) -> ContainerCreate:
    base = request if request is not None else ContainerCreate()
    process: Process = base.process
    lifecycle: Lifecycle = base.lifecycle
    if command:
        process = process.evolve(command=tuple(command))
    if env:
        process = process.evolve(env={**process.env, **env})
    if stdin:
        process = process.evolve(stdin=True)
    if remove:
        lifecycle = lifecycle.evolve(remove=True)
    return base.evolve(
        image=image or base.image,
        name=name or base.name,
        process=process,
        lifecycle=lifecycle,
        create_command=base.create_command or ("polypod.Engine", f"pid={os.getpid()}"),
    )
