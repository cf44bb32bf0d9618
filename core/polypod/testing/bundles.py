"""OCI bundles for tests of runtimes and monitors: busybox under a config.json of the smallest kind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid

from .busybox import find_busybox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

_APPLETS = "sh true false sleep cat echo printf head dd yes ls stty tty id env kill test wc seq ps"
_PATH = "PATH=/bin:/sbin:/usr/bin:/usr/sbin"


def make_rootfs(path: Path) -> Path:
    """A directory that can be a container's root; many containers may share it read-only."""
    for name in ("bin", "dev", "etc", "proc", "sys", "tmp"):
        (path / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(find_busybox(), path / "bin" / "busybox")
    for applet in _APPLETS.split():
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc" / "passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (path / "etc" / "plain").write_text("not a program\n")
    return path


def make_bundle(
    path: Path,
    rootfs: Path,
    args: list[str],
    *,
    terminal: bool = False,
    memory: int = 0,
    cgroup: str = "",
) -> Path:
    """A directory with a config.json that runs ``args``; ``memory`` is a limit in bytes."""
    path.mkdir(parents=True, exist_ok=True)
    config = spec(rootfs, args, terminal=terminal, memory=memory, cgroup=cgroup)
    (path / "config.json").write_text(json.dumps(config))
    return path


def spec(
    rootfs: Path, args: list[str], *, terminal: bool = False, memory: int = 0, cgroup: str = ""
) -> dict[str, Any]:
    """The runtime-spec document of :func:`make_bundle`."""
    capabilities = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_SYS_CHROOT"]
    resources: dict[str, Any] = {"devices": [{"allow": False, "access": "rwm"}]}
    if memory:
        resources["memory"] = {"limit": memory, "swap": memory}
    linux: dict[str, Any] = {
        "namespaces": [{"type": name} for name in ("pid", "mount", "ipc", "uts", "network")],
        "resources": resources,
    }
    if cgroup:
        linux["cgroupsPath"] = cgroup
    return {
        "ociVersion": "1.0.2",
        "process": process(args, terminal=terminal, capabilities=capabilities),
        "root": {"path": os.fspath(rootfs), "readonly": True},
        "hostname": "test",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            },
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]},
        ],
        "linux": linux,
    }


def process(
    args: list[str], *, terminal: bool = False, capabilities: list[str] | None = None
) -> dict[str, Any]:
    """A runtime-spec Process, for a container or for exec."""
    kept = capabilities or ["CAP_KILL"]
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": args,
        "env": [_PATH, "TERM=xterm"],
        "cwd": "/",
        "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), kept),
    }


def unique_id() -> str:
    """A container ID that no other test uses: 64 hex digits."""
    return uuid.uuid4().hex + uuid.uuid4().hex


def eventually(condition: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Wait for something to become true and return it; fail the test when it does not in time."""
    deadline = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not so after {timeout:g} seconds: {condition}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def processes_with(word: str) -> list[int]:
    """PIDs of living processes that have ``word`` in their command line."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    if word.encode() in file.read():
                        found.append(int(name))
            except OSError:
                continue
    return found


def works(argv: list[str]) -> bool:
    """Whether a command succeeds, for skip conditions."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
