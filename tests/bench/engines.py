"""The engines under measurement, each with its own stores in the bench's folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cases import BACKENDS, IMAGE, NO_NETWORK, Case, Command
from material import crun_bundle
from measure import Clock, Sample, cpu_seconds, processes, settle

CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
"""


def environment(folder: Path) -> dict[str, str]:
    """The environment of every measured command: nothing of the caller's but PATH and HOME."""
    conf = folder / "containers.conf"
    conf.write_text(CONTAINERS_CONF)
    return {
        "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        "HOME": os.environ.get("HOME", "/root"),
        "LANG": "C.UTF-8",
        "CONTAINERS_CONF": str(conf),
        "POLYPOD_CACHE_DIR": str(folder / "cache"),
    }


def launcher() -> str:
    """The polypod beside this interpreter. Raises ``FileNotFoundError``."""
    path = Path(sys.executable).parent / "polypod"
    if not path.exists():
        raise FileNotFoundError(f"no polypod beside {sys.executable}: install it there")
    return str(path)


class CLI:
    """polypod or podman by its command line."""

    def __init__(self, name: str, program: str, folder: Path, clock: Clock, mark: str = "") -> None:
        self.name = name
        self.clock = clock
        self._mark = mark  # tells two engines of one name apart
        self._program = program
        self._folder = folder / name
        self.words: dict[str, str] = {}

    def roots(self, store: str) -> tuple[str, str]:
        """Graph root and run root of one of the stores.

        The run root is on the private /run wherever the stores are, as on any host; podman
        wants it shorter than 50 characters.
        """
        return str(self._folder / store), f"/run/{self.name}{self._mark}-{store}"

    def argv(self, store: str, args: Command, backend: str = "") -> list[str]:
        """The whole command line."""
        root, runroot = self.roots(store)
        flags = ["--state-backend", backend] if backend else []
        words = [arg.format_map(self.words) for arg in args]
        return [self._program, "--root", root, "--runroot", runroot, *flags, *words]

    def call(self, store: str, args: Command, backend: str = "") -> str:
        """Run one command untimed; return its output."""
        return self.clock.call(self.argv(store, args, backend))

    def prepare(self, store: str, rootfs: Path, many: int) -> None:
        """Make a store with the image, and with the containers that its name promises."""
        backend = store if store in BACKENDS else ""
        self.call(store, ("import", "-q", str(rootfs), IMAGE), backend)
        if store == "many":
            names = [f"many{i}" for i in range(many)]
            new = [self.argv(store, ("create", "--name", n, IMAGE, "true")) for n in names]
            self.clock.call_many(new, 4)
        if store == "live":
            self.call(store, ("run", "-d", "--name", "live", *NO_NETWORK, IMAGE, "sleep", "100000"))

    def sample(self, case: Case) -> Sample:
        """Measure one command of a case."""
        for args in case.before:
            self.call(case.store, args, case.backend)
        sample = self.clock.timed(self.argv(case.store, case.args, case.backend), case.jobs)
        for args in case.after:
            self.call(case.store, args, case.backend)
        return sample


class InProcess:
    """polypod as a library, in a Python process that stays."""

    name = "polypod"

    def __init__(self, cli: CLI) -> None:
        self._cli = cli
        self._worker: subprocess.Popen[str] | None = None

    def sample(self, _case: Case) -> Sample:
        """Let the worker run one container."""
        if self._worker is None:
            self._worker = self._start()
        assert self._worker.stdin and self._worker.stdout
        before, used = processes(), cpu_seconds()
        self._worker.stdin.write("\n")
        self._worker.stdin.flush()
        wall = float(self._worker.stdout.readline())
        settle(before)
        return Sample(wall, cpu_seconds() - used)

    def _start(self) -> subprocess.Popen[str]:
        script = str(Path(__file__).parent / "inprocess.py")
        return subprocess.Popen(
            [sys.executable, script, *self._cli.roots("main"), IMAGE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=self._cli.clock.environ,
        )  # fmt: skip


class Floor:
    """``crun run`` of a ready bundle: what no engine on crun can beat."""

    name = "crun"

    def __init__(self, folder: Path, rootfs: Path, clock: Clock) -> None:
        crun = shutil.which("crun")
        if crun is None:
            raise FileNotFoundError("no crun found: apt-get install crun")
        bundle = crun_bundle(folder, rootfs)
        self._argv = [crun, "--root", str(folder / "crun"), "run", "-b", str(bundle), "floor"]
        self._clock = clock

    def sample(self, _case: Case) -> Sample:
        """Measure one run."""
        return self._clock.timed(self._argv)
