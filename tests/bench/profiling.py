"""Shows where polypod's time goes in one case: imports, system calls, a timeline of processes."""

from __future__ import annotations

import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path

from cases import Case
from engines import CLI
from measure import processes, settle

_TOP = 25
_WAITS = {"wait4", "waitid", "poll", "ppoll", "select", "pselect6", "read", "futex", "recvmsg",
          "recvfrom", "connect", "flock", "fcntl", "fsync", "fdatasync", "mount", "umount2",
          "unshare", "openat2", "epoll_wait", "accept4", "sendmsg", "unlink", "rmdir", "rename"}  # fmt: skip
_LIFE = {"execve", "exit_group", "clone", "clone3", "fork", "vfork"}

_STRACE = re.compile(r"^(\d+) +(\d+\.\d+) (.*)$")
_CALL = re.compile(r"^(?:<\.\.\. )?(\w+)(?: resumed>|\()")
_TOOK = re.compile(r"<(\d+\.\d+)>$")
_IMPORT = re.compile(r"^import time: +(\d+) \| +(\d+) \| ( *)(\S+)$")


def profile(engine: CLI, case: Case, folder: Path) -> None:
    """Print the three views. Commands that a case needs before and after run unobserved."""
    for view in (_warm, _imports, _syscalls, _timeline):
        for args in case.before:
            engine.call(case.store, args, case.backend)
        view(engine, engine.argv(case.store, case.args, case.backend), folder)
        for args in case.after:
            engine.call(case.store, args, case.backend)


def _warm(engine: CLI, argv: list[str], _folder: Path) -> None:
    """One run, so that caches are full."""
    before = processes()
    engine.clock.call(argv)
    settle(before)


def _imports(engine: CLI, argv: list[str], folder: Path) -> None:
    """``-X importtime`` of what the launcher runs."""
    before = processes()
    python = sys.executable
    log = folder / "stderr"
    engine.clock.call([python, "-I", "-S", "-X", "importtime", "--", argv[0], *argv])
    settle(before)
    found = [m for line in log.read_text().splitlines() if (m := _IMPORT.match(line))]
    by_package: dict[str, int] = defaultdict(int)
    for match in found:
        parts = match[4].split(".")
        by_package[".".join(parts[:2] if parts[0] == "polypod" else parts[:1])] += int(match[1])
    total = sum(int(match[1]) for match in found)
    print(f"\n== imports: {len(found)} modules, {total / 1000:.1f} ms (traced: slower than it is)")
    for name, us in sorted(by_package.items(), key=lambda item: -item[1])[:_TOP]:
        print(f"{us / 1000:8.2f} ms  {name}")
    print("-- dearest single modules (own time)")
    for match in sorted(found, key=lambda m: -int(m[1]))[:_TOP]:
        print(f"{int(match[1]) / 1000:8.2f} ms  {match[4]}")


def _syscalls(engine: CLI, argv: list[str], folder: Path) -> None:
    """``strace -c`` of polypod alone."""
    out = folder / "strace"
    before = processes()
    engine.clock.call([_strace(), "-c", "-o", str(out), *argv])
    settle(before)
    print("\n== system calls of polypod itself")
    print("\n".join(out.read_text().splitlines()[:18]))


def _timeline(engine: CLI, argv: list[str], folder: Path) -> None:
    """Births, deaths and long waits of all processes, in ms since the start."""
    out = folder / "strace"
    calls = ",".join(sorted(_WAITS | _LIFE))
    before = processes()
    engine.clock.call([
        _strace(), "-f", "--seccomp-bpf", "-ttt", "-T", "-s", "80", "-e", f"trace=?{calls.replace(',', ',?')}",
        "-e", "signal=none", "-o", str(out), *argv,
    ])  # fmt: skip
    settle(before)
    print("\n== timeline, ms since the start (traced: slower than it is)")
    start, names = 0.0, {}
    for line in out.read_text().splitlines():
        match = _STRACE.match(line)
        if match is None:
            continue
        pid, stamp, text = match[1], float(match[2]), match[3]
        start = start or stamp
        call = _CALL.match(text)
        took = _TOOK.search(text)
        seconds = float(took[1]) if took else 0.0
        name = call[1] if call else text.split()[0]
        if name == "execve" and "= 0" in text and '"' in text:
            names[pid] = text.split('"')[1].rpartition("/")[2]
        if name in _LIFE or text.startswith("+++") or seconds > 0.0005:
            end = stamp - start
            print(f"{end * 1000:8.2f} {pid:>6} {names.get(pid, ''):10} {text[:150]}")


def _strace() -> str:
    program = shutil.which("strace")
    if program is None:
        raise FileNotFoundError("no strace found: apt-get install strace")
    return program
