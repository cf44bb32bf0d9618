"""youki as polypod's OCI runtime, in Rust."""

from __future__ import annotations

import os

from polypod.kit.oci_cli import OCIRuntimeCLI


class Youki(OCIRuntimeCLI):
    """Runtime driver ``youki``."""

    name = "youki"
    candidates = ("/usr/local/bin/youki", "/usr/bin/youki")

    def find(self, path: str) -> str:
        """See the base; ``cargo install`` puts it where $PATH of a service does not look."""
        home = os.path.expanduser("~/.cargo/bin/youki")
        if not path and os.access(home, os.X_OK):
            return home
        return super().find(path)


__all__ = ["Youki"]
