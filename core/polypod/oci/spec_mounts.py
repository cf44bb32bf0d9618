"""The ``mounts`` of a runtime spec: the defaults, the engine's files, the user's.

What a user mounts replaces a default mount at the same place, and the whole list is
in order of depth, so that no mount covers one before it.
"""

from __future__ import annotations

import os
import posixpath

from ..errors import UsageError
from .spec_options import bind_options, tmpfs_options
from .users import open_in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container, Mount
    from .host_facts import HostFacts
    from .users import ExecUser

    SpecMount = dict[str, Any]

INIT_PATH = "/run/podman-init"
_SAFE = ["nosuid", "noexec", "nodev"]
_READ_ONLY_TMPFS = ("/tmp", "/var/tmp", "/run")
_SYSTEMD_TMPFS = ("/run", "/run/lock", "/tmp", "/var/log/journal")


def spec_mounts(
    container: Container,
    facts: HostFacts,
    *,
    rootfs: str,
    user: ExecUser,
    binds: dict[str, str],
    ns_paths: dict[str, str],
    init_path: str,
) -> list[SpecMount]:
    """Return all mounts in order.

    ``binds`` maps destinations to files of the engine (``/etc/hosts``, ...), ``ns_paths`` may
    hold under ``shm`` the other container's ``/dev/shm``, ``init_path`` is the
    host's init binary when there is to be one.
    """
    users = {mount.destination: _user_mount(container, mount, user) for mount in container.mounts}
    mounts = _defaults(container, facts, ns_paths)
    for destination, source in binds.items():
        mounts[destination] = _engine_bind(container, destination, source)
    if init_path:
        if INIT_PATH in users:
            raise UsageError(
                f"conflict with mount added by --init to {INIT_PATH}: duplicate mount destination"
            )
        mounts[INIT_PATH] = {
            "destination": INIT_PATH,
            "type": "bind",
            "source": init_path,
            "options": ["bind", "rprivate", "ro"],
        }
    if container.lifecycle.systemd == "always":
        _add_systemd(container, facts, mounts, users)
    if container.security.read_only and container.security.read_only_tmpfs:
        for destination in _READ_ONLY_TMPFS:
            mounts.setdefault(destination, _tmpfs(destination, ["rw"]))
    _supersede(mounts, users)
    ordered = sorted(mounts.values(), key=_depth)
    for mount in ordered:
        if mount["type"] == "tmpfs" and mount["destination"] != "/dev":
            mount["destination"] = _resolve_links(rootfs, mount["destination"])
    return ordered


def _depth(mount: SpecMount) -> tuple[int, int]:
    path = mount["destination"]
    return (0 if path == "/" else path.count("/"), 0)


def _supersede(mounts: dict[str, SpecMount], users: dict[str, SpecMount]) -> None:
    if "/dev" in users:
        for destination in [path for path in mounts if path.startswith("/dev/")]:
            del mounts[destination]
    run = users.get("/run")
    if run is not None and run["type"] != "tmpfs":
        # What the user brings as /run is not to get the engine's marker file.
        mounts.pop("/run/.containerenv", None)
    mounts.update(users)


def _defaults(
    container: Container, facts: HostFacts, ns_paths: dict[str, str]
) -> dict[str, SpecMount]:
    """The mounts of every container, in podman's order."""
    proc_options = list(container.security.proc_opts) or list(_SAFE)
    dev_options = ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]
    if container.security.read_only and not container.security.read_only_tmpfs:
        dev_options.append("ro")
    pts_options = [
        "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5",
    ]  # fmt: skip
    mounts = {
        "/proc": _mount("/proc", "proc", "proc", proc_options),
        "/dev": _mount("/dev", "tmpfs", "tmpfs", dev_options),
        "/dev/pts": _mount("/dev/pts", "devpts", "devpts", pts_options),
    }
    mounts.update(_sys(container, facts))
    if facts.mqueue:
        mounts["/dev/mqueue"] = _mount("/dev/mqueue", "mqueue", "mqueue", list(_SAFE))
    shm = _shm(container, ns_paths)
    if shm is not None:
        mounts["/dev/shm"] = shm
    return mounts


def _mount(destination: str, kind: str, source: str, options: list[str]) -> SpecMount:
    return {"destination": destination, "type": kind, "source": source, "options": options}


def _sys(container: Container, facts: HostFacts) -> dict[str, SpecMount]:
    security = container.security
    mode = "rw" if security.privileged else "ro"
    if container.network.mode == "host" and facts.rootless:
        # A new sysfs needs ownership of the network namespace.
        return {
            "/sys": _mount("/sys", "bind", "/sys", ["rprivate", *_SAFE, mode, "rbind"]),
            "/sys/fs/cgroup": _mount(
                "/sys/fs/cgroup", "cgroup", "/sys/fs/cgroup", ["rprivate", *_SAFE, mode]
            ),
        }
    cgroup = "rw" if security.privileged or cgroup_unmasked(security.unmask) else "ro"
    return {
        "/sys": _mount("/sys", "sysfs", "sysfs", [*_SAFE, mode]),
        "/sys/fs/cgroup": _mount(
            "/sys/fs/cgroup", "cgroup", "cgroup", ["rprivate", *_SAFE, "relatime", cgroup]
        ),
    }


def cgroup_unmasked(unmask: tuple[str, ...]) -> bool:
    """Whether ``--security-opt unmask=`` names the cgroup tree or everything."""
    return any(
        part.upper() == "ALL" or posixpath.normpath(part) == "/sys/fs/cgroup"
        for entry in unmask
        for part in entry.split(":")
    )


def _shm(container: Container, ns_paths: dict[str, str]) -> SpecMount | None:
    """``/dev/shm`` belongs to the IPC namespace.

    The OCI runtime mounts it, so nothing is left on the host; a container that joins
    another's gets a copy of that mount (``engine.namespaces``).
    """
    mode = container.namespaces.ipc
    if mode == "none":
        return None
    if mode == "host" or mode.startswith("ns:"):
        return _mount("/dev/shm", "bind", "/dev/shm", ["bind", "rprivate", *_SAFE])
    if mode.startswith("container:"):
        if "shm" not in ns_paths:
            return None
        return _mount("/dev/shm", "bind", ns_paths["shm"], ["bind", "rprivate", *_SAFE])
    options = ["rprivate", *_SAFE, "mode=1777"]
    if container.resources.shm_size > 0:
        options.append(f"size={container.resources.shm_size}")
    if container.security.read_only and not container.security.read_only_tmpfs:
        options.append("ro")
    return _mount("/dev/shm", "tmpfs", "shm", options)


def _engine_bind(container: Container, destination: str, source: str) -> SpecMount:
    options = ["bind", "rprivate"]
    if container.security.read_only:
        options += ["ro", *_SAFE]
    return _mount(destination, "bind", source, options)


def _tmpfs(destination: str, options: list[str]) -> SpecMount:
    return _mount(destination, "tmpfs", "tmpfs", tmpfs_options(options))


def _add_systemd(
    container: Container,
    facts: HostFacts,
    mounts: dict[str, SpecMount],
    users: dict[str, SpecMount],
) -> None:
    options = ["rw", "rprivate", "nosuid", "nodev"]
    if container.resources.shm_size_systemd >= 0:
        options.append(f"size={container.resources.shm_size_systemd}")
    for destination in _SYSTEMD_TMPFS:
        if destination not in mounts and destination not in users:
            mounts[destination] = _tmpfs(destination, list(options))
    if facts.cgroup_version == 1:
        # systemd needs its own hierarchy alone; the others stay read-only.
        source = "/sys/fs/cgroup/systemd"
        if os.path.isdir(source):
            mounts[source] = _mount(
                source, "bind", source, bind_options(["bind", "rprivate"], source)
            )
        return
    if container.namespaces.cgroup == "host":
        mount = _mount("/sys/fs/cgroup", "bind", "/sys/fs/cgroup", ["bind", "private", "rw"])
    else:
        mount = _mount("/sys/fs/cgroup", "cgroup", "cgroup", ["private", "rw"])
    mounts["/sys/fs/cgroup"] = mount


def _user_mount(container: Container, mount: Mount, user: ExecUser) -> SpecMount:
    options = list(mount.options)
    if mount.type == "tmpfs":
        made = _tmpfs(mount.destination, options)
        if "U" in made["options"]:
            made["options"].remove("U")
            made["options"] += [f"uid={user.uid}", f"gid={user.gid}"]
        return made
    if mount.type == "devpts":
        return _mount(mount.destination, "devpts", "devpts", options)
    if mount.type == "ramfs":
        return _mount(mount.destination, "ramfs", "ramfs", options)
    if mount.subpath:
        # The runtime would follow its path once more, later: ``engine.subpaths`` has to mount it.
        raise UsageError(f"subpath {mount.subpath} of the mount at {mount.destination} is not mounted")
    if mount.type == "image":
        return _image_mount(container, mount)
    if mount.type not in ("bind", "volume", "overlay"):
        raise UsageError(
            f'invalid filesystem type "{mount.type}" of the mount at {mount.destination}'
        )
    source = mount.source
    if mount.type == "overlay" or "O" in options:
        return _overlay(container, mount.destination, source, options)
    made_options = bind_options(options, source, volume=mount.type == "volume")
    if "U" in options:
        from .spec_owner import chown_source

        chown_source(source, user.uid, user.gid)
    return _mount(mount.destination, "bind", source, made_options)


def _image_mount(container: Container, mount: Mount) -> SpecMount:
    if "rw" in mount.options:
        return _overlay(container, mount.destination, mount.source, ["rw"])
    return _mount(mount.destination, "bind", mount.source, ["rbind", "rprivate", "ro", "nosuid", "nodev"])


def _overlay(container: Container, destination: str, lower: str, options: list[str]) -> SpecMount:
    """``:O``: writes go to a directory of the container and are gone with it."""
    upper = work = ""
    for option in options:
        key, _, value = option.partition("=")
        if key == "upperdir":
            upper = value
        elif key == "workdir":
            work = value
    if bool(upper) != bool(work):
        raise UsageError("must specify both upperdir and workdir")
    if not upper:
        slot = "%x" % (int.from_bytes(destination.encode(), "big") % 0xFFFFFFFFFFFFFFC5)
        base = f"{container.bundle}/overlay/{slot}"
        upper, work = base + "/upper", base + "/work"
        _remove_tree(base)  # of an earlier run
        os.makedirs(upper, 0o755)
        os.makedirs(work, 0o700)
        info = os.stat(lower)
        os.chmod(upper, info.st_mode & 0o7777)
        os.chown(upper, info.st_uid, info.st_gid)
    for path in (lower, upper, work):
        if "," in path or ":" in path:
            raise UsageError(f'cannot overlay {path}: its name has "," or ":" in it')
    data = f"lowerdir={lower},upperdir={upper},workdir={work}"
    return _mount(destination, "overlay", "overlay", [*data.split(","), "private"])


def _remove_tree(path: str) -> None:
    for folder, names, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(f"{folder}/{name}")
        for name in names:
            full = f"{folder}/{name}"
            if os.path.islink(full):
                os.unlink(full)
            else:
                os.rmdir(full)
        if folder == path:
            os.rmdir(path)


def _resolve_links(rootfs: str, destination: str) -> str:
    """Follow the root's own symbolic links: runtimes refuse a tmpfs on a link."""
    if not rootfs:
        return destination
    try:
        fd = open_in_root(rootfs, destination)
    except OSError:
        return destination
    try:
        real = os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
    base = os.path.realpath(rootfs)
    return real[len(base) :] if real.startswith(base + "/") else destination
