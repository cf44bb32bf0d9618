"""What holds for all tests."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let programs that tests start end by SIGINT, also when the tests run in the background of a shell."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
