"""The same requests through Debian's podman: what both containers see must agree.

Known differences of podman 4.3.1 on such a host, each taken out below:

- its default capabilities are Debian's (with AUDIT_WRITE, MKNOD, NET_RAW), so they are given;
- it sets TERM without a terminal; newer ones, and polypod, do not;
- it leaves out container=podman where the root is not an image's;
- it masks /sys/dev/block, newer ones mask /proc/interrupts and the power counters instead;
- /dev/shm is its own mount bound in, here the runtime's: both are a tmpfs of 64000k.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

import pytest
from polypod.kit import fastjson
from polypod.model.container import (
    ContainerCreate,
    Mount,
    Namespaces,
    Process,
    Resources,
    Security,
)

pytestmark = pytest.mark.usefixtures("as_root")

CAPS = (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP "
    "SETGID SETPCAP SETUID SYS_CHROOT"
)
SCRIPT = (
    "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status; id -u; id -g; id -G; ulimit -n; "
    "umask; pwd; mount | grep -vE ' /(sys/fs/cgroup.*|dev/console) ' | "
    "while read a b c d e f; do echo $c $e $f; done; env"
)
REQUESTS = {
    "plain": ([], {}),
    "user": (["--user", "web"], {"process": Process(user="web")}),
    "number": (["--user", "1234:29"], {"process": Process(user="1234:29")}),
    "caps": (
        ["--user", "web", "--cap-add", "net_admin", "--cap-drop", "chown"],
        {
            "process": Process(user="web"),
            "security": Security(cap_add=("net_admin",), cap_drop=("chown",)),
        },
    ),
    "privileged": (["--privileged"], {"security": Security(privileged=True)}),
    "read-only": (["--read-only"], {"security": Security(read_only=True)}),
    "unconfined": (
        ["--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges"],
        {"security": Security(seccomp_profile="unconfined", no_new_privileges=True)},
    ),
    "host": (
        ["--ipc", "host", "--uts", "host", "--pid", "host"],
        {"namespaces": Namespaces(ipc="host", uts="host", pid="host")},
    ),
    "mounts": (
        ["-v", "/usr:/b:ro,noexec", "--tmpfs", "/t:size=1m", "--shm-size", "1m"],
        {
            "mounts": (
                Mount(type="bind", destination="/b", source="/usr", options=("ro", "noexec")),
                Mount(type="tmpfs", destination="/t", options=("size=1m",)),
            ),
            "resources": Resources(shm_size=1048576),
        },
    ),
    "environment": (
        ["-e", "A=b", "--unsetenv", "container", "-w", "/etc", "--umask", "0077"],
        {
            "process": Process(env={"A": "b"}, workdir="/etc", umask="0077"),
            "unset_env": ("container",),
        },
    ),
}


@pytest.fixture
def podman(maker, tmp_path):
    """``podman(args)``: the script's output in a container of podman's."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    _, hard = maker.facts.limits["RLIMIT_NOFILE"]
    conf = tmp_path / "containers.conf"
    caps = fastjson.dumps([f"CAP_{name}" for name in CAPS.split()])
    conf.write_text(
        f'[containers]\ndefault_ulimits = ["nofile={min(hard, 1048576)}", "nproc=1000"]\n'
        f'default_capabilities = {caps}\n[engine]\ncgroup_manager = "cgroupfs"\n'
    )
    env = {**os.environ, "CONTAINERS_CONF": str(conf)}
    base = ["podman", "--runtime", "crun", "--storage-driver", "vfs"]
    short = tempfile.mkdtemp(prefix="pp-")  # podman wants a runroot of at most 50 characters
    for name in ("root", "runroot", "tmpdir"):
        base += [f"--{name}", f"{short}/{name}"]

    def run(args):
        command = [*base, "run", "--rm", "--network", "none", "--rootfs", *args]
        command += [str(maker.rootfs), "sh", "-c", SCRIPT]
        done = subprocess.run(
            command, env=env, input="", capture_output=True, text=True, timeout=120, check=False
        )
        if "cgroups in hybrid mode" in done.stderr:
            pytest.skip("crun cannot work here: a controller is on cgroup v2")
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield run
    # Bind mounts of podman's own would keep the temporary directory busy.
    with open("/proc/self/mounts") as file:
        left = [line.split()[1] for line in file if short in line]
    for path in reversed(left):
        subprocess.run(["umount", "-l", path], check=False)
    shutil.rmtree(short)


def facts(output):
    """What must agree, in an order of its own."""
    dropped = ("TERM=", "container=", "HOSTNAME=", "SHLVL=", "/sys/dev/block ", "/proc/interrupts ")
    dropped += ("/sys/devices/", "/etc/hosts ", "/etc/hostname ", "/run/.containerenv ", "/ ")
    lines = [line for line in output.splitlines() if not line.startswith(dropped)]
    return sorted(lines)


@pytest.mark.parametrize("name", REQUESTS)
def test_both_see_the_same(maker, podman, name):
    args, fields = REQUESTS[name]
    configured = maker.settings.containers.evolve(
        default_capabilities=tuple(f"CAP_{cap}" for cap in CAPS.split())
    )
    maker.settings = maker.settings.evolve(containers=configured)
    process = fields.get("process", Process()).evolve(command=("sh", "-c", SCRIPT))
    ours = maker.run(maker.spec(ContainerCreate(**{**fields, "process": process})))
    theirs = podman(args)
    assert sorted(set(facts(ours)) ^ set(facts(theirs))) == []
