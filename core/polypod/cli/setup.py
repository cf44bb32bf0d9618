"""What the global flags do before the command runs, and how a bug is told to the user."""

from __future__ import annotations

import os
import sys

from ..kit import log
from .context import Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .parse import Options


def apply_globals(ctx: Context, options: Options) -> None:
    """Redirect stdout, set the log level, and hand the given flags to ``ctx``.

    These end the process with 1, not 125, when they are wrong: podman's do.
    """
    from .globals import IGNORED

    _redirect("/dev/null" if options.noout else options.out)
    _set_level(ctx, options)
    if options.syslog:
        log.enable_syslog()
    given = options.given()
    if given.get("remote") is False:
        del given["remote"]
    ctx.flags = {name: value for name, value in given.items() if name not in IGNORED}


def _redirect(path: str) -> None:
    if not path:
        return
    try:
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o777)
    except OSError as error:
        _fail(f"unable to open file for standard output: open {path}: {error.strerror}")
    os.dup2(fd, 1)
    os.close(fd)


def _set_level(ctx: Context, options: Options) -> None:
    name = options.log_level.lower()
    if options.debug:
        if name != "warn":
            _fail("Setting --log-level and --debug is not allowed")
        name = "debug"
    if name not in log.LEVELS:
        from .globals import LOG_LEVELS

        choices = ", ".join(LOG_LEVELS)
        _fail(f'Log Level "{options.log_level}" is not supported, choose from: {choices}')
    log.set_level(log.LEVELS[name])
    if log.level >= log.INFO:
        log.info(f"{ctx.prog} filtering at log level {name}")
        log.debug(f"called {ctx.command_path} as {' '.join(sys.argv)}")
        log.trace(f"python {sys.version.split()[0]} at {sys.executable}")


def _fail(message: str) -> None:
    os.write(2, (message + "\n").encode())
    os._exit(1)


def describe_bug(error: Exception) -> str:
    """Word an exception that nobody foresaw: one line, and the trace at debug level."""
    import traceback

    if log.level >= log.DEBUG:
        try:
            for line in traceback.format_exception(error):
                os.write(2, line.encode("utf-8", "replace"))
        except OSError:
            pass  # stderr is full or closed; the exit code still tells
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    text = " ".join(str(error).split())
    return (
        f"unexpected {type(error).__name__}{where}: {text}; this is a bug, "
        "--log-level=debug shows the trace"
    )
