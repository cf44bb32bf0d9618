"""Specs run by real runtimes, and what the processes in them see."""

from __future__ import annotations

import os

import pytest
from polypod.model.container import (
    ContainerCreate,
    Device,
    Mount,
    Namespaces,
    Process,
    Resources,
    Security,
    Ulimit,
)

pytestmark = pytest.mark.usefixtures("as_root")
RUNTIMES = ["crun", "runc", "youki"]
MEMORY = 64 * 1024 * 1024

STATUS = "grep -E '^(Cap|Seccomp:|NoNewPrivs)' /proc/self/status"


def fields(text):
    """``Name:\\tvalue`` lines as a mapping."""
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_security_by_default(maker, runtime):
    found = fields(maker.sh(STATUS, runtime))
    expected = f"{0x800405FB:016x}"  # the 11 default ones
    for key in ("CapPrm", "CapEff", "CapBnd"):
        assert found[key] == expected
    assert found["CapInh"] == found["CapAmb"] == "0" * 16
    assert found["Seccomp"] == "2"
    assert found["NoNewPrivs"] == "0"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_another_user_with_a_capability(maker, runtime):
    found = fields(
        maker.sh(
            f"{STATUS}; echo 'id:\t'$(id -u) $(id -g) $(id -G)",
            runtime,
            process=Process(user="web"),
            security=Security(cap_add=("kill",), cap_drop=("chown",), no_new_privileges=True),
        )
    )
    assert found["CapEff"] == found["CapAmb"] == f"{1 << 5:016x}"
    assert found["CapBnd"] == f"{0x800405FA:016x}"
    assert found["NoNewPrivs"] == "1"
    assert found["id"].split()[:2] == ["1000", "1000"]
    assert set(found["id"].split()[2:]) == {"1000", "10"}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_privileged(maker, runtime):
    script = f"{STATUS}; test -b /dev/loop0 && echo 'loop:\tyes'"
    found = fields(maker.sh(script, runtime, security=Security(privileged=True)))
    assert found["Seccomp"] == "0"
    with open("/proc/self/status") as file:
        own = fields(file.read())
    assert found["CapEff"] == found["CapBnd"] == own["CapBnd"]
    assert found.get("loop") == ("yes" if os.path.exists("/dev/loop0") else None)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_mounts(maker, runtime, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("from the host\n")
    output = maker.sh(
        "cat /b/file; touch /b/new 2>/dev/null || echo ro; mount | grep -E ' /(b|t|dev/shm) '; "
        "touch /dev/shm/x /t/x && cat /etc/hostname; echo $HOSTNAME; hostname",
        runtime,
        hostname="zed",
        mounts=(
            Mount(type="bind", destination="/b", source=str(source), options=("ro", "noexec")),
            Mount(type="tmpfs", destination="/t", options=("size=1m",)),
        ),
    )
    lines = output.splitlines()
    assert lines[:2] == ["from the host", "ro"]
    assert lines[-3:] == ["zed"] * 3
    rows = {line.split()[2]: line for line in lines[2:-3]}
    assert "noexec" in rows["/b"]
    assert "size=1024k" in rows["/t"]
    assert "size=64000k" in rows["/dev/shm"]
    assert "noexec" in rows["/dev/shm"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_masks(maker, runtime):
    script = (
        "cat /proc/timer_list /proc/keys | wc -c; "
        "echo 1 2>/dev/null > /proc/sys/kernel/domainname || echo ro"
    )
    assert maker.sh(script, runtime).split() == ["0", "ro"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_read_only_root(maker, runtime):
    script = "touch /x 2>/dev/null || echo ro; touch /tmp/x /run/x /var/tmp/x /dev/shm/x && echo rw"
    assert maker.sh(script, runtime, security=Security(read_only=True)).split() == ["ro", "rw"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_limits_and_environment(maker, runtime):
    script = "ulimit -n; ulimit -Hn; ulimit -c; umask; echo $A; echo $HOME; pwd"
    output = maker.sh(
        script,
        runtime,
        process=Process(env={"A": "a b"}, umask="0077", user="web", workdir="/home/web"),
        ulimits=(Ulimit(name="nofile", soft=100, hard=200), Ulimit(name="core", soft=0, hard=0)),
    )
    lines = output.splitlines()
    assert [line.lstrip("0") for line in lines[:4]] == ["100", "200", "", "77"]
    assert lines[4:] == ["a b", "/home/web", "/home/web"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_default_limits_can_be_set(maker, runtime):
    soft, hard = maker.sh("ulimit -n; ulimit -Hn", runtime).split()
    _, own = maker.facts.limits["RLIMIT_NOFILE"]
    expected = 1048576 if maker.facts.can_raise_limits else min(own, 1048576)
    assert (int(soft), int(hard)) == (expected, expected)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_devices(maker, runtime):
    output = maker.sh(
        "stat -c '%t:%T' /dev/mine; head -c 3 /dev/mine | wc -c",
        runtime,
        devices=(Device(path="/dev/zero", container_path="/dev/mine"),),
    )
    assert output.split() == ["1:5", "3"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_cgroup_limits(maker, runtime):
    if maker.facts.cgroup_version != 1 or "memory" not in maker.facts.controllers:
        pytest.skip("reads cgroup v1 files")
    script = (
        "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max "
        "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"
    )
    resources = Resources(memory=MEMORY, pids_limit=33, cpus=0.5)
    assert maker.sh(script, runtime, resources=resources).split() == [str(MEMORY), "33", "50000"]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_host_namespaces(maker, runtime):
    script = "for n in pid ipc uts net; do stat -L -c %i /proc/self/ns/$n; done"
    shared = maker.sh(
        script,
        runtime,
        namespaces=Namespaces(pid="host", ipc="host", uts="host"),
    ).split()
    own = [str(os.stat(f"/proc/self/ns/{name}").st_ino) for name in ("pid", "ipc", "uts", "net")]
    assert shared[:3] == own[:3]
    assert shared[3] != own[3]
    assert not set(maker.sh(script, runtime).split()) & set(own)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_sysctls(maker, runtime):
    output = maker.sh(
        "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl",
        runtime,
        sysctls={"kernel.msgmax": "4711", "net.ipv4.ip_default_ttl": "33"},
    )
    assert output.split() == ["4711", "33"]


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_overlay_volumes(maker, runtime, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("old\n")
    output = maker.sh(
        "echo new > /o/file; cat /o/file",
        runtime,
        mounts=(Mount(type="bind", destination="/o", source=str(source), options=("O",)),),
    )
    assert output == "new\n"
    assert (source / "file").read_text() == "old\n"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_init_is_pid_one(maker, runtime):
    if not os.path.exists("/usr/libexec/podman/catatonit"):
        pytest.skip("catatonit is not installed")
    output = maker.sh("cat /proc/1/comm", runtime, process=Process(init=True))
    assert output.strip() in ("podman-init", "catatonit")


def test_a_new_user_has_a_name(maker):
    output = maker.sh("id -un; id -gn", process=Process(user="54321:54322"))
    assert output.split() == ["54321", "54322"]


def test_the_default_filter_refuses(maker):
    script = "mount -t tmpfs x /tmp 2>/dev/null || echo refused"
    assert maker.sh(script, security=Security(cap_drop=("all",))).split() == ["refused"]


def test_generated_files_reach_the_container(maker):
    output = maker.sh("cat /etc/hosts; wc -c < /run/.containerenv; ls -l /etc/mtab")
    assert "127.0.0.1\tlocalhost\n" in output
    assert "/proc/mounts" in output


def test_a_spec_needs_no_more_than_a_request(maker):
    """A request with nothing in it but a command runs."""
    spec = maker.spec(ContainerCreate(process=Process(command=("echo", "hi"))))
    assert maker.run(spec) == "hi\n"
