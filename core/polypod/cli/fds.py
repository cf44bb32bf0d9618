"""--preserve-fds and --preserve-fd: descriptors of ours that the container's process inherits."""

from __future__ import annotations

import os

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .parse import Options


def inherited(opts: Options) -> tuple[int, ...]:
    """Their numbers."""
    if opts.preserve_fds and opts.preserve_fd:
        raise UsageError("cannot specify both --preserve-fds and --preserve-fd")
    if opts.preserve_fd:
        for text in opts.preserve_fd:
            if not text.isdigit():
                raise UsageError(f"invalid file descriptor {text!r} in --preserve-fd")
        return tuple(sorted({int(text) for text in opts.preserve_fd}))
    return tuple(range(3, 3 + opts.preserve_fds))


def check_inherited(opts: Options) -> None:
    """Refuse descriptors that nobody passed to us."""
    flag = "preserve-fd" if opts.preserve_fd else "preserve-fds"
    for fd in inherited(opts):
        try:
            os.fstat(fd)
        except OSError:
            raise UsageError(
                f"file descriptor {fd} is not available - the {flag} option requires that "
                "file descriptors must be passed"
            ) from None
