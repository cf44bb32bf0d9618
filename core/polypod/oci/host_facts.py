"""What the host offers, looked up when first asked for and then remembered."""

from __future__ import annotations

import os

from .capabilities import SYS_RESOURCE, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_CGROUP = "/sys/fs/cgroup"

# uname machine -> the name that seccomp profiles and images use (GOARCH).
_ARCHES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "i386": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "mips64": "mips64",
    "mips64el": "mipsel64",
    "loongarch64": "loong64",
}


class _Once:
    """A property that is computed once: a non-data descriptor that leaves its value behind."""

    def __init__(self, compute: Callable[[Any], Any]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value


if TYPE_CHECKING:
    _Lazy = property
else:
    _Lazy = _Once


def _read(path: str) -> str:
    """The file's text, or "" when it cannot be read (then the host lacks the feature)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        parts = []
        while chunk := os.read(fd, 65536):
            parts.append(chunk)
        return b"".join(parts).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


class HostFacts:
    """Facts about the host and this process. Tests pass overrides: ``HostFacts(cgroup_version=2)``.

    ``cache_dir`` is the user's own directory for things that are costly to compute
    again ("" = no cache).
    """

    def __init__(self, cache_dir: str = "", **overrides: Any) -> None:
        self.cache_dir = cache_dir
        self.__dict__.update(overrides)

    @_Lazy
    def euid(self) -> int:
        """Effective user ID."""
        return os.geteuid()

    @_Lazy
    def rootless(self) -> bool:
        """Not root in the initial user namespace."""
        if os.geteuid() != 0:
            return True
        fields = _read("/proc/self/uid_map").split()
        return fields not in ([], ["0", "0", "4294967295"])

    @_Lazy
    def arch(self) -> str:
        """Architecture in GOARCH words, such as amd64."""
        machine = os.uname().machine
        return _ARCHES.get(machine, machine)

    @_Lazy
    def hostname(self) -> str:
        """The host's name."""
        return os.uname().nodename

    @_Lazy
    def cgroup_version(self) -> int:
        """2 when the unified hierarchy is all there is, 1 for legacy and hybrid."""
        return 2 if os.path.exists(_CGROUP + "/cgroup.controllers") else 1

    @_Lazy
    def controllers(self) -> frozenset[str]:
        """Names of the cgroup controllers that can be used."""
        if self.cgroup_version == 2:
            return frozenset(_read(_CGROUP + "/cgroup.controllers").split())
        try:
            return frozenset(part for name in os.listdir(_CGROUP) for part in name.split(",")) - {
                "unified",
                "systemd",
            }
        except OSError:
            return frozenset()

    @_Lazy
    def _status(self) -> dict[str, str]:
        lines = _read("/proc/self/status").splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    @_Lazy
    def effective_mask(self) -> int:
        """This process's effective capabilities as a bit mask."""
        return int(self._status.get("CapEff", "0"), 16)

    @_Lazy
    def bounding(self) -> tuple[str, ...]:
        """Names of the capabilities that a child can be given."""
        return tuple(names_of(int(self._status.get("CapBnd", "0"), 16)))

    @_Lazy
    def can_raise_limits(self) -> bool:
        """Whether hard limits may be raised: CAP_SYS_RESOURCE in the initial user namespace."""
        return bool(self.effective_mask & SYS_RESOURCE) and not self.rootless

    @_Lazy
    def limits(self) -> dict[str, tuple[int, int]]:
        """This process's (soft, hard) resource limits by runtime-spec name; -1 is unlimited."""
        result = {}
        for line in _read("/proc/self/limits").splitlines()[1:]:
            name, rest = line[:26].strip(), line[26:].split()
            key = _LIMITS.get(name)
            if key is not None:
                soft, hard = (-1 if word == "unlimited" else int(word) for word in rest[:2])
                result[key] = (soft, hard)
        return result

    @_Lazy
    def oom_score_adj(self) -> int:
        """This process's own value, below which an unprivileged process cannot go."""
        return int(_read("/proc/self/oom_score_adj").strip() or 0)

    @_Lazy
    def apparmor(self) -> bool:
        """Whether AppArmor is enabled."""
        return _read("/sys/module/apparmor/parameters/enabled").startswith("Y")

    @_Lazy
    def apparmor_profiles(self) -> frozenset[str]:
        """Names of the AppArmor profiles that are loaded."""
        lines = _read("/sys/kernel/security/apparmor/profiles").splitlines()
        return frozenset(line.rpartition(" (")[0] for line in lines)

    @_Lazy
    def swap_limit(self) -> bool:
        """Whether the memory controller can limit swap."""
        if self.cgroup_version == 1:
            return os.path.exists(_CGROUP + "/memory/memory.memsw.limit_in_bytes")
        own = _read("/proc/self/cgroup").rpartition("0::")[2].strip()
        folder = f"{_CGROUP}{own}".rstrip("/")
        # The root has neither file, so it says nothing against swap.
        return not os.path.exists(folder + "/memory.max") or os.path.exists(
            folder + "/memory.swap.max"
        )

    @_Lazy
    def selinux(self) -> bool:
        """Whether SELinux is enabled."""
        return os.path.exists("/sys/fs/selinux/enforce")

    @_Lazy
    def seccomp(self) -> bool:
        """Whether the kernel has seccomp filters."""
        return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")

    @_Lazy
    def mqueue(self) -> bool:
        """Whether the kernel has POSIX message queues."""
        return "\tmqueue\n" in _read("/proc/filesystems")

    @_Lazy
    def boot_id(self) -> str:
        """The kernel's random ID of this boot."""
        return _read("/proc/sys/kernel/random/boot_id").strip()

    @_Lazy
    def blkio_weight(self) -> bool:
        """Whether the cgroup can weigh block I/O."""
        if self.cgroup_version == 2:
            return "io" in self.controllers
        return os.path.exists(_CGROUP + "/blkio/blkio.weight") or os.path.exists(
            _CGROUP + "/blkio/blkio.bfq.weight"
        )


_LIMITS = {
    "Max cpu time": "RLIMIT_CPU",
    "Max file size": "RLIMIT_FSIZE",
    "Max data size": "RLIMIT_DATA",
    "Max stack size": "RLIMIT_STACK",
    "Max core file size": "RLIMIT_CORE",
    "Max resident set": "RLIMIT_RSS",
    "Max processes": "RLIMIT_NPROC",
    "Max open files": "RLIMIT_NOFILE",
    "Max locked memory": "RLIMIT_MEMLOCK",
    "Max address space": "RLIMIT_AS",
    "Max file locks": "RLIMIT_LOCKS",
    "Max pending signals": "RLIMIT_SIGPENDING",
    "Max msgqueue size": "RLIMIT_MSGQUEUE",
    "Max nice priority": "RLIMIT_NICE",
    "Max realtime priority": "RLIMIT_RTPRIO",
    "Max realtime timeout": "RLIMIT_RTTIME",
}
