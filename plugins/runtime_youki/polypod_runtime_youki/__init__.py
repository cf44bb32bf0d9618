"""youki as polypod's OCI runtime, in Rust."""

from __future__ import annotations

import os

from polypod.errors import RuntimeFailure
from polypod.kit.oci_cli import OCIRuntimeCLI
from polypod.spec.markers import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WARNING = b"seccomp not available, unable to set seccomp privileges!"
# Extensions of crun and runc, which the kernel would be given as data and refuse.
_UNKNOWN = frozenset(("tmpcopyup", "copy-symlink"))


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
        """Take out mount options that youki does not know; refuse what it would silently leave out.

        A youki that was built without its feature ``seccomp`` runs the container unconfined.
        Without ``tmpcopyup`` a tmpfs starts empty instead of with the image's files.
        """
        if "seccomp" in spec["linux"] and _lacks_seccomp(self.path, cache_dir):
            raise RuntimeFailure(
                f"youki: {self.path} was built without seccomp and would run the container "
                "without its filter: build it with 'cargo install youki --features v1,seccomp', "
                "or ask for --security-opt seccomp=unconfined"
            )
        changed = False
        for mount in spec.get("mounts", ()):
            options = mount.get("options") or []
            if not _UNKNOWN.isdisjoint(options):
                mount["options"] = [option for option in options if option not in _UNKNOWN]
                changed = True
        return changed


def _lacks_seccomp(path: str, cache_dir: str) -> bool:
    """Whether this youki has the warning in it that only builds without seccomp have.

    ``youki features`` does not tell (0.7 has null there either way). A good answer is kept
    under the binary's identity: reading the binary takes 3 ms.
    """
    info = os.stat(path)
    known = f"{cache_dir}/youki-{info.st_ino}-{info.st_size}-{info.st_mtime_ns}"
    if cache_dir and os.path.exists(known):
        return False
    import mmap

    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as binary:
        if binary.find(_WARNING) >= 0:
            return True
    if cache_dir:
        try:
            os.makedirs(cache_dir, 0o700, exist_ok=True)
            os.close(os.open(known, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError:
            return False  # it cannot be kept, and is read again next time
    return False


__all__ = ["Youki"]
