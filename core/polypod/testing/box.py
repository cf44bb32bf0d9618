"""A whole installation on roots of its own, with a busybox image, and what it must leave: nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time

from .busybox import write_rootfs
from .peers import unmount_below
from .program import Program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

IMAGE = "localhost/box:latest"


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of ``condition``, asked again and again; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.01)


class CliBox(Program):
    """The command line with an image; ``flags`` choose plugins. A context manager that cleans up."""

    def __init__(self, *flags: str, driver: str = "overlay") -> None:
        # Short, because podman and unix sockets limit the length of a runroot.
        super().__init__(tempfile.mkdtemp(prefix="pb"))
        self.driver = driver
        self.command[self.command.index("overlay")] = driver
        self.command += flags

    def __enter__(self) -> Self:
        tar = f"{self.folder}/box.tar"
        with open(tar, "wb") as file:
            write_rootfs(file)
        self("import", "-q", "-c", 'CMD ["sh"]', tar, IMAGE)
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self("rm", "-f", "-a", "-t", "0")
        finally:
            unmount_below(self.folder)
            shutil.rmtree(self.folder)

    def state(self, name: str) -> dict[str, Any]:
        """``State`` of ``inspect``."""
        found: dict[str, Any] = json.loads(self("container", "inspect", name))[0]["State"]
        return found

    def rows(self) -> list[dict[str, Any]]:
        """``ps -a --format json``."""
        found: list[dict[str, Any]] = json.loads(self("ps", "-a", "--format", "json"))
        return found

    def processes(self) -> dict[int, str]:
        """Processes that have this box in their command line: monitors, and commands of ours."""
        found = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if self.folder + "/" in words:
                found[int(name)] = words
        return found

    def monitor(self, name: str) -> int:
        """PID of a container's conmon."""
        return int(self.state(name)["ConmonPid"])

    def leftovers(self) -> list[str]:
        """Everything that is there after all containers are gone and should not be."""
        found = [entry for entry in self.processes().values() if "conmon" in entry]
        for base in (f"root/{self.driver}-containers", f"run/{self.driver}-containers"):
            folder = f"{self.folder}/{base}"
            names = os.listdir(folder) if os.path.isdir(folder) else []
            found += [f"{base}/{name}" for name in names if os.path.isdir(f"{folder}/{name}")]
        for base in ("run/polypod/exits", "run/polypod/persist"):
            folder = f"{self.folder}/{base}"
            found += [f"{base}/{name}" for name in (os.listdir(folder) if os.path.isdir(folder) else [])]
        with open("/proc/mounts", encoding="utf-8") as file:
            found += [line.split()[1] for line in file if self.folder + "/" in line]
        layers = f"{self.folder}/root/{self.driver}" + ("/dir" if self.driver == "vfs" else "")
        with open(f"{self.folder}/root/{self.driver}-layers/layers.json", encoding="utf-8") as file:
            known = {layer["id"] for layer in json.load(file)}
        found += [f"layer {name}" for name in os.listdir(layers) if len(name) == 64 and name not in known]
        return found
