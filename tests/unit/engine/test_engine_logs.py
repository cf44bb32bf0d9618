"""Reading logs: both formats, tails, spans of time, and following."""

from __future__ import annotations

import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
from polypod.engine import logs as module
from polypod.engine.log_file import LogFile, parse
from polypod.engine.logs import lines, logs, nanoseconds
from polypod.errors import PolypodError
from polypod.model.container import Container, ContainerState, Log
from polypod.model.log import LogOptions
from polypod.testing.bundles import eventually

T = "2026-11-24T13:52:18.{:09d}+00:00"
SECOND = 1795528338  # T in Unix seconds


def line(number, stream, kind, text):
    return f"{T.format(number)} {stream} {kind} {text}\n"


@pytest.fixture
def rt(tmp_path):
    """As much of a Runtime as logs need; containers are made by ``add``."""
    containers, states = {}, {}

    def add(name, content=None, driver="k8s-file", pid=0):
        path = tmp_path / f"{name}.log"
        if content is not None:
            path.write_text(content)
        id = (name * 64)[:64]
        containers[id] = Container(
            id=id, name=name, created=0.0, log=Log(driver=driver, path=str(path))
        )
        status = "running" if pid else "exited"
        states[id] = ContainerState(status=status, pid=pid, conmon_pid=1)
        return id, path

    records = SimpleNamespace(get=containers.__getitem__, state=lambda id: (states[id], 1))
    monitor = SimpleNamespace(wait=lambda *_: 0, exit_status=lambda *_: 0)
    return SimpleNamespace(
        records=SimpleNamespace(containers=records), monitor=monitor, boot_id="",
        exit_dir="", persist_dir=lambda id: "", add=add, states=states,
    )  # fmt: skip


def collect(rt, ids, **options):
    out = {1: b"", 2: b""}

    def write(stream, data):
        out[stream] += data

    logs(rt, ids, LogOptions(**options), write)
    return out[1].decode(), out[2].decode()


def test_streams_are_kept_apart(rt):
    id, _ = rt.add("a", line(1, "stdout", "F", "out") + line(2, "stderr", "F", "err"))
    assert collect(rt, [id]) == ("out\n", "err\n")


def test_pieces_become_lines_again(rt):
    id, _ = rt.add(
        "a", line(1, "stdout", "P", "be") + line(2, "stdout", "F", "gin") + line(3, "stdout", "P", "x")
    )
    assert collect(rt, [id]) == ("begin\nx", "")
    stamped, _ = collect(rt, [id], timestamps=True)
    assert stamped == f"{T.format(1)} begin\n{T.format(3)} x"


def test_docker_json(rt):
    content = (
        '{"log":"one\\n","stream":"stdout","time":"2026-11-24T13:52:18.5Z"}\n'
        '{"log":"part","stream":"stderr","time":"2026-11-24T13:52:19Z"}\n'
    )
    id, _ = rt.add("a", content, driver="json-file")
    assert collect(rt, [id]) == ("one\n", "part")
    assert collect(rt, [id], since=SECOND + 0.6) == ("", "part")


def test_odd_lines_are_passed_over(rt):
    id, _ = rt.add("a", "garbage\n{no json}\n\n" + line(1, "stdout", "F", "good"))
    assert collect(rt, [id]) == ("good\n", "")


def test_text_keeps_its_spaces_and_bytes():
    assert parse(b"2026-11-24T13:52:18Z stdout F  two  spaces \xff") == (
        1, b"2026-11-24T13:52:18Z", False, b" two  spaces \xff",
    )  # fmt: skip


def test_nothing_logged_yet(rt):
    id, _ = rt.add("a")
    assert collect(rt, [id]) == ("", "")
    assert collect(rt, [id], follow=True) == ("", "")


@pytest.mark.parametrize("driver", ["none", "passthrough"])
def test_no_log_to_read(rt, driver):
    id, _ = rt.add("a", driver=driver)
    with pytest.raises(PolypodError, match=f"using the '{driver}' log driver, cannot read logs"):
        collect(rt, [id])


PIECES = (
    line(1, "stdout", "F", "podman1\r")
    + line(2, "stdout", "P", "podman2")
    + line(3, "stdout", "F", "\r")
    + line(4, "stdout", "F", "podman3\r")
)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (0, ""),
        (1, "podman3\r\n"),
        (2, "podman2\r\npodman3\r\n"),
        (3, "podman1\r\npodman2\r\npodman3\r\n"),
        (4, "podman1\r\npodman2\r\npodman3\r\n"),
        (-1, "podman1\r\npodman2\r\npodman3\r\n"),
    ],
)
def test_tail_counts_whole_lines(rt, tail, expected):
    id, _ = rt.add("a", PIECES)
    assert collect(rt, [id], tail=tail) == (expected, "")


@pytest.mark.parametrize("tail", [1, 10, 999, 2999, 3000, 5000])
def test_tail_of_a_long_log(rt, tail):
    texts = [f"{n} " + "x" * (n % 97) for n in range(3000)]
    id, _ = rt.add("a", "".join(line(n, "stdout", "F", text) for n, text in enumerate(texts)))
    assert collect(rt, [id], tail=tail)[0].splitlines() == texts[-tail:]


def test_span_of_time(rt):
    id, _ = rt.add("a", "".join(line(n * 100_000_000, "stdout", "F", str(n)) for n in range(10)))
    out, _ = collect(rt, [id], since=SECOND + 0.25, until=SECOND + 0.55)
    assert out.split() == ["3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"2026-11-24T13:52:18.574443359+00:00", SECOND * 10**9 + 574443359),
        (b"2026-11-24T14:52:18.5+01:00", SECOND * 10**9 + 500000000),
        (b"2026-11-24T13:52:18Z", SECOND * 10**9),
        (b"nonsense", 0),
    ],
)
def test_timestamps(text, expected):
    assert nanoseconds(text) == expected


def test_several_containers_are_told_apart(rt):
    one, _ = rt.add("ab", line(1, "stdout", "F", "x"))
    two, _ = rt.add("cd", line(1, "stdout", "F", "y"))
    assert collect(rt, [one, two]) == ("abababababab x\ncdcdcdcdcdcd y\n", "")
    assert collect(rt, [one, two], names=True) == ("ab x\ncd y\n", "")
    coloured, _ = collect(rt, [one, two], names=True, color=True)
    assert coloured == "\033[37mab x\033[0m\n\033[31mcd y\033[0m\n"


def test_lines_for_programs(rt):
    id, _ = rt.add("a", PIECES)
    found = list(lines(rt, id, LogOptions(tail=2)))
    assert [(entry.text, entry.partial, entry.stream) for entry in found] == [
        (b"podman2", True, "stdout"), (b"\r", False, "stdout"), (b"podman3\r", False, "stdout"),
    ]  # fmt: skip


class Follower:
    """``logs --follow`` in a thread, over a process that ends when asked."""

    def __init__(self, rt, content, **options):
        self.process = subprocess.Popen(["/bin/sleep", "1000"])
        self.id, self.path = rt.add("a", content, pid=self.process.pid)
        self.out = ""
        self.thread = threading.Thread(target=self._run, args=(rt, options))
        self.thread.start()

    def _run(self, rt, options):
        def write(stream, data):
            self.out += data.decode()

        logs(rt, [self.id], LogOptions(follow=True, **options), write)

    def write(self, number, text):
        with self.path.open("a") as file:
            file.write(line(number, "stdout", "F", text))

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def alive(monkeypatch):
    """The stored state is believed: no boot ID, no look at pids."""
    monkeypatch.setattr(module, "refresh", lambda rt, id, state: state)


def test_follow_ends_with_the_container(rt, alive):
    follower = Follower(rt, line(1, "stdout", "F", "one"))
    try:
        eventually(lambda: follower.out == "one\n")
        follower.write(2, "two")
        eventually(lambda: follower.out == "one\ntwo\n")
        follower.write(3, "three")
    finally:
        follower.end()
    assert follower.out == "one\ntwo\nthree\n"


def test_follow_from_the_end(rt, alive):
    follower = Follower(rt, line(1, "stdout", "F", "one"), tail=0)
    try:
        # Nobody can see from outside when the file has been opened: what is written before is past.
        eventually(lambda: follower.write(2, "two") or "two\n" in follower.out)
    finally:
        follower.end()
    assert set(follower.out.split()) == {"two"}


def test_follow_over_a_replaced_file(rt, alive):
    follower = Follower(rt, line(1, "stdout", "F", "one"))
    try:
        eventually(lambda: follower.out == "one\n")
        fresh = follower.path.with_suffix(".new")
        fresh.write_text(line(2, "stdout", "F", "two"))
        os.replace(fresh, follower.path)
        eventually(lambda: follower.out == "one\ntwo\n")
        follower.write(3, "three")
        eventually(lambda: follower.out == "one\ntwo\nthree\n")
    finally:
        follower.end()


def test_follow_until(rt, alive):
    from time import time

    follower = Follower(rt, line(1, "stdout", "F", "one"), until=time() + 0.2)
    try:
        follower.thread.join(20)
        assert not follower.thread.is_alive()
        assert follower.process.poll() is None
    finally:
        follower.end()


def test_a_file_that_was_cut_is_read_again(tmp_path):
    path = tmp_path / "log"
    path.write_text("one\ntwo\n")
    file = LogFile(str(path))
    assert [entry for batch in file.lines() for entry in batch] == [b"one", b"two"]
    path.write_text("new\n")
    assert [entry for batch in file.lines() for entry in batch] == [b"new"]
    file.close()
