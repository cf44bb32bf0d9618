"""Run one function beside the main thread, without ``threading`` (3 ms of imports)."""

from __future__ import annotations

import _thread
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")
else:

    class Generic:
        """Stands in for typing.Generic at run time."""

        def __class_getitem__(cls, _item):
            return cls

    T = None


class Background(Generic[T]):
    """``Background(function, *args)`` starts at once; :meth:`result` waits, returns or raises."""

    def __init__(self, function: Callable[..., T], *args: Any) -> None:
        # The default of 5 ms would let the new thread wait for its first turn longer than its work takes.
        sys.setswitchinterval(0.0002)
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self._value: Any = None
        self._error: BaseException | None = None
        _thread.start_new_thread(self._run, (function, args))

    def _run(self, function: Callable[..., T], args: tuple[Any, ...]) -> None:
        try:
            self._value = function(*args)
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error
        finally:
            self._done.release()

    def result(self) -> T:
        """Wait for the function; may be called once or more."""
        self._done.acquire()
        self._done.release()
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]
