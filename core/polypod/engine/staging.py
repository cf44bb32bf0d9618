"""Helpers that extract layers beside this process, several at once.

A helper is a child process, forked without exec, which costs 2 ms and shares this process's memory: Python
extracts many small files no faster on many threads than on one. In a program with
threads of its own, where a fork may hang, helpers are threads. Both speak over a socket: a line of
JSON with a task goes in, lines with its progress and its outcome come out. With the task goes the
descriptor of its note (:mod:`polypod.store.pending`), so that the files of a layer in the making count as
somebody's until the last process that knows them is gone.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

from ..errors import PolypodError
from ..kit.fastjson import dumps, loads
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Report = Callable[[int], None]
    Work = Callable[["Task", Report], dict[str, Any]]

_REPORT_EVERY = 0.1  # seconds
_PR_SET_PDEATHSIG = 1


class Task(Struct):
    """A layer to extract: its place in the image, its temporary ID, a layer to copy it from ("" = none)."""

    index: int
    id: str
    copy_of: str = ""


class Event(Struct):
    """What a helper says: ``count`` bytes more, or the outcome: ``done`` or ``error``."""

    index: int
    count: int = 0
    done: dict[str, Any] | None = None
    error: BaseException | None = None


class Stopped(Exception):
    """The helpers are being closed; a thread among them ends its work with this."""


class Helpers:
    """``count`` helpers that do ``work``. Close them, also after an error.

    ``on_fork`` is called in a child process before its first task: connections to servers
    must not be shared with the parent.
    """

    def __init__(self, work: Work, count: int, on_fork: Callable[[], None]) -> None:
        self._stopped = threading.Event()
        self._idle: list[_Helper] = []
        self._busy: dict[int, _Helper] = {}
        fork = threading.active_count() == 1
        try:
            for _ in range(count):
                helper = _forked(work, on_fork, self._idle) if fork else None
                fork = helper is not None  # beside a thread nothing more is forked
                self._idle.append(helper or _threaded(work, self._stopped))
        except BaseException:
            self.close()
            raise

    @property
    def idle(self) -> bool:
        """Whether a helper waits for a task."""
        return bool(self._idle)

    @property
    def busy(self) -> int:
        """How many helpers work."""
        return len(self._busy)

    def give(self, task: Task, fd: int) -> None:
        """Hand a task to an idle helper, with the descriptor of its note."""
        helper = self._idle.pop()
        helper.index = task.index
        self._busy[helper.socket.fileno()] = helper
        socket.send_fds(helper.socket, [dumps(task.to_dict()).encode()], [fd])

    def wait(self, timeout: float) -> list[Event]:
        """What helpers say within ``timeout`` seconds; empty when they say nothing."""
        import select

        poll = select.poll()
        for fd in self._busy:
            poll.register(fd, select.POLLIN)
        events: list[Event] = []
        for fd, _ in poll.poll(timeout * 1000):
            helper = self._busy[fd]
            for line in helper.lines():
                event = _decode(line, helper.index)
                events.append(event)
                if event.done is not None or event.error is not None:
                    del self._busy[fd]
                    self._idle.append(helper)
        return events

    def close(self) -> None:
        """End all helpers, whatever they do; their tasks' files are the caller's to remove."""
        self._stopped.set()
        for helper in (*self._idle, *self._busy.values()):
            helper.end()
        self._idle.clear()
        self._busy.clear()


class _Helper:
    """This side of one helper."""

    def __init__(self, own: socket.socket, pid: int, thread: threading.Thread | None) -> None:
        self.socket = own
        self.index = -1
        self._pid = pid
        self._thread = thread
        self._rest = b""

    def lines(self) -> list[bytes]:
        """The complete lines that have come."""
        data = self.socket.recv(1 << 16)
        if not data:
            raise PolypodError("the process that extracts a layer was killed; pull again")
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

    def end(self) -> None:
        """Kill the process, or wait for the thread."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self.socket.close()
        if self._thread is not None:
            self._thread.join()


def _threaded(work: Work, stopped: threading.Event) -> _Helper:
    own, theirs = socket.socketpair()
    thread = threading.Thread(target=_serve, args=(theirs, work, stopped), daemon=True)
    thread.start()
    return _Helper(own, 0, thread)


def _forked(work: Work, on_fork: Callable[[], None], others: list[_Helper]) -> _Helper | None:
    """A helper of its own process; ``None`` when there may be no more processes."""
    own, theirs = socket.socketpair()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Ctrl-C reaches the new process too, and must find it deaf.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except OSError:  # a limit of processes or of memory
        own.close()
        theirs.close()
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if pid:
        theirs.close()
        return _Helper(own, pid, None)
    status = 1
    try:
        own.close()
        for other in others:
            other.socket.close()
        _die_with(parent)
        on_fork()
        _serve(theirs, work, threading.Event())
        status = 0
    finally:
        os._exit(status)


def _die_with(parent: int) -> None:
    """A killed parent takes this process with it."""
    import ctypes

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _serve(own: socket.socket, work: Work, stopped: threading.Event) -> None:
    """The other side: one task after the other until the socket is closed."""
    with own:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(own, 4096, 1)
            except ConnectionResetError:  # closed while an answer was on its way
                return
            if not data:
                return
            task = Task.from_dict(loads(data))
            try:
                answer: dict[str, Any] = {"done": work(task, _reporter(own, stopped))}
            except Exception as error:  # noqa: BLE001 - told to the process that gave the task
                answer = {"error": _described(error)}
            finally:
                for fd in fds:
                    os.close(fd)
            try:
                own.sendall((dumps(answer) + "\n").encode())
            except ConnectionError:
                return


def _reporter(own: socket.socket, stopped: threading.Event) -> Report:
    """Tells how many bytes have come, in few messages."""
    last, count = time.monotonic(), 0

    def report(more: int) -> None:
        nonlocal last, count
        if stopped.is_set():
            raise Stopped
        count += more
        now = time.monotonic()
        if now - last >= _REPORT_EVERY:
            own.sendall(f'{{"count":{count}}}\n'.encode())
            last, count = now, 0

    return report


def _described(error: Exception) -> dict[str, Any]:
    kind = type(error)
    text = str(error)
    if isinstance(error, OSError):
        return {"errno": error.errno, "text": error.strerror or text, "file": error.filename}
    if not kind.__module__.startswith("polypod."):
        text = f"{kind.__name__}: {text}"
    return {"module": kind.__module__, "class": kind.__name__, "text": text}


def _decode(line: bytes, index: int) -> Event:
    message = loads(line)
    if "error" in message:
        return Event(index=index, error=_rebuilt(message["error"]))
    return Event(index=index, count=message.get("count", 0), done=message.get("done"))


def _rebuilt(told: dict[str, Any]) -> BaseException:
    if "errno" in told:
        return OSError(told["errno"], told["text"], told["file"])
    if told["module"].startswith("polypod."):
        from importlib import import_module

        kind = getattr(import_module(told["module"]), told["class"], None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            error: BaseException = kind(told["text"])
            return error
    return RuntimeError(told["text"])
