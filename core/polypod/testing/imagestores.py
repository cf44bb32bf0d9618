"""File systems of every kind with an image store on them, for tests; all of it goes away again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from .busybox import write_rootfs
from .peers import need
from .program import Program, program


class Disks:
    """Makes mounts below a folder and takes them away: use :meth:`close` in a finally clause."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.fuse: dict[str, int] = {}

    def place(self, name: str) -> str:
        """A fresh directory."""
        path = f"{self.folder}/{name}"
        os.makedirs(path, exist_ok=True)
        return path

    def tmpfs(self, name: str) -> str:
        """A mounted tmpfs."""
        path = self.place(name)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
        return path

    def loop(self, name: str, kind: str = "ext4", size: int = 64) -> str:
        """A mounted loop device with a fresh file system; the test is skipped when no device is free."""
        need(f"mkfs.{kind}")
        path, file = self.place(name), f"{self.folder}/{name}.img"
        size = max(size, 320) if kind == "xfs" else size
        with open(file, "wb") as image:
            image.truncate(size << 20)
        subprocess.run([f"mkfs.{kind}", "-q", file], check=True)
        self.mount_loop(file, path)
        return path

    def mount_loop(self, file: str, path: str) -> None:
        """Mount a file with a file system in it, waiting a while for a free device."""
        deadline = time.monotonic() + 60
        while True:
            done = subprocess.run(
                ["mount", "-o", "loop", file, path], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            if "loop" not in done.stderr or time.monotonic() > deadline:
                import pytest

                pytest.skip(f"no loop device: {done.stderr.strip()}")
            time.sleep(0.2)  # other tests have all eight

    def bindfs(self, source: str, name: str, *options: str) -> str:
        """A FUSE file system that shows a directory."""
        need("bindfs")
        path = self.place(name)
        process = subprocess.Popen(["bindfs", "-f", *options, source, path])
        self.fuse[path] = process.pid
        deadline = time.monotonic() + 20
        while not os.path.ismount(path):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.01)
        return path

    def stop(self, path: str) -> None:
        """Let the FUSE process of a mount hang: whoever looks at the mount waits."""
        os.kill(self.fuse[path], signal.SIGSTOP)

    def resume(self, path: str) -> None:
        """Let it go on."""
        os.kill(self.fuse[path], signal.SIGCONT)

    def resume_all(self) -> None:
        """Let all go on, as far as they live."""
        for path in self.fuse:
            try:
                self.resume(path)
            except ProcessLookupError:
                continue

    def unmount(self, path: str, *, lazy: bool = False) -> None:
        """Unmount, lazily as if somebody had pulled the disk."""
        subprocess.run(["umount", *(["-l"] if lazy else []), path], check=True)

    def unmount_below(self, path: str) -> None:
        """Unmount what an engine has left mounted in a store."""
        unmount_all(path)

    def close(self) -> None:
        """Unmount and remove everything."""
        self.resume_all()
        for pid in self.fuse.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        unmount_all(self.folder)
        for pid in self.fuse.values():
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue
        shutil.rmtree(self.folder)


def unmount_all(folder: str) -> None:
    """Lazily unmount whatever is mounted below a folder."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    for point in reversed(points):
        if point.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)


class Filler:
    """Another engine that fills a store through ``--imagestore``."""

    def __init__(self, folder: str, store: str, name: str = "filler") -> None:
        self.cli = Program(f"{folder}/{name}")
        self.cli.command = [
            program(), "--root", f"{folder}/{name}/root", "--runroot", f"{folder}/{name}/run",
            "--imagestore", store, "--storage-driver", "overlay",
        ]  # fmt: skip
        self.store = store

    def __call__(self, *words: object, **options: Any) -> str:
        return self.cli(*words, **options)

    def busybox(self, folder: str, name: str = "bb") -> str:
        """Import a busybox image; its ID."""
        tar = Path(folder) / "busybox.tar"
        if not tar.exists():
            with open(tar, "w+b") as file:
                write_rootfs(file)
        flags = ("-q", "-c", 'CMD ["/bin/sh"]', "-c", "ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin")
        return self("import", *flags, tar, name).strip().removeprefix("sha256:")

    def child(self, name: str, script: str, base: str = "bb") -> str:
        """Commit an image on top of another one by running a script; its ID."""
        self("run", "--net=none", "--name", "filling", base, "sh", "-c", script)
        try:
            return self("commit", "-q", "filling", name).strip()
        finally:
            self("rm", "filling")
