"""The files that the engine gives a container: hosts, resolv.conf, hostname, .containerenv, passwd.

They lie in the container's run_dir and are bound over the root's. :func:`prepare`
makes them before the OCI spec is written; :func:`write_network_files` fills in what
depends on the network, which may be set up meanwhile, before the container starts.
"""

from __future__ import annotations

import os

from ..errors import StorageError, UsageError
from .etc_hosts import hosts_text, resolv_text
from .etc_mounts import default_mounts
from .etc_passwd import prepare_passwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container, ContainerState
    from ..model.settings import Settings
    from ..oci.host_facts import HostFacts
    from ..oci.users import ExecUser, UserDatabase
    from .etc_hosts import Status
    from .runtime import Runtime

HOSTS, RESOLV = "/etc/hosts", "/etc/resolv.conf"
_ZONES = "/usr/share/zoneinfo/"


def prepare(
    container: Container,
    settings: Settings,
    facts: HostFacts,
    *,
    rootfs: str,
    database: UserDatabase,
    user: ExecUser,
    engine_version: str,
    shared_run_dir: str = "",
) -> dict[str, str]:
    """Write what does not depend on the network; return the binds (destination -> host file).

    ``shared_run_dir`` is the run_dir of the container whose network namespace this one
    joins: hosts and resolv.conf are then that one's. May add a numeric user to
    the root's own /etc/passwd and /etc/group, and link /etc/mtab.
    """
    run_dir = container.run_dir
    taken = {mount.destination for mount in container.mounts}
    binds: dict[str, str] = {}
    for destination, name in _network_files(container):
        if destination not in taken:
            source = f"{shared_run_dir or run_dir}/{name}"
            if not shared_run_dir:
                _write(source, b"")
            elif not os.path.exists(source):
                continue
            binds[destination] = source
    if shared_run_dir and HOSTS in binds:
        _add_host(binds[HOSTS], container.name)
    if not container.network.no_hostname and "/etc/hostname" not in taken:
        _write(f"{run_dir}/hostname", f"{container.hostname}\n".encode())
        binds["/etc/hostname"] = f"{run_dir}/hostname"
    if _wants_containerenv(container):
        text = containerenv_text(container, settings, facts, engine_version)
        _write(f"{run_dir}/.containerenv", text.encode())
        binds["/run/.containerenv"] = f"{run_dir}/.containerenv"
    if container.process.timezone and "/etc/localtime" not in taken:
        _write(f"{run_dir}/localtime", _zone(container.process.timezone))
        binds["/etc/localtime"] = f"{run_dir}/localtime"
    for destination, source in default_mounts(container, settings, rootless=facts.rootless).items():
        if destination not in taken:
            binds[destination] = source
    binds.update(prepare_passwd(container, rootfs, database, user, taken))
    return {**binds, **_in_chroots(container, binds, taken)}


def _in_chroots(container: Container, binds: dict[str, str], taken: set[str]) -> dict[str, str]:
    """The same files once more in the directories of --chrootdirs."""
    found = {}
    for directory in container.chroot_dirs:
        for destination, source in binds.items():
            inside = f"{directory.rstrip('/')}{destination}"
            if inside not in taken:
                found[inside] = source
    return found


def _network_files(container: Container) -> list[tuple[str, str]]:
    network = container.network
    files = []
    if not network.no_hosts:
        files.append((HOSTS, "hosts"))
    if network.mode != "none" and "none" not in network.dns_servers:
        files.append((RESOLV, "resolv.conf"))
    return files


def write_network_files(
    container: Container,
    settings: Settings,
    *,
    rootfs: str,
    status: Status | None = None,
    netns: str = "",
) -> None:
    """Fill in hosts and resolv.conf; ``status`` is the network setup's answer by network name.

    To be called after :func:`prepare` and before the container starts, and again
    when its networks change. The files are written in place, since they are bound.
    """
    if container.network.mode.startswith("container:"):
        return
    for destination, name in _network_files(container):
        if destination == HOSTS:
            text = hosts_text(container, settings, rootfs, status or {})
        else:
            text = resolv_text(container, settings, netns, status or {})
        _write(f"{container.run_dir}/{name}", text.encode())


def write_etc_files(rt: Runtime, container: Container, state: ContainerState) -> None:
    """:func:`write_network_files` with what the state knows of the container's networks."""
    write_network_files(
        container,
        rt.settings,
        rootfs=state.mountpoint,
        status={result.name: result.status for result in state.networks},
        netns=state.netns,
    )


def _write(path: str, data: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            # Whatever the umask, the container's users must be able to read it.
            os.fchmod(fd, 0o644)
            os.write(fd, data)
        finally:
            os.close(fd)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def _add_host(path: str, name: str) -> None:
    """Tell those in a shared network namespace the name of one more container in it."""
    with open(path, "r+", encoding="utf-8") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        line = f"127.0.0.1\t{name}\n"
        if line not in file.read():
            file.write(line)


def _wants_containerenv(container: Container) -> bool:
    return not any(
        mount.destination == "/run/.containerenv"
        or (mount.destination == "/run" and mount.type != "tmpfs")
        for mount in container.mounts
    )


def containerenv_text(
    container: Container, settings: Settings, facts: HostFacts, engine_version: str
) -> str:
    """Return /run/.containerenv: empty, but for privileged containers a description of it.

    The engine calls itself podman, since that is what tools look for.
    """
    graphroot = settings.storage.root
    mounted = any(
        mount.type == "bind" and f"{graphroot}/".startswith(mount.source.rstrip("/") + "/")
        for mount in container.mounts
    )
    text = "graphRootMounted=1" if mounted else ""
    if not container.security.privileged:
        return text
    return (
        f'engine="podman-{engine_version}"\n'
        f'name="{container.name}"\n'
        f'id="{container.id}"\n'
        f'image="{container.image.name}"\n'
        f'imageid="{container.image.id}"\n'
        f"rootless={int(facts.rootless)}\n"
        f"{text}"
    )


def _zone(timezone: str) -> bytes:
    path = "/etc/localtime" if timezone == "local" else os.path.normpath(_ZONES + timezone)
    if timezone != "local" and not path.startswith(_ZONES):
        raise UsageError(f"unrecognized timezone {timezone}")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UsageError(
            f"finding timezone for container: {path}: {(error.strerror or '').lower()}"
        ) from error
