"""crun as polypod's OCI runtime: C, and the fastest of the three."""

from __future__ import annotations

from polypod.kit.fastjson import loads
from polypod.kit.oci_cli import OCIRuntimeCLI


class Crun(OCIRuntimeCLI):
    """Runtime driver ``crun``."""

    name = "crun"
    candidates = ("/usr/bin/crun", "/usr/local/bin/crun", "/usr/sbin/crun", "/bin/crun")

    def parse_ps(self, output: str) -> list[int]:
        """crun 1.x before 1.9 prints one PID a line under a heading, whatever the format."""
        if output.lstrip().startswith("["):
            return [int(pid) for pid in loads(output) or ()]
        return [int(word) for word in output.split() if word.isdigit()]


__all__ = ["Crun"]
