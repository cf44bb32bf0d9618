"""The life of a container as a user sees it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually


@pytest.fixture(scope="module")
def whole():
    with CliBox() as box:
        yield box


@pytest.fixture
def box(whole):
    yield whole
    whole("rm", "-f", "-a", "-t", "0")
    whole("volume", "prune", "-f")
    assert eventually(lambda: not whole.leftovers()) or whole.leftovers() == []


def run(box, *words, **options):
    return box.run("run", "--network", "none", *words, **options)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["true"], 0, ""),
        (["sh", "-c", "exit 7"], 7, ""),
        (["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137, ""),
        (["nosuchcommand"], 127, "not found"),
        (["/etc"], 126, "denied"),
    ],
)
@pytest.mark.parametrize("remove", [[], ["--rm"]])
def test_exit_codes(box, command, code, words, remove):
    done = run(box, *remove, "--name", "c", IMAGE, *command, code=code)
    assert words in done.stderr
    assert [row["Names"] for row in box.rows()] == ([] if remove else [["c"]])


def test_engine_errors_are_125(box):
    assert "/no/runtime" in box.fails(125, "--runtime", "/no/runtime", "run", IMAGE)
    assert "nosuch" in box.fails(125, "run", "--pull", "never", "nosuch")
    assert box.fails(125, "start", "nosuch").startswith("Error: ")
    assert "unknown flag: --nosuch" in box.fails(125, "run", "--nosuch", IMAGE)
    box("create", "--name", "taken", IMAGE)
    assert 'name "taken" is already in use' in box.fails(125, "create", "--name", "taken", IMAGE)


def test_create_start_stop_restart_rm(box):
    box("create", "--network", "none", "--name", "c", IMAGE, "sleep", "100")
    assert box.state("c")["Status"] == "created"
    assert box("start", "c") == "c\n"
    first = box.state("c")
    assert (first["Status"], first["Running"]) == ("running", True)
    assert os.path.exists(f"/proc/{first['Pid']}")
    assert box("restart", "-t", "0", "c") == "c\n"
    assert box.state("c")["Pid"] != first["Pid"]
    box("pause", "c")
    assert box.state("c")["Status"] == "paused"
    assert "not running" in box.fails(125, "pause", "c")
    box("unpause", "c")
    assert "cannot be removed without force" in box.fails(2, "rm", "c")
    box("stop", "-t", "0", "c")
    stopped = box.state("c")
    assert (stopped["Status"], stopped["ExitCode"], stopped["Pid"]) == ("exited", 137, 0)
    assert box("rm", "c") == "c\n"
    box.fails(1, "rm", "c")


def test_init_then_start(box):
    box("create", "--network", "none", "--name", "c", IMAGE, "echo", "hi")
    box("init", "c")
    assert box.state("c")["Status"] == "initialized"
    assert box("start", "-a", "c") == "hi\n"
    assert box.state("c")["Status"] == "exited"


def test_the_stop_signal_comes_first(box):
    script = "trap 'echo bye; exit 3' USR1; echo ready; while :; do sleep 0.05; done"
    run(box, "-d", "--stop-signal", "USR1", "--name", "c", IMAGE, "sh", "-c", script)
    eventually(lambda: "ready" in box("logs", "c"))
    box("stop", "-t", "20", "c")
    assert box.state("c")["ExitCode"] == 3
    assert box("logs", "c") == "ready\nbye\n"


def test_stdin_and_both_outputs(box):
    done = run(box, "-i", "--rm", IMAGE, "sh", "-c", "cat; echo err >&2", input="in\n")
    assert (done.stdout, done.stderr) == ("in\n", "err\n")


def test_wait_gives_the_code_also_of_a_removed_one(box):
    name = run(box, "-d", "--rm", IMAGE, "sh", "-c", "sleep 0.2; exit 5").stdout.strip()
    assert box("wait", name) == "5\n"
    eventually(lambda: box.rows() == [])


def test_restart_policies(box):
    script = "test -e /again && exit 0; touch /again; exit 4"
    run(box, "-d", "--restart", "on-failure:3", "--name", "c", IMAGE, "sh", "-c", script)
    eventually(lambda: box.state("c")["Status"] == "exited" and box.state("c")["ExitCode"] == 0)
    assert box("inspect", "--format", "{{.RestartCount}}", "c") == "1\n"
    run(box, "-d", "--restart", "always", "--name", "d", IMAGE, "sleep", "100")
    before = box.state("d")["Pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: box.state("d")["Status"] == "running" and box.state("d")["Pid"] != before)
    box("kill", "d")
    eventually(lambda: box.state("d")["Status"] == "exited")


def test_a_container_that_needs_another(box):
    run(box, "-d", "--name", "base", "--ipc", "shareable", IMAGE, "sleep", "100")
    box("create", "--network", "container:base", "--pid", "container:base", "--name", "user", IMAGE, "ps")
    box("stop", "-t", "0", "base")
    assert "sleep 100" in box("start", "-a", "user")  # starts base too
    box("stop", "-t", "0", "base")
    assert "has dependent containers" in box.fails(125, "rm", "base")
    removed = box("rm", "--depend", "base").split()
    assert removed[-1] == "base"
    assert len(removed) == 2
    assert box.rows() == []


def test_replace_pidfile_cidfile(box, tmp_path):
    run(box, "-d", "--name", "c", IMAGE, "sleep", "100")
    old = box.rows()[0]["Id"]
    run(
        box, "-d", "--replace", "--name", "c", "--cidfile", tmp_path / "cid", "--pidfile", tmp_path / "pid",
        IMAGE, "sleep", "100",
    )  # fmt: skip
    [row] = box.rows()
    assert row["Id"] != old
    assert (tmp_path / "cid").read_text() == row["Id"]
    assert (tmp_path / "pid").read_text() == str(row["Pid"])


def test_volumes_of_a_container(box):
    run(box, "--rm", "-v", "data:/d", IMAGE, "sh", "-c", "echo kept > /d/f")
    assert run(box, "--rm", "-v", "data:/d:ro", IMAGE, "cat", "/d/f").stdout == "kept\n"
    run(box, "--rm", "-v", "/anonymous", IMAGE, "true")
    assert box("volume", "ls", "-q") == "data\n"
    run(box, "--name", "c", "-v", "data:/d", IMAGE, "true")
    assert "is being used" in box.fails(2, "volume", "rm", "data")


def test_rootfs(box, tmp_path):
    (tmp_path / "bin").mkdir()
    with open("/bin/busybox", "rb") as file:
        (tmp_path / "bin/busybox").write_bytes(file.read())
    (tmp_path / "bin/busybox").chmod(0o755)
    done = run(box, "--rm", "--rootfs", tmp_path, "/bin/busybox", "echo", "from a directory")
    assert done.stdout == "from a directory\n"


def test_what_a_container_gets_by_default(box):
    status = run(box, "--rm", IMAGE, "cat", "/proc/self/status").stdout
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Seccomp"] == "2"
    assert int(lines["CapEff"], 16) & (1 << 21) == 0  # no CAP_SYS_ADMIN
    assert "Read-only" in run(box, "--rm", "--read-only", IMAGE, "touch", "/x", code=1).stderr
    assert run(box, "--rm", "--user", "5:6", IMAGE, "sh", "-c", "id -u; id -g").stdout == "5\n6\n"


def test_out_of_memory_is_told(box):
    script = "x=a; while :; do x=$x$x$x$x; done"
    run(box, "--name", "c", "-m", "12m", IMAGE, "sh", "-c", script, code=137)
    assert box.state("c")["OOMKilled"] is True


def test_signals_of_the_foreground_reach_the_process(box):
    script = "trap 'echo got it; exit 9' USR2; echo ready; while :; do sleep 0.05; done"
    process = box.start("run", "--network", "none", "--name", "c", IMAGE, "sh", "-c", script)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGUSR2)
    out, _ = process.communicate(timeout=30)
    assert (out, process.returncode) == (b"got it\n", 9)


def test_a_terminal_and_the_detach_keys(box):
    master, slave = pty.openpty()
    process = box.start(
        "run", "--network", "none", "-it", "--name", "c", IMAGE, "sh",
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    os.write(master, b"tty; echo on$((1+1))e\n")
    seen = b""
    while b"on2e" not in seen:
        assert select.select([master], [], [], 30)[0], seen
        seen += os.read(master, 4096)
    assert b"/dev/pts/0" in seen
    os.write(master, b"\x10\x11")  # ctrl-p ctrl-q
    assert process.wait(timeout=30) == 0
    os.close(master)
    assert box.state("c")["Status"] == "running"


def test_the_log_drivers(box):
    run(box, "--name", "none", "--log-driver", "none", IMAGE, "echo", "unseen")
    assert "none" in box.fails(125, "logs", "none")
    done = run(box, "--name", "pass", "--log-driver", "passthrough", IMAGE, "echo", "through")
    assert done.stdout == "through\n"
    run(box, "--name", "file", "--log-driver", "json-file", IMAGE, "sh", "-c", "echo a; echo b >&2")
    assert box("logs", "file") == "a\n"


def test_published_ports_and_hosts(box):
    box("run", "-d", "--name", "web", "-p", "127.0.0.1::80", IMAGE, "sh", "-c",
        "mkdir /w; echo served > /w/index.html; httpd -f -h /w")  # fmt: skip
    where = box("port", "web", "80").strip()
    got = eventually(
        lambda: subprocess.run(["curl", "-s", f"http://{where}/"], capture_output=True, check=False).stdout
    )
    assert got == b"served\n"
    assert "web" in box("exec", "web", "cat", "/etc/hosts")
    box("stop", "-t", "0", "web")
    assert not os.path.exists(box("inspect", "--format", "{{.NetworkSettings.SandboxKey}}", "web").strip() or "/none")


def test_ps_answers_while_others_work(box):
    run(box, "-d", "--name", "slow", IMAGE, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    run(box, "-d", "--name", "hung", IMAGE, "sleep", "100")
    monitor = box.monitor("hung")
    os.kill(monitor, signal.SIGSTOP)
    stopping = box.start("stop", "-t", "20", "slow")
    try:
        eventually(lambda: {row["Names"][0]: row["State"] for row in box.rows()}["slow"] == "stopping")
        assert box.state("hung")["Status"] == "running"
        box("kill", "slow")
        assert stopping.wait(timeout=30) == 0
    finally:
        os.kill(monitor, signal.SIGCONT)
        stopping.kill()


def test_chroots_get_the_engines_files_too(box):
    script = "cat /jail/etc/hosts /jail/etc/hostname"
    out = box("run", "--rm", "--network", "none", "--hostname", "inside", "--chrootdirs", "/jail,/other", IMAGE, "sh", "-c", script)
    assert "inside" in out and "localhost" in out


def test_wait_for_whichever_ends_first(box):
    run(box, "-d", "--name", "long", IMAGE, "sleep", "1000")
    run(box, "-d", "--name", "short", IMAGE, "sh", "-c", "exit 4")
    assert box("wait", "--exit-first-match", "-i", "20ms", "long", "short") == "4\n"
    assert box.state("long")["Status"] == "running"
    assert box("exec", "--no-session", "long", "echo", "fine") == "fine\n"
    assert "--no-session cannot" in box.fails(125, "exec", "--no-session", "-d", "long", "true")


def test_the_size_of_systemds_tmpfs(box):
    out = box("run", "--rm", "--network", "none", "--systemd", "always", "--shm-size-systemd", "2m", IMAGE, "mount")
    assert "size=2048k" in next(line for line in out.splitlines() if " on /run type tmpfs" in line)


def test_users_of_the_host(box):
    import pwd

    known = [line.split(":")[0] for line in run(box, "--rm", IMAGE, "cat", "/etc/passwd").stdout.splitlines()]
    host = next(user for user in pwd.getpwall() if user.pw_name not in known and user.pw_uid > 0)
    name, uid = host.pw_name, host.pw_uid
    new = ("--rm", "--hostuser", name)
    row = f"{name}:*:{uid}:{host.pw_gid}:"
    assert run(box, *new, IMAGE, "grep", f"^{name}:", "/etc/passwd").stdout.startswith(row)
    for flags in ((), ("--read-only",)):
        assert run(box, *new, *flags, "--user", name, IMAGE, "id", "-u").stdout == f"{uid}\n"
        out = run(box, *new, *flags, "--user", "4321", IMAGE, "sh", "-c", "id -u; cat /etc/passwd").stdout
        assert out.startswith("4321\n") and "\n4321:*:4321:" in out and f"\n{row}" in out
    assert "no matching entries in passwd file" in box.fails(
        126, "run", "--rm", "--network", "none", "--hostuser", "nobody-here", IMAGE, "true"
    )


def test_the_image_goes_with_the_container(box):
    def gone() -> bool:
        return box.run("image", "exists", "localhost/own", code=1).returncode == 1

    run(box, "--name", "base", IMAGE, "true")
    for flags in ((), ("-d",)):
        box("commit", "-q", "base", "localhost/own")
        run(box, *flags, "--rmi", "localhost/own", "true")
        eventually(lambda: "localhost/own" not in box("images", "--format", "{{.Repository}}").split())
        assert gone()
    box("commit", "-q", "base", "localhost/own")
    box("create", "--name", "user", "localhost/own")
    assert "Failed to remove image" in run(box, "--rmi", "localhost/own", "true").stderr
    run(box, "-d", "--name", "long", "--rmi", "localhost/own", "sleep", "1000")
    shown = box("inspect", "--format", "{{.HostConfig.AutoRemoveImage}} {{.HostConfig.AutoRemove}}", "long")
    assert shown == "true true\n"
    box("rm", "user")
    box("stop", "-t", "0", "long")
    eventually(lambda: "localhost/own" not in box("images", "--format", "{{.Repository}}").split())
