"""Pass signals of the foreground process on to the container (--sig-proxy)."""

from __future__ import annotations

import _signal

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from .runtime import Runtime

# Not proxied: SIGKILL and SIGSTOP cannot be caught; SIGCHLD, SIGPIPE, SIGWINCH and SIGURG are
# ours; SIGTSTP, SIGTTIN and SIGTTOU belong to job control; faults are our own.
_OWN = {9, 19, 17, 13, 28, 23, 18, 20, 21, 22, 4, 5, 7, 8, 11, 27, 26, 31}


class SignalProxy:
    """``with SignalProxy(rt, container, True):`` forwards every signal that can be forwarded."""

    def __init__(self, rt: Runtime, container: Container, enabled: bool) -> None:
        self._rt = rt
        self._container = container
        self._enabled = enabled
        self._before: dict[int, object] = {}

    def __enter__(self) -> SignalProxy:
        if self._enabled:
            for number in range(1, 65):
                if number not in _OWN and number not in (32, 33):
                    self._before[number] = _signal.signal(number, self._forward)
        return self

    def _forward(self, number: int, _frame: object) -> None:
        from .cleanup import runtime_of

        try:
            runtime_of(self._rt, self._container).kill(self._container.id, number, False)
        except PolypodError:
            return  # it ended meanwhile; its exit code is on the way

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            _signal.signal(number, handler)  # type: ignore[arg-type]
