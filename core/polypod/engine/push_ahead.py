"""Reads ahead: a layer is read and hashed in one thread while another one compresses and sends."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from queue import SimpleQueue
    from threading import Semaphore

_PIECES = 4  # of the source's size, 1 MiB at most each


def ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, up to four of them made beforehand; errors come where their piece would."""
    from queue import SimpleQueue
    from threading import Semaphore, Thread

    queue: SimpleQueue[bytes | BaseException | None] = SimpleQueue()
    room = Semaphore(_PIECES)
    given_up: list[bool] = []

    def run() -> None:
        try:
            for chunk in chunks:
                room.acquire()
                if given_up:
                    return
                queue.put(chunk)
            queue.put(None)
        except BaseException as error:
            queue.put(error)

    thread = Thread(target=run, name="read ahead", daemon=True)
    thread.start()
    try:
        yield from _taken(queue, room)
    finally:
        given_up.append(True)
        room.release()
        thread.join()


def _taken(
    queue: SimpleQueue[bytes | BaseException | None], room: Semaphore
) -> Iterator[bytes]:
    while (item := queue.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        room.release()
        yield item
