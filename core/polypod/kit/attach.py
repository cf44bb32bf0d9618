"""The client side of conmon's attach socket: bytes between the caller's descriptors and a container.

The socket is ``SOCK_SEQPACKET``. What the monitor sends are packets whose first byte
tells the stream (2 stdout, 3 stderr); what the client sends is the container's stdin, bare.
Shutting down the client's sending side closes that stdin.
"""

from __future__ import annotations

import _socket
import errno
import os
import select

from ..errors import RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.runtime import AttachStreams

STDOUT = 2
STDERR = 3
#: conmon reads its clients in pieces of 32 KiB and cuts what is longer.
_SEND = 32768
_RECEIVE = 65536


def connect(directory: str) -> _socket.socket:
    """Connect to ``directory/attach``, however long the path is.

    Raises ``RuntimeFailure`` when nobody listens there.
    """
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    where = -1
    try:
        path = f"{directory}/attach"
        if len(path) > 100:
            # sun_path holds 108 bytes; the way over an open directory is short.
            where = os.open(directory, os.O_PATH | os.O_CLOEXEC)
            path = f"/proc/self/fd/{where}/attach"
        sock.connect(path)
    except OSError as error:
        sock.close()
        raise RuntimeFailure(
            f"cannot attach: the monitor's socket {directory}/attach does not answer"
            f" ({error.strerror}); the container has probably ended"
        ) from error
    finally:
        if where >= 0:
            os.close(where)
    return sock


def pump(sock: _socket.socket, streams: AttachStreams) -> str:
    """Carry data both ways until the container ends; ``"ended"``, or ``"detached"`` by keys.

    Output for a stream that is not connected (-1) is dropped. Closes the socket.
    Output that nobody reads any more (a closed pipe) is dropped as well, so that
    the container goes on.
    """
    try:
        return _Pump(sock, streams).run()
    finally:
        sock.close()


class _Pump:
    def __init__(self, sock: _socket.socket, streams: AttachStreams) -> None:
        self.sock = sock
        self.stdin = streams.stdin
        self.targets = {STDOUT: streams.stdout, STDERR: streams.stderr}
        self.keys = KeyWatch(streams.detach_keys)
        self.pending = b""  # stdin that the monitor has not taken yet
        self.eof = False
        self.buffer = bytearray(_RECEIVE)
        self.view = memoryview(self.buffer)

    def run(self) -> str:
        if self.stdin < 0:
            # Output alone needs no poll: a blocking receive is all there is.
            while self.receive():
                pass
            return "ended"
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        reading = self._watch_stdin(poller)
        while True:
            for fd, event in poller.poll():
                if fd == self.sock.fileno():
                    if event & select.POLLOUT:
                        self.flush()
                    if event & ~select.POLLOUT and not self.receive():
                        return "ended"
                elif self.read_stdin():
                    self._finish_detach()
                    return "detached"
            wanted = select.POLLIN | (select.POLLOUT if self.pending else 0)
            poller.modify(self.sock, wanted)
            # No further input is read before the last one is delivered.
            hungry = not self.pending and not self.eof
            if reading and not hungry:
                poller.unregister(self.stdin)
                reading = False
            elif hungry and not reading:
                reading = self._watch_stdin(poller)

    def _watch_stdin(self, poller: select.poll) -> bool:
        poller.register(self.stdin, select.POLLIN)
        return True

    def receive(self) -> bool:
        """Pass on one packet; False at the end."""
        try:
            size = self.sock.recv_into(self.buffer)
        except OSError as error:
            if error.errno in (errno.ECONNRESET, errno.ENOTCONN):
                return False
            raise
        if size == 0:
            return False
        stream = self.buffer[0]
        target = self.targets.get(stream, -1)
        if target >= 0 and not write_all(target, self.view[1:size]):
            self.targets[stream] = -1
        return True

    def read_stdin(self) -> bool:
        """Take some input; True when the detach keys were typed."""
        try:
            data = os.read(self.stdin, _SEND)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that has gone away
                raise
            data = b""
        if not data:
            self.eof = True
            self.pending += self.keys.rest()
        else:
            forward, detach = self.keys.feed(data)
            self.pending += forward
            if detach:
                self.flush()
                return True
        self.flush()
        return False

    def flush(self) -> None:
        """Send pending input as far as the monitor takes it; then pass on the end of it."""
        while self.pending:
            try:
                sent = self.sock.send(
                    self.pending[:_SEND], _socket.MSG_DONTWAIT | _socket.MSG_NOSIGNAL
                )
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN):
                    raise
                # The container reads no more; its output may still come.
                self.pending = b""
                self.eof = True
                return
            self.pending = self.pending[sent:]
        if self.eof:
            self.close_input()

    def close_input(self) -> None:
        try:
            self.sock.shutdown(_socket.SHUT_WR)
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise

    def _finish_detach(self) -> None:
        self.flush()


class KeyWatch:
    """Look for the detach sequence in typed input, across reads.

    The beginning of a possible match is held back until it is complete or broken.
    """

    def __init__(self, keys: bytes) -> None:
        self.keys = keys
        self.held = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Return what may be passed on, and whether the sequence is complete."""
        if not self.keys:
            return data, False
        data = self.held + data
        self.held = b""
        found = data.find(self.keys)
        if found >= 0:
            return data[:found], True
        for size in range(min(len(self.keys) - 1, len(data)), 0, -1):
            if data.endswith(self.keys[:size]):
                self.held = data[-size:]
                return data[:-size], False
        return data, False

    def rest(self) -> bytes:
        """What was held back when the input ended."""
        held, self.held = self.held, b""
        return held


def write_all(fd: int, data: memoryview) -> bool:
    """Write everything, waiting where ``fd`` does not block; False when nobody reads it."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            poller = select.poll()
            poller.register(fd, select.POLLOUT)
            poller.poll()
        except OSError as error:
            if error.errno in (errno.EPIPE, errno.EIO, errno.EBADF):
                return False
            raise
    return True
