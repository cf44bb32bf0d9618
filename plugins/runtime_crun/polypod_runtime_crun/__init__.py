"""crun as polypod's OCI runtime: C, and the fastest of the three."""

from __future__ import annotations

import os

from polypod.kit.fastjson import loads
from polypod.kit.oci_cli import OCIRuntimeCLI, RuntimeConfig
from polypod.spec.markers import hookimpl

from .hybrid import left_to_cgroup2, mount_as_v1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Crun(OCIRuntimeCLI):
    """Runtime driver ``crun``."""

    class Config(RuntimeConfig):
        """The plugin's table in polypod.conf."""

        mount_v1: bool = True  # on a hybrid host, mount controllers left to cgroup2 as v1
        ready_seccomp: bool = True  # compile seccomp filters once and keep them (saves 10 ms)

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

    @hookimpl
    def runtime_adapt(self, spec: dict[str, Any], cache_dir: str) -> bool:
        """Give crun its seccomp filter ready: compiling it is the larger part of its work.

        The spec keeps its ``linux.seccomp``, which a crun without this annotation uses.
        """
        seccomp = spec["linux"].get("seccomp")
        if not seccomp or not self.config.ready_seccomp:
            return False
        from polypod.kit.seccomp_bpf import filter_for

        ready = filter_for(seccomp, cache_dir)
        if ready:
            spec.setdefault("annotations", {})["run.oci.seccomp_bpf_data"] = ready
        return bool(ready)

    def parse_ps(self, output: str) -> list[int]:
        """crun 1.x before 1.9 prints one PID a line under a heading, whatever the format."""
        if output.lstrip().startswith("["):
            return [int(pid) for pid in loads(output) or ()]
        return [int(word) for word in output.split() if word.isdigit()]


__all__ = ["Crun"]
