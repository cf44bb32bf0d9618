"""The conformance suite of group ``polypod.runtime.v1``.

A runtime plugin's test is a subclass with one fixture::

    class TestCrun(RuntimeSuite):
        @pytest.fixture
        def driver(self, runtime_root):
            return Crun(root=str(runtime_root))

Needs root, busybox-static and the runtime's binary. Containers are created by the
runtime's own ``create``, as a monitor would do it.
"""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from ..errors import CommandNotExecutable, CommandNotFound, InvalidState, RuntimeFailure
from ..kit.oci_errors import runtime_error
from . import bundles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    Create = Callable[..., str]


class RuntimeSuite:
    """What every runtime driver must do."""

    @pytest.fixture
    def driver(self, runtime_root: Path) -> Any:
        """The driver under test, with ``runtime_root`` as its state directory: override it."""
        raise NotImplementedError

    @pytest.fixture
    def runtime_root(self, tmp_path: Path) -> Path:
        """The runtime's state directory; short, because sockets lie in it."""
        path = tmp_path / "rt"
        path.mkdir(mode=0o700)
        return path

    @pytest.fixture(scope="class")
    @classmethod
    def rootfs(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A root file system that all tests of the class share."""
        return bundles.make_rootfs(tmp_path_factory.mktemp("rootfs"))

    @pytest.fixture
    def create(self, driver: Any, rootfs: Path, tmp_path: Path) -> Iterator[Create]:
        """``create(args...)`` makes a container that waits for start; gone after the test."""
        made: list[str] = []

        def make(*args: str) -> str:
            id = bundles.unique_id()
            bundle = bundles.make_bundle(tmp_path / id[:12], rootfs, list(args))
            made.append(id)
            run_create(driver, id, bundle)
            return id

        yield make
        for id in made:
            driver.runtime_delete(id, True)

    def test_command_begins_with_an_absolute_path(self, driver: Any) -> None:
        command = driver.runtime_command()
        assert isinstance(command, tuple)
        assert os.path.isabs(command[0])
        assert os.access(command[0], os.X_OK)

    def test_features_name_version_and_commands(self, driver: Any) -> None:
        features = driver.runtime_features()
        assert features.name
        assert features.path == driver.runtime_command()[0]
        assert any(character.isdigit() for character in features.version)
        assert set(features.commands) <= {
            "pause", "resume", "update", "ps", "checkpoint", "restore",
        }  # fmt: skip
        assert driver.runtime_features() == features

    def test_unknown_container_is_absent(self, driver: Any) -> None:
        assert driver.runtime_state(bundles.unique_id()).status == "absent"

    def test_life(self, driver: Any, create: Create) -> None:
        id = create("/bin/sleep", "1000")
        created = driver.runtime_state(id)
        assert created.status == "created"
        assert created.pid > 0
        assert driver.runtime_start(id) is True
        running = driver.runtime_state(id)
        assert (running.status, running.pid) == ("running", created.pid)
        assert driver.runtime_kill(id, signal.SIGKILL, False) is True
        bundles.eventually(lambda: driver.runtime_state(id).status == "stopped")
        assert driver.runtime_delete(id, False) is True
        assert driver.runtime_state(id).status == "absent"

    def test_start_twice_fails(self, driver: Any, create: Create) -> None:
        id = create("/bin/sleep", "1000")
        driver.runtime_start(id)
        with pytest.raises(RuntimeFailure) as caught:
            driver.runtime_start(id)
        assert "\n" not in str(caught.value)

    def test_start_of_unknown_fails(self, driver: Any) -> None:
        with pytest.raises(RuntimeFailure):
            driver.runtime_start(bundles.unique_id())

    def test_signal_reaches_the_process(self, driver: Any, create: Create, tmp_path: Path) -> None:
        id = create("/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done")
        driver.runtime_start(id)
        pid = driver.runtime_state(id).pid
        bundles.eventually(lambda: catches(pid, signal.SIGTERM))
        assert driver.runtime_kill(id, signal.SIGTERM, False)
        bundles.eventually(lambda: driver.runtime_state(id).status == "stopped")

    def test_kill_of_what_is_gone_is_false(self, driver: Any, create: Create) -> None:
        id = create("/bin/true")
        driver.runtime_start(id)
        bundles.eventually(lambda: driver.runtime_state(id).status == "stopped")
        driver.runtime_delete(id, False)
        assert driver.runtime_kill(id, signal.SIGTERM, False) is False

    def test_delete_is_idempotent(self, driver: Any, create: Create) -> None:
        id = create("/bin/sleep", "1000")
        driver.runtime_start(id)
        assert driver.runtime_delete(id, True) is True
        assert driver.runtime_delete(id, True) is True
        assert driver.runtime_delete(id, False) is True

    def test_delete_of_running_needs_force(self, driver: Any, create: Create) -> None:
        id = create("/bin/sleep", "1000")
        driver.runtime_start(id)
        with pytest.raises(RuntimeFailure):
            driver.runtime_delete(id, False)
        assert driver.runtime_state(id).status == "running"

    def test_pause_and_resume(self, driver: Any, create: Create) -> None:
        if "pause" not in driver.runtime_features().commands:
            with pytest.raises(InvalidState):
                driver.runtime_pause("x")
            return
        id = create("/bin/sleep", "1000")
        driver.runtime_start(id)
        assert driver.runtime_pause(id) is True
        assert driver.runtime_state(id).status == "paused"
        assert driver.runtime_resume(id) is True
        assert driver.runtime_state(id).status == "running"

    def test_ps_lists_host_pids(self, driver: Any, create: Create) -> None:
        if "ps" not in driver.runtime_features().commands:
            with pytest.raises(InvalidState):
                driver.runtime_ps("x")
            return
        id = create("/bin/sh", "-c", "sleep 1000 & wait")
        driver.runtime_start(id)
        pids = bundles.eventually(lambda: two_of(driver.runtime_ps(id)))
        assert driver.runtime_state(id).pid in pids

    def test_update_changes_a_limit(self, driver: Any, create: Create) -> None:
        if "update" not in driver.runtime_features().commands:
            with pytest.raises(InvalidState):
                driver.runtime_update("x", {})
            return
        id = create("/bin/sleep", "1000")
        driver.runtime_start(id)
        limit = 64 << 20
        assert driver.runtime_update(id, {"memory": {"limit": limit, "swap": limit}}) is True
        assert memory_limit(driver.runtime_state(id).pid) == limit

    @pytest.mark.parametrize("command", ["no-such-command", "/bin/no-such-command"])
    def test_missing_command(self, driver: Any, create: Create, command: str) -> None:
        with pytest.raises(CommandNotFound) as caught:
            create(command)
        text = str(caught.value)
        assert text.endswith("OCI runtime attempted to invoke a command that was not found")
        assert command in text

    @pytest.mark.parametrize("command", ["/etc", "/etc/plain"])
    def test_command_that_cannot_run(self, driver: Any, create: Create, command: str) -> None:
        with pytest.raises(CommandNotExecutable) as caught:
            create(command)
        assert caught.value.exit_code == 126
        assert "\n" not in str(caught.value)


def run_create(driver: Any, id: str, bundle: Path) -> None:
    """``RUNTIME create`` as a monitor does it; raises the error made of what the runtime says."""
    log = bundle / "oci-log"
    command = [*driver.runtime_command(), f"--log={log}", "--log-format=json"]
    with (bundle / "stderr").open("wb") as stderr:
        done = subprocess.run(
            [*command, "create", "--bundle", str(bundle), "--pid-file", str(bundle / "pid"), id],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            check=False,
        )
    if done.returncode:
        said = log.read_text() if log.exists() else ""
        name = os.path.basename(command[0])
        raise runtime_error(name, said or (bundle / "stderr").read_text())


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def two_of(pids: list[int]) -> list[int]:
    """The list once it has two members: the shell and its child."""
    return pids if len(pids) >= 2 else []


def memory_limit(pid: int) -> int:
    """The memory limit of a process' cgroup in bytes, v1 or v2."""
    with open(f"/proc/{pid}/cgroup", encoding="ascii") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if "memory" in controllers.split(","):
                place = f"/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"
                break
            place = f"/sys/fs/cgroup{path}/memory.max"
    with open(place, encoding="ascii") as file:
        return int(file.read())
