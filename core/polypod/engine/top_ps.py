"""``top`` with options of ps(1): ps itself, in the container's PID namespace."""

from __future__ import annotations

import os
import subprocess

from ..errors import PolypodError, UsageError
from .top import running_pid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .runtime import Runtime

#: With it a process can trace the host's ps, so the container's own is taken then.
_TRACES = "CAP_SYS_PTRACE"


def ps_lines(rt: Runtime, container_id: str, arguments: Sequence[str]) -> list[str]:
    """The lines that ps prints, without the one of ps itself; one argument is split as a shell would.

    Raises ``UsageError`` with ps' message when it refuses the arguments.
    """
    words = list(arguments)
    if len(words) == 1:
        import shlex

        try:
            words = shlex.split(words[0])
        except ValueError as error:
            raise UsageError(f"parsing ps args: {error}") from None
    pid = running_pid(rt, container_id)
    text = _inside(rt, container_id, words) if _may_trace(pid) else _from_host(pid, words)
    own = " ".join(arguments)
    return [line for line in text.splitlines() if own not in line]


def _may_trace(pid: int) -> bool:
    from ..oci.capabilities import NAMES

    bit = 1 << NAMES.index(_TRACES)
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        masks = [int(line.split()[1], 16) for line in file if line.startswith("CapEff:")]
    return any(mask & bit for mask in masks)


def _from_host(pid: int, words: list[str]) -> str:
    """The host's ps with a /proc of the container's PID namespace, in a mount namespace of its own."""
    enter = ["nsenter", "--target", str(pid), "--pid", "unshare", "--mount", "--mount-proc"]
    environment = {"HOME": os.environ.get("HOME", "/"), "PATH": os.environ.get("PATH", os.defpath)}
    try:
        done = subprocess.run(
            [*enter, "ps", *words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise PolypodError("top with options of ps needs nsenter and unshare: install util-linux") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"ps(1) failed with exit code {done.returncode}: {message}")
    return done.stdout.decode(errors="replace")


def _inside(rt: Runtime, container_id: str, words: list[str]) -> str:
    from ..model.runtime import AttachStreams
    from .exec import ExecRequest, exec_in

    with (
        open(os.memfd_create("out", os.MFD_CLOEXEC), "rb") as out,
        open(os.memfd_create("err", os.MFD_CLOEXEC), "rb") as err,
    ):
        streams = AttachStreams(stdin=-1, stdout=out.fileno(), stderr=err.fileno())
        code, _ = exec_in(rt, container_id, ExecRequest(command=("ps", *words)), streams)
        out.seek(0)
        err.seek(0)
        if code:
            message = err.read().decode(errors="replace").strip()
            raise UsageError(f"executing ps(1) in container: exit status {code}: {message}")
        return out.read().decode(errors="replace")
