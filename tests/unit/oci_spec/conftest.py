"""A root file system, settings and runtimes for the tests of spec generation."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from polypod.engine import etc_files
from polypod.engine.init_binary import init_binary
from polypod.engine.resolve_container import resolve_container
from polypod.engine.resolve_workdir import ensure_workdir
from polypod.kit import fastjson
from polypod.model.container import ContainerCreate, ImageSource, NetworkOptions, Process
from polypod.model.settings import ContainersSettings, EngineSettings, Settings
from polypod.oci.host_facts import HostFacts
from polypod.oci.runtime_spec import generate, user_database

APPLETS = "sh cat id ls mount sleep env grep hostname true stat head tail test touch echo umask wc"
PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n"
GROUP = "root:x:0:\nweb:x:1000:\nwheel:x:10:root,web\naudio:x:29:\n"
CAPS = (
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE "
    "SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
)


def make_rootfs(path: Path) -> Path:
    """A busybox root with two users."""
    for name in ("bin", "dev", "etc", "home/web", "proc", "root", "run", "sys", "tmp", "var/tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox-static is not installed")
    shutil.copy2(busybox, path / "bin" / "busybox")
    for applet in APPLETS.split():
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc" / "passwd").write_text(PASSWD)
    (path / "etc" / "group").write_text(GROUP)
    return path


class Maker:
    """Takes requests the whole way: resolve, the engine's files, the spec, a runtime."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.rootfs = make_rootfs(base / "rootfs")
        self.bundle = base / "bundle"
        self.run_dir = base / "run"
        self.bundle.mkdir()
        self.run_dir.mkdir()
        self.settings = Settings(
            containers=ContainersSettings(
                default_capabilities=tuple("CAP_" + name for name in CAPS.split()),
                env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
            ),
            engine=EngineSettings(helper_binaries_dir=("/usr/libexec/podman",)),
        )
        self.facts = HostFacts(str(base / "cache"))
        self.config: dict = {"config": {}}
        self.warnings: list[str] = []

    def resolve(self, request: ContainerCreate, **more):
        """The stored container of a request."""
        if request.network == NetworkOptions():
            request = request.evolve(network=NetworkOptions(mode="none"))
        return resolve_container(
            request,
            id=uuid.uuid4().hex * 2,
            name="box",
            image=None if request.rootfs else ImageSource(id="1" * 64, name="localhost/bb:latest"),
            image_config=None if request.rootfs else self.config,
            settings=self.settings,
            facts=self.facts,
            environ={},
            bundle=str(self.bundle),
            run_dir=str(self.run_dir),
            **more,
        )

    def spec(self, request: ContainerCreate, **more):
        """The runtime spec of a request."""
        return self.spec_of(self.resolve(request), **more)

    def spec_of(self, container, **more):
        """The runtime spec of a resolved container."""
        rootfs = str(self.rootfs)
        database = user_database(container, rootfs)
        user = database.resolve(container.process.user)
        ensure_workdir(container, rootfs, user)
        binds = etc_files.prepare(
            container,
            self.settings,
            self.facts,
            rootfs=rootfs,
            database=database,
            user=user,
            engine_version="5.0.0",
        )
        etc_files.write_network_files(container, self.settings, rootfs=rootfs)
        return generate(
            container,
            rootfs,
            self.facts,
            self.settings,
            binds=binds,
            init_path=init_binary(container, self.settings),
            warnings=self.warnings,
            **more,
        )

    def sh(self, script: str, runtime: str = "crun", **fields) -> str:
        """Run a shell script in a container of the request's fields; its output."""
        process = fields.pop("process", Process()).evolve(command=("sh", "-c", script))
        return self.run(self.spec(ContainerCreate(process=process, **fields)), runtime)

    def run(self, spec, runtime: str = "crun") -> str:
        """Run a spec with a real runtime; its output. Fails when the command does."""
        binary = find_runtime(runtime)
        if runtime == "youki":  # as its plugin does
            for mount in spec["mounts"]:
                mount["options"] = [text for text in mount["options"] if text != "tmpcopyup"]
        (self.bundle / "config.json").write_text(fastjson.dumps(spec))
        try:
            done = self._once(binary)
        except subprocess.TimeoutExpired:
            # youki 0.7.0's foreground `run` was seen to hang once in some hundred runs.
            if runtime != "youki":
                raise
            done = self._once(binary)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def _once(self, binary: str) -> subprocess.CompletedProcess[str]:
        name = "spec-" + uuid.uuid4().hex[:12]
        command = [binary, "--root", str(self.base / "rt")]
        try:
            # A pipe, not /dev/null: crun gives stdin's owner to the container's user.
            return subprocess.run(
                [*command, "run", "-b", str(self.bundle), name],
                input="",
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        finally:
            subprocess.run([*command, "delete", "-f", name], capture_output=True, check=False)


def find_runtime(name: str) -> str:
    """The binary's path; skips the test when the runtime is not installed."""
    path = shutil.which(name) or shutil.which(name, path=os.path.expanduser("~/.cargo/bin"))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    """A maker with directories of its own."""
    return Maker(tmp_path)


@pytest.fixture
def as_root() -> None:
    """For tests that run containers."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
