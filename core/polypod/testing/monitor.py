"""The conformance suite of group ``polypod.monitor.v1``.

A monitor plugin's test is a subclass with one fixture::

    class TestConmon(MonitorSuite):
        @pytest.fixture
        def monitor(self):
            return Conmon()

Needs root, busybox-static and an OCI runtime (crun, or else runc).
"""

from __future__ import annotations

import os
import pty
import signal
import termios
import threading

import pytest

from ..errors import CommandNotExecutable, CommandNotFound, RuntimeFailure
from ..kit.tty import set_window_size
from ..model.runtime import AttachStreams
from . import bundles
from .bundles import eventually
from .monitor_box import Box, any_runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from ..kit.oci_cli import OCIRuntimeCLI

_SLEEP = ("/bin/sleep", "1000")


class MonitorSuite:
    """What every monitor driver must do."""

    @pytest.fixture
    def monitor(self) -> Any:
        """The driver under test: override it."""
        raise NotImplementedError

    @pytest.fixture
    def runtime(self, tmp_path: Path) -> OCIRuntimeCLI:
        """The OCI runtime that the monitor calls; may be overridden."""
        root = tmp_path / "rt"
        root.mkdir(mode=0o700)
        return any_runtime(root)

    @pytest.fixture(scope="class")
    @classmethod
    def rootfs(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A root file system that all tests of the class share."""
        return bundles.make_rootfs(tmp_path_factory.mktemp("rootfs"))

    @pytest.fixture
    def box(
        self, monitor: Any, runtime: OCIRuntimeCLI, rootfs: Path, tmp_path: Path
    ) -> Iterator[Box]:
        """A container to be; destroyed after the test."""
        made = Box(monitor, runtime, rootfs, tmp_path)
        yield made
        made.destroy()

    # Life ----------------------------------------------------------------

    def test_created_waits_for_start(self, box: Box) -> None:
        box.create("/bin/true")
        assert box.runtime.runtime_state(box.id).status == "created"
        assert box.runtime.runtime_state(box.id).pid == box.pid
        status = box.monitor.monitor_exit_status(box.id, box.exits, box.persist)
        assert status == 0

    @pytest.mark.parametrize("code", [0, 1, 7, 255])
    def test_exit_code(self, box: Box, code: int) -> None:
        box.create("/bin/sh", "-c", f"exit {code}")
        box.start()
        status = box.wait()
        assert (status.exit_code, status.oom_killed) == (code, False)
        assert status.finished_at > 1_600_000_000
        assert box.monitor.monitor_exit_status(box.id, box.exits, box.persist) == status

    def test_exit_by_signal_is_128_and_more(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        box.runtime.runtime_kill(box.id, signal.SIGKILL, False)
        assert box.wait().exit_code == 137

    def test_wait_by_the_monitors_pid(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "exit 4")
        box.start()
        box.pid = box.monitor_pid
        assert box.wait().exit_code == 4

    def test_wait_gives_up_in_time(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        assert box.monitor.monitor_wait(box.id, box.exits, box.persist, box.pid, 0.05) == 0

    def test_spawn_returns_before_the_outcome(self, box: Box) -> None:
        waiter = box.monitor.monitor_spawn(box.request(("/bin/true",)))
        started = waiter()
        box.monitor_pid = started.monitor_pid
        assert started.pid > 0
        box.start()

    def test_second_life_starts_afresh(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "exit 5")
        box.start()
        assert box.wait().exit_code == 5
        box.runtime.runtime_delete(box.id, True)
        box.create(*_SLEEP)
        assert box.monitor.monitor_exit_status(box.id, box.exits, box.persist) == 0
        box.start()
        box.runtime.runtime_kill(box.id, signal.SIGKILL, False)
        assert box.wait().exit_code == 137

    def test_exit_command_runs_when_it_has_ended(self, box: Box, tmp_path: Path) -> None:
        mark = tmp_path / "mark"
        script = f'cat {box.exits}/{box.id} > {mark}.new; echo " $1" >> {mark}.new; mv {mark}.new {mark}'
        box.create("/bin/sh", "-c", "exit 9", exit_command=("/bin/sh", "-c", script, "x", "arg"))
        box.start()
        box.wait()
        eventually(mark.exists)
        assert mark.read_text() == "9 arg\n"

    def test_timeout_ends_it(self, box: Box) -> None:
        box.create(*_SLEEP, timeout=1)
        box.start()
        box.wait()

    def test_oom_is_noted(self, box: Box) -> None:
        hog = "x=a; while :; do x=$x$x$x$x; done"
        box.create("/bin/sh", "-c", hog, memory=8 << 20)
        box.start()
        status = box.wait(60)
        assert status.oom_killed
        assert status.exit_code == 137

    # Failures ------------------------------------------------------------

    def test_missing_command(self, box: Box) -> None:
        with pytest.raises(CommandNotFound, match="no-such-command"):
            box.create("no-such-command")
        self.nothing_left(box)

    def test_command_that_cannot_run(self, box: Box) -> None:
        with pytest.raises(CommandNotExecutable):
            box.create("/etc")
        self.nothing_left(box)

    def test_broken_bundle(self, box: Box) -> None:
        request = box.request(("/bin/true",))
        (box.bundle / "config.json").write_text("{")
        with pytest.raises(RuntimeFailure):
            box.monitor.monitor_start(request)
        self.nothing_left(box)

    def test_missing_runtime(self, box: Box) -> None:
        request = box.request(("/bin/true",), runtime_argv=("/no/such/runtime",))
        with pytest.raises(RuntimeFailure, match="/no/such/runtime"):
            box.monitor.monitor_start(request)
        self.nothing_left(box)

    def nothing_left(self, box: Box) -> None:
        """Neither monitor nor container."""
        eventually(lambda: not bundles.processes_with(box.id))
        assert box.runtime.runtime_state(box.id).status == "absent"

    def test_monitor_killed(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        os.kill(box.monitor_pid, signal.SIGKILL)
        box.runtime.runtime_kill(box.id, signal.SIGKILL, False)
        assert box.monitor.monitor_wait(box.id, box.exits, box.persist, box.pid, 30) == 0
        assert box.monitor.monitor_resize(str(box.run_dir), 24, 80) is False
        with pytest.raises(RuntimeFailure):
            box.monitor.monitor_attach(str(box.run_dir), AttachStreams(stdout=1), None)

    def test_no_descriptors_leak(self, box: Box) -> None:
        leak_r, leak_w = os.pipe()
        os.set_inheritable(leak_w, True)
        try:
            box.create(*_SLEEP)
        finally:
            os.close(leak_w)
        os.set_blocking(leak_r, True)
        # The write end is closed everywhere, or this would block.
        assert os.read(leak_r, 1) == b""
        os.close(leak_r)
        assert os.getsid(box.monitor_pid) != os.getsid(0)

    # The log -------------------------------------------------------------

    def test_log_content_is_exact(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "echo one; echo two >&2; sleep 0.1; printf part")
        box.start()
        box.wait()
        lines = box.logged()
        assert sorted(lines) == sorted(
            [("stdout", "F", "one"), ("stderr", "F", "two"), ("stdout", "P", "part")]
        )

    def test_log_none(self, box: Box) -> None:
        box.create("/bin/echo", "unseen", log_driver="none")
        box.start()
        box.wait()
        assert not box.log.exists()

    def test_log_is_limited(self, box: Box) -> None:
        box.create("/bin/seq", "1", "5000", log_size_max=10_000)
        box.start()
        box.wait()
        assert box.log.stat().st_size < 20_000
        assert box.logged()[-1] == ("stdout", "F", "5000")

    def test_reopen_log(self, box: Box, tmp_path: Path) -> None:
        box.create("/bin/sh", "-c", "echo before; while [ ! -e /tmp/go ]; do sleep 0.01; done; echo after")
        box.start()
        eventually(lambda: box.log.exists() and "before" in box.log.read_text())
        box.log.rename(tmp_path / "rotated")
        assert box.monitor.monitor_reopen_log(str(box.run_dir)) is True
        eventually(box.log.exists)
        assert box.execute("/bin/sh", "-c", "> /tmp/go")[0] == 0
        box.wait()
        assert box.logged() == [("stdout", "F", "after")]

    def test_passthrough(self, box: Box) -> None:
        out_r, out_w = os.pipe()
        saved = os.dup(1)
        os.dup2(out_w, 1)
        try:
            box.create("/bin/echo", "straight", log_driver="passthrough")
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            os.close(out_w)
        box.start()
        box.wait()
        with os.fdopen(out_r, "rb") as file:
            assert file.read() == b"straight\n"

    # Attach --------------------------------------------------------------

    def test_attach_separates_streams(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "echo out; echo err >&2")
        assert box.attach() == ("ended", b"out\n", b"err\n")
        assert box.wait().exit_code == 0

    def test_attach_passes_stdin_and_its_end(self, box: Box) -> None:
        in_r, in_w = os.pipe()
        os.write(in_w, b"some input\n")
        os.close(in_w)
        box.create("/bin/cat", stdin=True)
        assert box.attach(in_r) == ("ended", b"some input\n", b"")
        os.close(in_r)
        assert box.wait().exit_code == 0

    def test_attach_carries_much_both_ways(self, box: Box) -> None:
        data = os.urandom(1 << 16) * 32
        in_r, in_w = os.pipe()

        def feed() -> None:
            with os.fdopen(in_w, "wb") as file:
                file.write(data)

        feeder = threading.Thread(target=feed)
        feeder.start()
        box.create("/bin/cat", stdin=True, log_driver="none")
        outcome, out, _ = box.attach(in_r)
        feeder.join()
        os.close(in_r)
        assert outcome == "ended"
        assert out == data

    def test_large_output_is_whole(self, box: Box) -> None:
        box.create("/bin/dd", "if=/dev/zero", "bs=65536", "count=800", log_driver="none")
        _, out, _ = box.attach()
        assert len(out) == 800 * 65536
        assert box.wait().exit_code == 0

    def test_reader_that_goes_away_does_not_stop_it(self, box: Box) -> None:
        out_r, out_w = os.pipe()
        os.close(out_r)
        box.create("/bin/seq", "1", "100000")
        streams = AttachStreams(stdout=out_w)
        assert box.monitor.monitor_attach(str(box.run_dir), streams, box.start) == "ended"
        os.close(out_w)
        assert box.wait().exit_code == 0

    def test_failing_start_is_passed_on(self, box: Box) -> None:
        box.create("/bin/true")

        def fail() -> None:
            raise RuntimeFailure("no")

        with pytest.raises(RuntimeFailure, match="no"):
            box.monitor.monitor_attach(str(box.run_dir), AttachStreams(stdout=1), fail)

    def test_detach_keys(self, box: Box) -> None:
        in_r, in_w = os.pipe()
        box.create("/bin/cat", stdin=True, leave_stdin_open=True)
        os.write(in_w, b"abc\x10\x11def")
        outcome, _, _ = box.attach(in_r, detach_keys=b"\x10\x11")
        assert outcome == "detached"
        eventually(lambda: box.log.exists() and "abc" in box.log.read_text())
        assert box.runtime.runtime_state(box.id).status == "running"
        os.close(in_r)
        os.close(in_w)

    def test_several_clients(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.01; done; echo all")
        box.start()
        results: list[bytes] = []

        def follow() -> None:
            out_r, out_w = os.pipe()
            box.monitor.monitor_attach(str(box.run_dir), AttachStreams(stdout=out_w), ready.release)
            os.close(out_w)
            with os.fdopen(out_r, "rb") as file:
                results.append(file.read())

        ready = threading.Semaphore(0)
        threads = [threading.Thread(target=follow) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in threads:
            ready.acquire()
        assert box.execute("/bin/sh", "-c", "> /tmp/go")[0] == 0
        for thread in threads:
            thread.join()
        assert results == [b"all\n"] * 3

    # Terminals -----------------------------------------------------------

    def test_terminal_has_the_size_asked_for(self, box: Box) -> None:
        box.create("/bin/sh", "-c", "stty size; tty", terminal=True)
        assert box.monitor.monitor_resize(str(box.run_dir), 33, 101) is True
        _, out, _ = box.attach()
        assert out == b"33 101\r\n/dev/pts/0\r\n"

    def test_terminal_takes_the_callers_size(self, box: Box) -> None:
        ours, theirs = pty.openpty()
        set_window_size(theirs, 21, 77)
        mode = termios.tcgetattr(theirs)
        box.create("/bin/sh", "-c", "stty size", terminal=True)
        streams = AttachStreams(stdin=theirs, stdout=theirs, terminal=True)
        assert box.monitor.monitor_attach(str(box.run_dir), streams, box.start) == "ended"
        assert termios.tcgetattr(theirs) == mode
        assert b"21 77" in os.read(ours, 1000)
        os.close(ours)
        os.close(theirs)

    def test_terminal_follows_sigwinch(self, box: Box) -> None:
        ours, theirs = pty.openpty()
        set_window_size(theirs, 21, 77)
        script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.01; done"
        box.create("/bin/sh", "-c", script, terminal=True)
        seen = bytearray()

        def resize() -> None:
            while b"ready" not in seen:
                seen.extend(os.read(ours, 1000))
            set_window_size(theirs, 40, 120)
            os.kill(os.getpid(), signal.SIGWINCH)
            while b"40 120" not in seen:
                seen.extend(os.read(ours, 1000))

        watcher = threading.Thread(target=resize)
        watcher.start()
        streams = AttachStreams(stdin=theirs, stdout=theirs, terminal=True)
        assert box.monitor.monitor_attach(str(box.run_dir), streams, box.start) == "ended"
        watcher.join()
        assert b"40 120" in seen
        os.close(ours)
        os.close(theirs)

    # Exec ----------------------------------------------------------------

    def test_exec_streams_and_code(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        assert box.execute("/bin/sh", "-c", "echo out; echo err >&2; exit 5") == (
            5, b"out\n", b"err\n",
        )  # fmt: skip
        assert box.execute("/bin/cat", stdin=b"typed\n") == (0, b"typed\n", b"")

    def test_exec_with_terminal(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        ours, theirs = pty.openpty()
        set_window_size(theirs, 30, 90)
        # The process may run before the monitor has set the size (process.json can hold it, too).
        script = 'until [ "$(stty size)" = "30 90" ]; do sleep 0.01; done; stty size; exit 6'
        request = box.exec_request("/bin/sh", "-c", script, terminal=True)
        streams = AttachStreams(stdin=theirs, stdout=theirs, terminal=True)
        pid, code = box.monitor.monitor_exec(request, streams)
        assert pid > 0
        assert code == 6
        assert b"30 90" in os.read(ours, 1000)
        os.close(ours)
        os.close(theirs)

    def test_exec_detached(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        pid, code = box.monitor.monitor_exec(box.exec_request("/bin/sleep", "999"), None)
        assert code == -1
        # The process is there at once; its program may still be on the way.
        eventually(lambda: pid in bundles.processes_with("999"))

    def test_exec_detach_keys(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        in_r, in_w = os.pipe()
        os.write(in_w, b"\x10\x11")
        streams = AttachStreams(stdin=in_r, stdout=-1, stderr=-1, detach_keys=b"\x10\x11")
        pid, code = box.monitor.monitor_exec(box.exec_request("/bin/cat", stdin=True), streams)
        assert code == -2
        assert pid > 0
        os.close(in_r)
        os.close(in_w)

    @pytest.mark.parametrize("attached", [True, False])
    def test_exec_failures(self, box: Box, attached: bool) -> None:
        box.create(*_SLEEP)
        box.start()
        streams = AttachStreams() if attached else None
        with pytest.raises(CommandNotFound):
            box.monitor.monitor_exec(box.exec_request("no-such-command"), streams)
        with pytest.raises(CommandNotExecutable):
            box.monitor.monitor_exec(box.exec_request("/etc"), streams)
        box.runtime.runtime_kill(box.id, signal.SIGKILL, False)
        box.wait()
        with pytest.raises(RuntimeFailure):
            box.monitor.monitor_exec(box.exec_request("/bin/true"), streams)

    def test_exec_leaves_no_monitor(self, box: Box) -> None:
        box.create(*_SLEEP)
        box.start()
        request = box.exec_request("/bin/true")
        box.monitor.monitor_exec(request, AttachStreams())
        eventually(lambda: not bundles.processes_with(request.exec_id))

    def test_info(self, monitor: Any) -> None:
        facts = monitor.monitor_info()
        assert os.access(facts["path"], os.X_OK)
        assert facts["version"]
