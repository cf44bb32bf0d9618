"""Questions at the terminal: a line, a password without echo, one of several."""

from __future__ import annotations

import os

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context

_UP, _DOWN = ("\x1b[A", "\x1bOA", "k", "\x10"), ("\x1b[B", "\x1bOB", "j", "\x0e")


def is_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return os.isatty(0) and os.isatty(1)


def line(ctx: Context, question: str) -> str:
    """One line of standard input after a question; raises ``UsageError`` at its end."""
    ctx.out(question, end="")
    answer = b""
    while not answer.endswith(b"\n"):
        # Byte by byte: what follows the line is not ours.
        byte = os.read(0, 1)
        if not byte:
            if answer:
                break
            raise UsageError(f"{question.strip(' :').lower()}: no answer on standard input")
        answer += byte
    return answer.decode("utf-8", "surrogateescape").strip()


def password(ctx: Context, question: str) -> str:
    """A line that the terminal does not show; a terminal is needed."""
    import termios

    if not os.isatty(0):
        raise UsageError("reading password: inappropriate ioctl for device: use --password-stdin")
    before = termios.tcgetattr(0)
    silent = [*before]
    silent[3] &= ~termios.ECHO
    try:
        termios.tcsetattr(0, termios.TCSAFLUSH, silent)
        return line(ctx, question)
    finally:
        termios.tcsetattr(0, termios.TCSAFLUSH, before)
        ctx.out("")


def choose(ctx: Context, question: str, choices: list[str]) -> int:
    """The index of one of several, chosen with the arrow keys (or j and k) and Enter."""
    from ..kit.tty import raw

    at = 0
    ctx.out(f"? {question}: ")
    with raw(0):
        while True:
            rows = [f"{'▸' if number == at else ' '} {text}" for number, text in enumerate(choices)]
            ctx.out("".join(f"\r\x1b[K  {row}\r\n" for row in rows), end="")
            key = os.read(0, 16).decode("utf-8", "replace")
            if not key or key in ("\x03", "\x04"):
                raise UsageError("no image was chosen")
            if key in ("\r", "\n"):
                break
            at = min(max(at + (key in _DOWN) - (key in _UP), 0), len(choices) - 1)
            ctx.out(f"\x1b[{len(choices)}A", end="")
        ctx.out(f"\x1b[{len(choices) + 1}A\r\x1b[J", end="")
    ctx.out(f"✔ {choices[at]}")
    return at


def image_chooser(ctx: Context) -> Callable[[list[str]], int] | None:
    """For ``Registries.candidates``: the question for a short name, ``None`` without a terminal."""
    if not is_terminal():
        return None
    return lambda names: choose(ctx, "Please select an image", names)
