"""Starting processes: what the child gets and what it does not."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from polypod.errors import RuntimeFailure, Timeout
from polypod.kit.spawn import inherited_fds, run, spawn, wait


def test_output_and_code_are_collected():
    result = run(("/bin/sh", "-c", "cat; echo oops >&2; exit 3"), input=b"typed")
    assert (result.code, result.stdout, result.stderr) == (3, b"typed", b"oops\n")


def test_much_input_and_output():
    data = os.urandom(1 << 20)
    assert run(("/bin/cat",), input=data).stdout == data


def test_input_that_nobody_reads():
    assert run(("/bin/true",), input=b"x" * (1 << 20)).code == 0


def test_signal_is_128_and_more():
    assert run(("/bin/sh", "-c", "kill -9 $$")).code == 137


def test_timeout_kills():
    with pytest.raises(Timeout, match=r"within 0\.05 seconds"):
        run(("/bin/sleep", "100"), timeout=0.05)


def test_missing_program():
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(RuntimeFailure, match="/no/such"):
        run(("/no/such",))
    assert set(os.listdir("/proc/self/fd")) == before


def test_environment_and_directory(tmp_path):
    here = os.getcwd()
    result = run(("/bin/sh", "-c", "pwd; env"), env={"ONLY": "this"}, cwd=str(tmp_path))
    lines = result.stdout.decode().split()
    assert lines[0] == str(tmp_path)
    assert "ONLY=this" in lines
    assert not any(line.startswith("HOME=") for line in lines)
    assert os.getcwd() == here


def test_directory_beside_other_threads(tmp_path):
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        result = run(("/bin/pwd",), cwd=str(tmp_path))
    finally:
        stop.set()
        other.join()
    assert result.stdout.decode().strip() == str(tmp_path)


def test_missing_directory_leaves_ours(tmp_path):
    here = os.getcwd()
    with pytest.raises(RuntimeFailure):
        run(("/bin/pwd",), cwd=str(tmp_path / "nothing"))
    assert os.getcwd() == here


def test_only_named_descriptors_are_passed():
    kept_r, kept_w = os.pipe()
    leaked_r, leaked_w = os.pipe()
    os.set_inheritable(leaked_w, True)
    assert leaked_w in inherited_fds()
    out_r, out_w = os.pipe()
    pid = spawn(("/bin/ls", "/proc/self/fd"), stdout=out_w, keep=(kept_w,))
    for fd in (out_w, kept_w, leaked_w):
        os.close(fd)
    with os.fdopen(out_r) as file:
        seen = {int(name) for name in file.read().split()}
    assert wait(pid) == 0
    assert kept_w in seen
    # ls itself opens one more, the directory.
    assert len(seen - {0, 1, 2, kept_w}) == 1
    os.close(kept_r)
    os.close(leaked_r)


def test_signals_are_at_their_defaults():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    try:
        result = run(("/bin/sh", "-c", "grep -E '^Sig(Ign|Blk)' /proc/self/status"))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
    masks = {line.split(":")[0]: int(line.split()[1], 16) for line in result.stdout.decode().splitlines()}
    assert masks["SigBlk"] == 0
    assert not masks["SigIgn"] >> (signal.SIGPIPE - 1) & 1


def test_new_session():
    pid = spawn(("/bin/sleep", "100"), new_session=True)
    try:
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)
        assert wait(pid) == 137


def test_nothing_costly_is_imported():
    code = "import sys; from polypod.kit import spawn; print('subprocess' in sys.modules, 'signal' in sys.modules)"
    command = (sys.executable, "-S", "-c", code)
    result = run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert result.stdout.split() == [b"False", b"False"], result.stderr
