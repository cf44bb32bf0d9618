"""youki as polypod's OCI runtime, in Rust."""

from __future__ import annotations

import os

from polypod.errors import RuntimeFailure
from polypod.kit.oci_cli import OCIRuntimeCLI
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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

    @hookimpl
    def runtime_adapt(self, spec: dict[str, Any], cache_dir: str) -> bool:
        """Refuse a seccomp filter that youki would leave out without a word.

        A youki that was built without its feature ``seccomp`` runs the container unconfined.
        """
        if "seccomp" in spec["linux"] and not self._has_seccomp():
            raise RuntimeFailure(
                f"youki: {self.path} was built without seccomp and would run the container "
                "without its filter: build it with 'cargo install youki --features v1,seccomp', "
                "or ask for --security-opt seccomp=unconfined"
            )
        return False

    def _has_seccomp(self) -> bool:
        linux = self.runtime_features().raw.get("linux") or {}
        return bool((linux.get("seccomp") or {}).get("enabled"))


__all__ = ["Youki"]
