"""Start processes without the 12 ms that ``import subprocess`` costs.

Everything goes through ``os.posix_spawn``, which the C library carries out with
``CLONE_VFORK``: the cost does not grow with the caller's memory. The child gets the
descriptors named and no others, default signal dispositions and an empty
signal mask, whatever the caller has changed for itself.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import select

from ..errors import RuntimeFailure, Timeout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: CPython ignores these two in its own process, which an exec would hand on.
_RESET = (_signal.SIGPIPE, _signal.SIGXFSZ, _signal.SIGINT, _signal.SIGTERM, _signal.SIGHUP)


class Result:
    """What a finished command left: exit code (128+n for signal n), stdout and stderr."""

    __slots__ = ("code", "stderr", "stdout")

    def __init__(self, code: int, stdout: bytes, stderr: bytes) -> None:
        self.code = code
        self.stdout = stdout
        self.stderr = stderr


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str = "",
    stdin: int = -1,
    stdout: int = -1,
    stderr: int = -1,
    keep: Sequence[int] = (),
    new_session: bool = False,
) -> int:
    """Start ``argv`` and return its PID; ``argv[0]`` is an absolute path.

    ``stdin``, ``stdout`` and ``stderr`` are descriptors, -1 for /dev/null; ``keep`` are further
    descriptors that the child gets under the same numbers. All others are closed
    in it, also those that the caller itself inherited. Raises ``OSError``.
    """
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    for number, given in enumerate((stdin, stdout, stderr)):
        if given < 0:
            actions.append((os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, given, number))
    for fd in keep:
        actions.append((os.POSIX_SPAWN_DUP2, fd, fd))
    for fd in inherited_fds():
        if fd not in keep:
            actions.append((os.POSIX_SPAWN_CLOSE, fd))
    environment = os.environ if env is None else env
    if cwd and not _single_threaded():
        return _spawn_in_thread(argv, environment, cwd, (stdin, stdout, stderr), keep, new_session)
    here = os.open(".", os.O_PATH | os.O_CLOEXEC) if cwd else -1
    try:
        if cwd:
            os.chdir(cwd)
        return os.posix_spawn(
            argv[0],
            list(argv),
            environment,
            file_actions=actions,
            setsid=new_session,
            setsigmask=(),
            setsigdef=_RESET,
        )
    finally:
        if here >= 0:
            os.fchdir(here)
            os.close(here)


def inherited_fds() -> list[int]:
    """Descriptors above 2 that an exec would pass on."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2:
            try:
                if os.get_inheritable(fd):
                    found.append(fd)
            except OSError:  # the listing's own descriptor
                continue
    return found


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str = "",
    input: bytes = b"",
    timeout: float = -1,
) -> Result:
    """Run a command to its end and collect what it writes.

    ``timeout`` in seconds, negative for none; when it is over the process is killed
    and ``Timeout`` raised. Raises ``RuntimeFailure`` when it cannot be started.
    """
    out_r, out_w = os.pipe2(os.O_CLOEXEC)
    err_r, err_w = os.pipe2(os.O_CLOEXEC)
    in_r = in_w = -1
    if input:
        in_r, in_w = os.pipe2(os.O_CLOEXEC)
    try:
        pid = spawn(argv, env=env, cwd=cwd, stdin=in_r, stdout=out_w, stderr=err_w)
    except OSError as error:
        for fd in (out_r, err_r, in_w):
            if fd >= 0:
                os.close(fd)
        raise RuntimeFailure(f"cannot run {argv[0]}: {error.strerror}") from error
    finally:
        for fd in (out_w, err_w, in_r):
            if fd >= 0:
                os.close(fd)
    collected = {out_r: bytearray(), err_r: bytearray()}
    in_time = _pump(collected, in_w, input, timeout)
    if not in_time:
        os.kill(pid, _signal.SIGKILL)
    code = wait(pid)
    if not in_time:
        raise Timeout(f"{argv[0]} did not finish within {timeout:g} seconds")
    return Result(code, bytes(collected[out_r]), bytes(collected[err_r]))


def wait(pid: int) -> int:
    """Wait for a child; its exit code, or 128+n when signal n killed it."""
    try:
        status = os.waitpid(pid, 0)[1]
    except ChildProcessError:
        # Somebody ignores SIGCHLD or reaped it: how it ended cannot be known.
        return 255
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _pump(collected: dict[int, bytearray], in_w: int, data: bytes, timeout: float) -> bool:
    """Read the pipes to their ends; False when time ran out. Closes all descriptors."""
    from time import monotonic

    poller = select.poll()
    for fd in collected:
        poller.register(fd, select.POLLIN)
    if in_w >= 0:
        os.set_blocking(in_w, False)
        poller.register(in_w, select.POLLOUT)
    pending = memoryview(data)
    open_fds = set(collected)
    deadline = monotonic() + timeout
    while open_fds:
        left = None if timeout < 0 else max(0, int((deadline - monotonic()) * 1000))
        events = poller.poll(left)
        if not events:
            break
        for fd, _ in events:
            if fd == in_w:
                pending = _feed(in_w, pending)
                if not pending:
                    poller.unregister(in_w)
                    os.close(in_w)
                    in_w = -1
                continue
            chunk = os.read(fd, 65536)
            if chunk:
                collected[fd] += chunk
            else:
                poller.unregister(fd)
                os.close(fd)
                open_fds.discard(fd)
    for fd in (*open_fds, in_w):
        if fd >= 0:
            os.close(fd)
    return not open_fds


def _feed(fd: int, pending: memoryview) -> memoryview:
    try:
        return pending[os.write(fd, pending) :]
    except BlockingIOError:
        return pending
    except BrokenPipeError:
        return pending[:0]


def _single_threaded() -> bool:
    """Whether the process may change its working directory for a moment."""
    from sys import modules

    threading = modules.get("threading")
    return threading is None or threading.active_count() == 1


def _spawn_in_thread(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    stdio: tuple[int, int, int],
    keep: Sequence[int],
    new_session: bool,
) -> int:
    """Spawn with a working directory while other threads run: they share ours."""
    import subprocess

    streams = [subprocess.DEVNULL if fd < 0 else fd for fd in stdio]
    process = subprocess.Popen(
        list(argv),
        env=dict(env),
        cwd=cwd,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        pass_fds=tuple(keep),
        start_new_session=new_session,
    )
    # The PID is the caller's to wait for; Popen must not reap it.
    process.returncode = 0
    return process.pid
