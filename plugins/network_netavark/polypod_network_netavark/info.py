"""Facts about the installed helper programs, for ``polypod info``."""

from __future__ import annotations

import os
import subprocess


def describe(netavark: str, aardvark: str) -> dict[str, str]:
    """``backend``, ``path``, ``version``, ``package`` of netavark and ``dns*`` of aardvark-dns."""
    return {
        "backend": "netavark",
        "drivers": "bridge,macvlan,ipvlan",
        "path": netavark,
        "version": _version(netavark),
        "package": _package(netavark),
        "dns": aardvark,
        "dns_version": _version(aardvark),
        "dns_package": _package(aardvark),
    }


def _version(program: str) -> str:
    text = _output([program, "--version"]) if program else ""
    return text.splitlines()[0] if text else ""


def _package(path: str) -> str:
    if not path:
        return ""
    path = os.path.realpath(path)
    for argv in (["dpkg", "-S", path], ["rpm", "-qf", path], ["pacman", "-Qo", path]):
        text = _output(argv)
        if text and argv[0] == "dpkg":
            name = text.partition(":")[0].strip()
            return _output(["dpkg-query", "-f", "${Package}_${Version}_${Architecture}", "-W", name])
        if text:
            return text
    return "Unknown"


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
