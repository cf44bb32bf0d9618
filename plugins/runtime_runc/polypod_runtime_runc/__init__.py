"""runc as polypod's OCI runtime: the reference implementation, in Go."""

from __future__ import annotations

from polypod.kit.oci_cli import OCIRuntimeCLI


class Runc(OCIRuntimeCLI):
    """Runtime driver ``runc``."""

    name = "runc"
    candidates = (
        "/usr/bin/runc",
        "/usr/sbin/runc",
        "/usr/local/bin/runc",
        "/usr/local/sbin/runc",
        "/sbin/runc",
        "/bin/runc",
        "/usr/lib/cri-o-runc/sbin/runc",
    )


__all__ = ["Runc"]
