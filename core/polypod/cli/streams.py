"""Which of our file descriptors a container gets, and the terminal around them."""

from __future__ import annotations

import os

from ..errors import UsageError
from ..model.runtime import AttachStreams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import ContainerCreate
    from .parse import Options

DEFAULT_KEYS = "ctrl-p,ctrl-q"


def streams_for(opts: Options, request: ContainerCreate) -> AttachStreams:
    """The streams of a foreground ``run``: all, or those of --attach; stdin only with -i."""
    if not opts.attach:
        return AttachStreams(
            stdin=0 if opts.interactive else -1,
            stdout=1,
            stderr=2,
            terminal=opts.tty,
            detach_keys=keys(request.lifecycle.detach_keys, opts.tty),
        )
    if request.log.driver.startswith("passthrough"):
        raise UsageError("cannot specify --attach with --log-driver=passthrough: invalid argument")
    wanted = [name.lower() for name in opts.attach]
    for name in wanted:
        if name not in ("stdin", "stdout", "stderr"):
            raise UsageError(
                f'invalid stream "{name}" for --attach - must be one of stdin, stdout, or stderr: '
                "invalid argument"
            )
    return AttachStreams(
        stdin=0 if "stdin" in wanted or opts.interactive else -1,
        stdout=1 if "stdout" in wanted else -1,
        stderr=2 if "stderr" in wanted else -1,
        terminal=opts.tty,
        detach_keys=keys(request.lifecycle.detach_keys, opts.tty),
    )


def keys(text: str | None, terminal: bool) -> bytes:
    """The detach sequence as bytes; None is the default, "" switches detaching off.

    Without a terminal nobody types: bytes of a file must not detach by chance.
    """
    if not terminal:
        return b""
    from ..kit.tty import detach_sequence

    return detach_sequence(DEFAULT_KEYS if text is None else text)


class interactive_terminal:  # noqa: N801 - reads like a verb
    """Our terminal in raw mode while the container has one of its own."""

    def __init__(self, streams: AttachStreams | None) -> None:
        self._raw = None
        if streams is not None and streams.terminal and streams.stdin >= 0 and os.isatty(streams.stdin):
            from ..kit.tty import raw

            self._raw = raw(streams.stdin)

    def __enter__(self) -> None:
        if self._raw is not None:
            self._raw.__enter__()

    def __exit__(self, *exc: object) -> None:
        if self._raw is not None:
            self._raw.__exit__(*exc)  # type: ignore[arg-type]
