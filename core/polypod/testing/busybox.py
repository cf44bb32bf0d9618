"""A small root file system made of the host's static busybox, as a tarball.

``python -m polypod.testing.busybox OUT.tar`` writes it; ``-`` is standard output. The
tar is reproducible: the same busybox gives the same bytes, hence the same layer.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

CANDIDATES = ("/bin/busybox", "/usr/bin/busybox", "/usr/sbin/busybox")
DIRECTORIES = (
    ("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("proc", 0o755),
    ("root", 0o700), ("run", 0o755), ("sbin", 0o755), ("sys", 0o755), ("tmp", 0o1777),
    ("usr", 0o755), ("usr/bin", 0o755), ("usr/sbin", 0o755), ("var", 0o755), ("var/tmp", 0o1777),
)  # fmt: skip
FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1\tlocalhost\n::1\tlocalhost\n",
    "etc/os-release": 'ID=busybox\nNAME="BusyBox"\nPRETTY_NAME="BusyBox"\n',
}


def find_busybox() -> str:
    """Path of a static busybox; raises ``FileNotFoundError`` with the remedy."""
    for path in CANDIDATES:
        if os.access(path, os.X_OK):
            return os.path.realpath(path)
    raise FileNotFoundError("no static busybox found: apt-get install busybox-static")


def write_rootfs(out: IO[bytes], extra: dict[str, bytes] | None = None) -> None:
    """Write the tar to an open file. ``extra``: further files, relative name -> content."""
    busybox = find_busybox()
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for name, mode in DIRECTORIES:
            tar.addfile(_member(name, tarfile.DIRTYPE, mode))
        with open(busybox, "rb") as file:
            member = _member("bin/busybox", tarfile.REGTYPE, 0o755)
            member.size = os.fstat(file.fileno()).st_size
            tar.addfile(member, file)
        for applet in _applets(busybox):
            link = _member(applet, tarfile.SYMTYPE, 0o777)
            link.linkname = "/bin/busybox"
            tar.addfile(link)
        contents = {name: text.encode() for name, text in FILES.items()}
        for name, data in {**contents, **(extra or {})}.items():
            member = _member(name, tarfile.REGTYPE, 0o644)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, 1_600_000_000
    return member


def _applets(busybox: str) -> list[str]:
    listed = subprocess.run([busybox, "--list-full"], capture_output=True, text=True, check=True)
    known = {name for name, _ in DIRECTORIES}
    return sorted(
        path
        for path in listed.stdout.split()
        if path != "bin/busybox" and os.path.dirname(path) in known
    )


def main(argv: list[str]) -> int:
    """Write the tarball to the file that is named on the command line."""
    if len(argv) != 2:
        sys.stderr.write("usage: python -m polypod.testing.busybox OUT.tar\n")
        return 2
    if argv[1] == "-":
        write_rootfs(sys.stdout.buffer)
        return 0
    with open(argv[1], "wb") as file:
        write_rootfs(file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
