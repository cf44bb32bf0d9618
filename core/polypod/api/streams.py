"""Files in memory and pipes between a container's stdio and the program."""

from __future__ import annotations

import os

from ..model.runtime import AttachStreams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Captured:
    """stdin from bytes, stdout and stderr into memory; no threads, no size limit but the memory's."""

    def __init__(self, stdin: bytes | None) -> None:
        self._fds = [os.memfd_create("stdout"), os.memfd_create("stderr")]
        source = -1
        if stdin is not None:
            source = os.memfd_create("stdin")
            self._fds.append(source)
            os.write(source, stdin) if stdin else None
            os.lseek(source, 0, os.SEEK_SET)
        self.streams = AttachStreams(stdin=source, stdout=self._fds[0], stderr=self._fds[1])

    def __enter__(self) -> Captured:
        return self

    def __exit__(self, *_exc: object) -> None:
        for fd in self._fds:
            os.close(fd)

    @property
    def stdout(self) -> bytes:
        """What was written so far."""
        return _read_all(self._fds[0])

    @property
    def stderr(self) -> bytes:
        """What was written so far."""
        return _read_all(self._fds[1])


def _read_all(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def streamed(
    work: Callable[[AttachStreams], int], stdin: bytes | None
) -> Generator[tuple[str, bytes], None, int]:
    """Run ``work`` beside the caller and yield ``("stdout"|"stderr", data)`` as data comes.

    The generator returns the exit code (``StopIteration.value``) and raises what
    ``work`` raised.
    """
    import select

    from ..kit.background import Background

    out_r, out_w = os.pipe2(os.O_CLOEXEC)
    err_r, err_w = os.pipe2(os.O_CLOEXEC)
    source = -1
    if stdin is not None:
        source = os.memfd_create("stdin")
        os.write(source, stdin)
        os.lseek(source, 0, os.SEEK_SET)

    def run() -> int:
        try:
            return work(AttachStreams(stdin=source, stdout=out_w, stderr=err_w))
        finally:
            for fd in (out_w, err_w, source):
                if fd >= 0:
                    os.close(fd)

    task = Background(run)
    names = {out_r: "stdout", err_r: "stderr"}
    poller = select.poll()
    for fd in names:
        poller.register(fd, select.POLLIN)
    try:
        open_fds = set(names)
        while open_fds:
            for fd, _event in poller.poll():
                data = os.read(fd, 65536)
                if data:
                    yield names[fd], data
                else:
                    poller.unregister(fd)
                    open_fds.discard(fd)
    finally:
        # A caller who stops early closes our ends; the container goes on without them.
        os.close(out_r)
        os.close(err_r)
    return task.result()
