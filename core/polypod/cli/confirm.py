"""The question before something is removed."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context


def confirm(ctx: Context, warning: str) -> bool:
    """Print the warning, ask, and tell whether the answer on stdin begins with y.

    Raises ``UsageError`` when stdin ends before an answer.
    """
    ctx.out(warning + "Are you sure you want to continue? [y/N] ", end="")
    answer = b""
    while not answer.endswith(b"\n"):
        # Byte by byte: what follows the line is not ours.
        byte = os.read(0, 1)
        if not byte:
            from ..errors import UsageError

            raise UsageError("EOF: no answer on stdin; use --force to remove without asking")
        answer += byte
    return answer[:1].lower() == b"y"
