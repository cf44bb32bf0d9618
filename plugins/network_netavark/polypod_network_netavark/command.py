"""Calling the netavark program: request in as JSON, result or error out as JSON."""

from __future__ import annotations

import fcntl
import os
from _signal import SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGXFSZ  # type: ignore[import-not-found]

from polypod.errors import NetworkError
from polypod.kit.fastjson import dumps, loads
from polypod.kit.log import warning
from polypod.kit.spawn import inherited_fds, wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

#: podman 5 takes this lock around every netavark call; older ones a file in the config directory
HOST_LOCK = "/run/lock/netavark.lock"
_HELD = 9  # the lock's descriptor in the shell; dash knows one digit
_SIGNALS = (SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP)  # back to their defaults in the program
_F_OFD_SETLKW = 38  # fcntl(2); held by the open file, so it works between threads too


class NetworkLock:
    """``with NetworkLock(config_dir):`` no other engine or thread changes the host's networks.

    netavark is not safe against itself: it looks for chains and bridges and then
    makes them.
    """

    def __init__(self, config_dir: str, path: str = HOST_LOCK) -> None:
        self._paths = [path]
        old = os.path.join(config_dir, "netavark.lock")
        if os.path.exists(old):
            self._paths.append(old)
        self._fds: list[int] = []

    @property
    def fd(self) -> int:
        """The host lock's descriptor: who has a copy of it holds the lock too."""
        return self._fds[0]

    def __enter__(self) -> Self:
        # struct flock: l_type, l_whence, (padding,) l_start, l_len, l_pid
        request = fcntl.F_WRLCK.to_bytes(2, "little") + bytes(30)
        for path in self._paths:
            try:
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
                fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._fds.append(fd)
            fcntl.fcntl(fd, _F_OFD_SETLKW, request)
        return self

    def __exit__(self, *_unused: object) -> None:
        while self._fds:
            os.close(self._fds.pop())


class Netavark:
    """One netavark binary with the flags and the environment of all its calls."""

    def __init__(
        self,
        binary: str,
        aardvark: str,
        run_dir: str,
        *,
        firewall: str = "",
        dns_port: int = 0,
        plugin_dirs: tuple[str, ...] = (),
    ) -> None:
        self.binary = binary
        self.aardvark = aardvark
        self._plugin_dirs = plugin_dirs
        self._argv = [binary, "--config", run_dir, "--rootless=false"]
        self._argv.append("--aardvark-binary=" + aardvark)
        self._firewall = firewall
        self._dns_port = dns_port

    def call(
        self,
        verb: str,
        netns: str,
        request: dict[str, Any],
        *,
        lock: int,
        plugins: bool = False,
    ) -> dict[str, Any]:
        """Run ``netavark VERB NETNS``; return its result, ``{}`` when it has none.

        ``lock`` is the network lock's descriptor: netavark's shell holds it too, so that
        one whose caller was killed is waited for.

        Raises ``NetworkError`` with netavark's own message.
        """
        argv = list(self._argv)
        if plugins:
            for directory in self._plugin_dirs:
                argv += ["--plugin-directory", directory]
        code, output, remarks = run([*argv, verb, netns], dumps(request).encode(), self._environment(), lock)
        for line in remarks.decode(errors="replace").splitlines():
            # aardvark-dns wants a syslog, and says so on every host without one.
            if line and "failed to connect to syslog" not in line:
                warning(f"netavark: {line}")
        try:
            answer = loads(output) if output.strip() else {}
        except ValueError:
            answer = {"error": output.decode(errors="replace").strip()}
        if code != 0:
            detail = answer.get("error") or f"exit code {code}"
            raise NetworkError(f"netavark: {detail}")
        return answer if isinstance(answer, dict) else {}

    def _environment(self) -> dict[str, str]:
        env = dict(os.environ)
        env.setdefault("RUST_LOG", "netavark=warn")
        env["PATH"] = search_path(env.get("PATH", ""))
        if self._dns_port:
            env["NETAVARK_DNS_PORT"] = str(self._dns_port)
        if self._firewall:
            env["NETAVARK_FW"] = self._firewall
        return env


def search_path(path: str) -> str:
    """The PATH in which netavark finds iptables or nft.

    netavark starts aardvark-dns through systemd-run when /run/systemd/system
    exists, which fails where systemd does not run after all (containers, small VMs): then
    the directory of systemd-run is kept out.
    """
    if os.path.exists("/run/systemd/system") and not _systemd_runs():
        return "/usr/sbin:/sbin"
    return path if "/usr/sbin" in path else path + ":/usr/sbin:/sbin"


def _systemd_runs() -> bool:
    try:
        fd = os.open("/proc/1/comm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(fd, 64).strip() == b"systemd"
    finally:
        os.close(fd)


def run(argv: list[str], stdin: bytes, env: dict[str, str], lock: int = -1) -> tuple[int, bytes, bytes]:
    """Run a program on given input; return its exit code and what it wrote to stdout and stderr.

    All ways go through memory files: no pipe to fill, and a daemon that the
    program leaves behind (aardvark-dns) keeps nothing waiting. ``lock`` is a descriptor
    that stays open until the program ends, whatever becomes of us.
    """
    files = [os.memfd_create(f"netavark-{number}", os.MFD_CLOEXEC) for number in range(3)]
    try:
        os.pwrite(files[0], stdin, 0)
        actions: list[Any] = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files)]
        actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in inherited_fds()]
        if lock >= 0:
            # A shell holds it, and not the program: the daemon would keep it for ever.
            argv = ["/bin/sh", "-c", f'"$@" {_HELD}>&-; exit $?', "sh", *argv]
            actions.append((os.POSIX_SPAWN_DUP2, lock, _HELD))
        try:
            pid = os.posix_spawn(argv[0], argv, env, file_actions=actions, setsigmask=(), setsigdef=_SIGNALS)
        except OSError as error:
            raise NetworkError(f"cannot run {argv[0]}: {error.strerror}") from error
        code = wait(pid)
        output, remarks = (os.pread(fd, os.fstat(fd).st_size, 0) for fd in files[1:])
        return code, output, remarks
    finally:
        for fd in files:
            os.close(fd)
