"""What the monitor suite works with: one container, its directories, and a runtime to make it."""

from __future__ import annotations

import json
import os
import select
import threading

import pytest

from ..kit.oci_cli import OCIRuntimeCLI
from ..model.runtime import AttachStreams, ExitStatus, MonitorExec, MonitorStart
from . import bundles
from .bundles import eventually

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


class _Crun(OCIRuntimeCLI):
    name = "crun"


class _Runc(OCIRuntimeCLI):
    name = "runc"


def any_runtime(root: Path) -> OCIRuntimeCLI:
    """A runtime that works on this host; skips the test when there is none."""
    from ..errors import DriverUnavailable

    left = "/sys/fs/cgroup/unified/cgroup.controllers"
    hybrid = os.path.exists(left) and open(left, encoding="ascii").read().strip()
    for kind in (_Runc, _Crun) if hybrid else (_Crun, _Runc):
        try:
            return kind(root=str(root))
        except DriverUnavailable:
            continue
    pytest.skip("no OCI runtime is installed")


class Box:
    """One container on its way through a test, with all of its directories."""

    def __init__(self, monitor: Any, runtime: OCIRuntimeCLI, rootfs: Path, base: Path) -> None:
        self.monitor = monitor
        self.runtime = runtime
        self.rootfs = rootfs
        self.base = base
        self.id = bundles.unique_id()
        self.bundle = base / "bundle"
        self.run_dir = base / "run"
        self.log = base / "ctr.log"
        self.exits = str(base / "exits")
        self.persist = str(base / "persist")
        self.pid = 0
        self.monitor_pid = 0
        self._execs = 0

    def request(self, args: tuple[str, ...], memory: int = 0, **changes: Any) -> MonitorStart:
        """A request for a new container; writes its bundle."""
        terminal = changes.get("terminal", False)
        bundles.make_bundle(
            self.bundle, self.rootfs, list(args), terminal=terminal, memory=memory
        )
        return MonitorStart(
            id=self.id,
            name="box",
            bundle=str(self.bundle),
            run_dir=str(self.run_dir),
            exit_dir=self.exits,
            persist_dir=self.persist,
            runtime_argv=self.runtime.runtime_command(),
            log_path=str(self.log),
        ).evolve(**changes)

    def create(self, *args: str, **changes: Any) -> None:
        """Create it through the monitor."""
        started = self.monitor.monitor_start(self.request(args, **changes))
        self.pid, self.monitor_pid = started.pid, started.monitor_pid

    def start(self) -> None:
        """Let it run."""
        self.runtime.runtime_start(self.id)

    def wait(self, timeout: float = 30.0) -> ExitStatus:
        """Its exit status."""
        found = self.monitor.monitor_wait(self.id, self.exits, self.persist, self.pid, timeout)
        assert isinstance(found, ExitStatus), found
        return found

    def attach(self, stdin: int = -1, **changes: Any) -> tuple[str, bytes, bytes]:
        """Attach, start, and collect what comes until the end: outcome, stdout, stderr."""
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        outcome: list[str] = []
        streams = AttachStreams(stdin=stdin, stdout=out_w, stderr=err_w).evolve(**changes)

        def work() -> None:
            try:
                outcome.append(
                    self.monitor.monitor_attach(str(self.run_dir), streams, self.start)
                )
            finally:
                os.close(out_w)
                os.close(err_w)

        thread = threading.Thread(target=work)
        thread.start()
        out, err = _drain(out_r, err_r)
        thread.join()
        assert outcome, "attach failed"
        return outcome[0], out, err

    def exec_request(self, *args: str, **changes: Any) -> MonitorExec:
        """A request for one more process."""
        self._execs += 1
        place = self.base / f"exec{self._execs}"
        place.mkdir()
        document = bundles.process(list(args), terminal=changes.get("terminal", False))
        (place / "process.json").write_text(json.dumps(document))
        return MonitorExec(
            container_id=self.id,
            exec_id=bundles.unique_id(),
            bundle=str(place),
            container_bundle=str(self.bundle),
            exit_dir=str(place / "exits"),
            persist_dir=str(place / "persist"),
            runtime_argv=self.runtime.runtime_command(),
            process_path=str(place / "process.json"),
        ).evolve(**changes)

    def execute(self, *args: str, stdin: bytes | None = None) -> tuple[int, bytes, bytes]:
        """Run a process attached: exit code, stdout, stderr."""
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        in_r = -1
        if stdin is not None:
            in_r, in_w = os.pipe()
            os.write(in_w, stdin)
            os.close(in_w)
        request = self.exec_request(*args, stdin=stdin is not None)
        streams = AttachStreams(stdin=in_r, stdout=out_w, stderr=err_w)
        code: list[int] = []

        def work() -> None:
            try:
                code.append(self.monitor.monitor_exec(request, streams)[1])
            finally:
                os.close(out_w)
                os.close(err_w)

        thread = threading.Thread(target=work)
        thread.start()
        out, err = _drain(out_r, err_r)
        thread.join()
        if in_r >= 0:
            os.close(in_r)
        assert code, "exec failed"
        return code[0], out, err

    def logged(self) -> list[tuple[str, str, str]]:
        """The log: stream, F or P, text."""
        lines = self.log.read_text().splitlines()
        return [tuple(line.split(" ", 3)[1:]) for line in lines]  # type: ignore[misc]

    def destroy(self) -> None:
        """Leave nothing."""
        self.runtime.runtime_delete(self.id, True)
        if self.monitor_pid:
            eventually(lambda: not bundles.processes_with(self.id))


def _drain(*fds: int) -> list[bytes]:
    """Read pipes to their ends, all at once; closes them."""
    collected = {fd: bytearray() for fd in fds}
    left = set(fds)
    while left:
        for fd in select.select(list(left), [], [])[0]:
            data = os.read(fd, 1 << 16)
            collected[fd] += data
            if not data:
                left.discard(fd)
                os.close(fd)
    return [bytes(collected[fd]) for fd in fds]
