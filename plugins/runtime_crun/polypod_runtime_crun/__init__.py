"""crun as polypod's OCI runtime: C, and the fastest of the three."""

from __future__ import annotations

import os

from polypod.kit.fastjson import loads
from polypod.kit.oci_cli import OCIRuntimeCLI, RuntimeConfig
from polypod.spec.markers import hookimpl

from .hybrid import left_to_cgroup2, mount_as_v1


class Crun(OCIRuntimeCLI):
    """Runtime driver ``crun``."""

    class Config(RuntimeConfig):
        """The plugin's table in polypod.conf."""

        mount_v1: bool = True  # on a hybrid host, mount controllers left to cgroup2 as v1

    name = "crun"
    candidates = (
        "/usr/bin/crun",
        "/usr/local/bin/crun",
        "/usr/local/sbin/crun",
        "/usr/sbin/crun",
        "/sbin/crun",
        "/bin/crun",
    )

    @hookimpl
    def runtime_command(self) -> tuple[str, ...]:
        """See ``polypod.spec.runtime``; asked for before every create."""
        if self.config.mount_v1 and os.geteuid() == 0:
            left = left_to_cgroup2()
            if left:
                mount_as_v1(left)
        return self._command

    def parse_ps(self, output: str) -> list[int]:
        """crun 1.x before 1.9 prints one PID a line under a heading, whatever the format."""
        if output.lstrip().startswith("["):
            return [int(pid) for pid in loads(output) or ()]
        return [int(word) for word in output.split() if word.isdigit()]


__all__ = ["Crun"]
