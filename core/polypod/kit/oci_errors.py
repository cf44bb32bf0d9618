"""Turn what OCI runtimes write when they fail into polypod's errors.

Runtimes report as plain text (crun), logfmt (runc: ``time=… level=error msg="…"``), JSON
lines (``--log-format json``) or text with a level and a backtrace (youki). The exit codes
126 and 127 hang on telling "not found" from "may not be executed", and people
and scripts look for the wordings that podman prints.
"""

from __future__ import annotations

from ..errors import CommandNotExecutable, CommandNotFound, RuntimeFailure

_NOT_EXECUTABLE = ("permission denied", "operation not permitted")
_NOT_FOUND = (
    "executable file not found in",
    "no such file or directory",
    "not found in $path",
    "open executable",
)
#: Said of the command, although none of the two above.
_NOT_EXECUTABLE_HERE = (
    "is a directory",
    "exec format error",
    "is not a regular file",
    "does not have correct permissions",
)
_HARMLESS = ("warning", "warn", "info", "debug", "trace")
_HYBRID = "cgroups in hybrid mode not supported"


def runtime_error(name: str, text: str) -> RuntimeFailure:
    """The error for a runtime's output: ``NAME: what it said: what that means``.

    ``text`` is stderr or the log file's content, whole. The result is to be raised.
    """
    lines = messages(text)
    for line in lines:
        if _has(line, _NOT_EXECUTABLE):
            return CommandNotExecutable(f"{name}: {line}: OCI permission denied")
    for line in lines:
        if _has(line, _NOT_FOUND):
            meaning = "OCI runtime attempted to invoke a command that was not found"
            return CommandNotFound(f"{name}: {line}: {meaning}")
    for line in lines:
        if _has(line, _NOT_EXECUTABLE_HERE) and "exec" in line.lower():
            return CommandNotExecutable(f"{name}: {line}: OCI runtime error")
    said = "; ".join(lines) or "failed without a message"
    if _HYBRID in said:
        said += _hybrid_remedy()
    return RuntimeFailure(f"{name}: {said}: OCI runtime error")


def messages(text: str) -> list[str]:
    """The lines of a runtime's output that say something, undressed and without repeats.

    >>> messages('time="2026-11-24T13:43:19Z" level=error msg="exec: \\\\"x\\\\": not found"')
    ['exec: "x": not found']
    """
    found: list[str] = []
    traced = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("Stack backtrace"):
            break
        said, level, target = _undress(line)
        if not said or said == "Caused by:" or level in _HARMLESS:
            continue
        if target:
            # A trace tells the same again on every level of calls; the last one is the whole.
            traced = said
        elif said not in found and said != traced:
            found.append(said)
    if traced:
        found.insert(0, traced)
    return found or [line.strip() for line in text.splitlines() if line.strip()][-1:]


def _undress(line: str) -> tuple[str, str, str]:
    """Message, level and (of a trace) the speaking module of one line of output."""
    if line.startswith("{") and line.endswith("}"):
        from .fastjson import loads

        try:
            record = loads(line)
        except ValueError:
            return line, "", ""
        said = str(record.get("msg") or record.get("message") or line)
        return _core(said), str(record.get("level", "")).lower(), str(record.get("target", ""))
    if line.startswith("time=") and " msg=" in line:
        head, _, said = line.partition(" msg=")
        return _unquote(said), head.partition("level=")[2].split(" ", 1)[0], ""
    first, _, rest = line.partition(" ")
    if first in ("ERROR", "WARN", "INFO", "DEBUG") and ": " in rest:
        target, _, said = rest.partition(": ")
        return _core(said), first.lower(), target
    return _core(line.removeprefix("Error: ")), "", ""


def _core(said: str) -> str:
    """Without the introductions that say nothing (youki's)."""
    said = said.partition("Stack backtrace:")[0].removeprefix("error in executing command: ")
    lines = [line.strip() for line in said.splitlines()]
    said = ": ".join(line for line in lines if line and line != "Caused by:")
    return said.rpartition("error in executing process : ")[2] or said


def _unquote(text: str) -> str:
    """Undo logfmt's quoting of a value that is the last of its line."""
    if not text.startswith('"'):
        return text
    body = text[1 : text.rfind('"')] if text.rfind('"') > 0 else text[1:]
    return body.replace('\\"', '"').replace("\\\\", "\\")


def _has(line: str, needles: tuple[str, ...]) -> bool:
    lowered = line.lower()
    return any(needle in lowered for needle in needles)


def _hybrid_remedy() -> str:
    """What helps a runtime that refuses a host whose cgroup2 keeps a controller of its own."""
    try:
        with open("/sys/fs/cgroup/unified/cgroup.controllers", encoding="utf-8") as file:
            left = file.read().split()
    except OSError:
        left = []
    if not left:
        return ""
    mounts = " ".join(
        f"mkdir -p /sys/fs/cgroup/{c} && mount -t cgroup -o {c} cgroup /sys/fs/cgroup/{c};"
        for c in left
    )
    return f" (this runtime wants every controller in a v1 hierarchy: {mounts.rstrip(';')})"
