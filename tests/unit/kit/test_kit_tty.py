"""Terminals: raw mode and its end, sizes, detach keys."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios

import pytest
from polypod.errors import UsageError
from polypod.kit.attach import KeyWatch
from polypod.kit.tty import detach_sequence, on_resize, raw, set_window_size, window_size


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield theirs
    os.close(ours)
    os.close(theirs)


def test_sizes(terminal):
    set_window_size(terminal, 12, 345)
    assert window_size(terminal) == (12, 345)


def test_no_terminal_has_no_size():
    read, write = os.pipe()
    assert window_size(read) is None
    os.close(read)
    os.close(write)


def test_raw_and_back(terminal):
    before = termios.tcgetattr(terminal)
    with raw(terminal):
        inside = termios.tcgetattr(terminal)
        assert not inside[3] & (termios.ECHO | termios.ICANON | termios.ISIG)
        assert not inside[1] & termios.OPOST
    assert termios.tcgetattr(terminal) == before


def test_raw_comes_back_after_an_error(terminal):
    before = termios.tcgetattr(terminal)
    with pytest.raises(KeyError), raw(terminal):
        raise KeyError
    assert termios.tcgetattr(terminal) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_raw_comes_back_after_a_deadly_signal(terminal, number):
    before = termios.tcgetattr(terminal)
    code = (
        "import os, sys; from polypod.kit.tty import raw\n"
        f"with raw(0): os.kill(os.getpid(), {int(number)}); sys.stdin.read()"
    )
    done = subprocess.run([sys.executable, "-c", code], stdin=terminal, check=False, timeout=30)
    assert done.returncode == -number
    assert termios.tcgetattr(terminal) == before


def test_raw_leaves_others_handlers_alone(terminal):
    seen = []
    previous = signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    try:
        with raw(terminal):
            os.kill(os.getpid(), signal.SIGTERM)
        assert seen == [1]
    finally:
        signal.signal(signal.SIGTERM, previous)


def test_raw_of_no_terminal_does_nothing():
    read, write = os.pipe()
    with raw(read):
        pass
    os.close(read)
    os.close(write)


def test_resize_is_told_at_once_and_on_change(terminal):
    set_window_size(terminal, 10, 20)
    told = []
    with on_resize(terminal, lambda *size: told.append(size)):
        set_window_size(terminal, 30, 40)
        os.kill(os.getpid(), signal.SIGWINCH)
    assert told == [(10, 20), (30, 40)]
    assert signal.getsignal(signal.SIGWINCH) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", b""),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a,b", b"ab"),
        ("ctrl-@", b"\0"),
        ("ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x1b\x1c\x1d\x1e\x1f"),
        ("ctrl-A", b"\x01"),
    ],
)
def test_detach_keys(keys, expected):
    assert detach_sequence(keys) == expected


@pytest.mark.parametrize("keys", ["ctrl-", "ctrl-1", "ctrl-pp", "abc", "a,,b", ","])
def test_bad_detach_keys(keys):
    with pytest.raises(UsageError, match="invalid detach keys"):
        detach_sequence(keys)


def feed_all(pieces):
    watch = KeyWatch(b"\x10\x11")
    passed = b""
    for piece in pieces:
        data, detach = watch.feed(piece)
        passed += data
        if detach:
            return passed, True
    return passed + watch.rest(), False


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"ab\x10\x11cd"], (b"ab", True)),
        ([b"ab\x10", b"\x11"], (b"ab", True)),
        ([b"ab\x10", b"cd"], (b"ab\x10cd", False)),
        ([b"\x10\x10", b"\x11"], (b"\x10", True)),
        ([b"\x10"], (b"\x10", False)),
        ([b"\x11\x10"], (b"\x11\x10", False)),
    ],
)
def test_keys_are_found_across_reads(pieces, expected):
    assert feed_all(pieces) == expected
