"""From a request and an image's config to the container that is stored.

After this, a container needs neither the image's config nor the configuration
any more: an image that is retagged or a containers.conf that is edited later does
not change a container that exists.
"""

from __future__ import annotations

import posixpath
import time

from ..errors import UsageError
from ..model.container import Container, ImageSource
from .namespaces import resolve_namespaces
from .resolve_env import resolve_env
from .resolve_limits import resolve_resources, resolve_ulimits
from .resolve_mounts import resolve_mounts
from .signals import parse_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.container import ContainerCreate, Lifecycle, Log, Process, Security
    from ..model.settings import Settings
    from ..oci.host_facts import HostFacts
    from .namespaces import FindContainer

_INIT_COMMANDS = frozenset(("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init"))
_SIGTERM = 15
_SIGRTMIN_3 = 37  # what systemd takes as "halt"


def resolve_container(
    request: ContainerCreate,
    *,
    id: str,
    name: str,
    image: ImageSource | None = None,
    image_config: dict[str, Any] | None = None,
    settings: Settings,
    facts: HostFacts,
    find: FindContainer | None = None,
    environ: Mapping[str, str] | None = None,
    bundle: str = "",
    run_dir: str = "",
    runtime: str = "",
    runtime_path: str = "",
    created: float | None = None,
) -> Container:
    """Return the container that a request makes; nothing is written.

    ``image_config`` is the OCI image config document of ``image``; both are ``None`` with
    a root of the host's (``request.rootfs``). ``find`` gives another container by name or ID
    for ``container:NAME`` modes and ``--volumes-from``. Sources of volumes and image
    mounts stay names: the caller creates and mounts them. Raises ``UsageError``, and what
    ``find`` raises.
    """
    config = (image_config or {}).get("config") or {}
    if image is None:
        path, _, option = request.rootfs.partition(":")
        image = ImageSource(rootfs=posixpath.abspath(path), rootfs_overlay=option == "O")
    namespaces, network, joined = resolve_namespaces(request, settings, facts, find)
    process = _process(request, config, settings, environ)
    lifecycle = _lifecycle(request, config, process, settings)
    mounts, donors = resolve_mounts(request, config, settings, find)
    hostname = request.hostname
    if not hostname and find is not None and namespaces.uts.startswith("container:"):
        hostname = find(namespaces.uts[10:]).hostname
    if not hostname:
        hostname = _default_hostname(namespaces.uts, network.mode, id, name, settings, facts)
    labels = {**(config.get("Labels") or {}), **request.labels}
    exposed = tuple(dict.fromkeys((*(config.get("ExposedPorts") or ()), *network.expose)))
    return Container(
        id=id,
        name=name,
        created=time.time() if created is None else created,
        image=image,
        hostname=hostname,
        labels=labels,
        annotations=_annotations(request, settings),
        process=process,
        security=_security(request, settings),
        resources=resolve_resources(request.resources, settings),
        ulimits=resolve_ulimits(request.ulimits, settings.containers.default_ulimits),
        devices=request.devices,
        namespaces=namespaces,
        network=network.evolve(expose=exposed),
        mounts=mounts,
        chroot_dirs=request.chroot_dirs,
        sysctls=_sysctls(request, settings, namespaces.to_dict(), network.mode),
        log=_log(request.log, settings),
        lifecycle=lifecycle,
        depends=tuple(dict.fromkeys((*joined, *donors, *request.requires))),
        pod=request.pod,
        cgroup_parent=request.cgroup_parent,
        cgroups=request.cgroups or settings.containers.cgroups,
        hooks_dirs=request.hooks_dirs or settings.engine.hooks_dir,
        runtime=runtime,
        runtime_path=runtime_path,
        bundle=bundle,
        run_dir=run_dir,
        create_command=request.create_command,
    )


def _process(
    request: ContainerCreate,
    config: dict[str, Any],
    settings: Settings,
    environ: Mapping[str, str] | None,
) -> Process:
    asked, configured = request.process, settings.containers
    entrypoint, command = asked.entrypoint, asked.command
    if entrypoint is None:
        entrypoint = tuple(config.get("Entrypoint") or ())
        # The image's arguments belong to its own entrypoint only.
        if not command:
            command = tuple(config.get("Cmd") or ())
    elif not entrypoint and not command:
        command = tuple(config.get("Cmd") or ())
    entrypoint = () if tuple(entrypoint) == ("",) else tuple(entrypoint)
    init = configured.init if asked.init is None else asked.init
    if init:
        _check_init(request)
    workdir = asked.workdir or config.get("WorkingDir") or "/"
    if not workdir.startswith("/"):
        if asked.workdir:
            raise UsageError(f"the working directory {workdir} must be an absolute path")
        workdir = "/" + workdir
    return asked.evolve(
        entrypoint=entrypoint,
        command=command,
        env=resolve_env(request, config, settings, environ),
        workdir=workdir,
        create_workdir=not asked.workdir,
        user=asked.user or config.get("User") or "",
        umask=asked.umask or configured.umask,
        timezone=asked.timezone or configured.tz,
        init=init,
        init_path=asked.init_path or configured.init_path or settings.engine.init_path,
    )


def _check_init(request: ContainerCreate) -> None:
    if request.namespaces.pid not in ("", "private"):
        raise UsageError("cannot add init binary as PID 1 (PID namespace isn't private)")
    if request.lifecycle.systemd == "always":
        raise UsageError("cannot use container-init binary with systemd=always")


def _security(request: ContainerCreate, settings: Settings) -> Security:
    asked, configured = request.security, settings.containers
    return asked.evolve(
        privileged=asked.privileged or configured.privileged,
        read_only=configured.read_only if asked.read_only is None else asked.read_only,
    )


def _lifecycle(
    request: ContainerCreate, config: dict[str, Any], process: Process, settings: Settings
) -> Lifecycle:
    asked = request.lifecycle
    systemd = _is_systemd(asked.systemd, process)
    stop_signal = asked.stop_signal
    if not stop_signal and config.get("StopSignal"):
        stop_signal = parse_signal(str(config["StopSignal"]))
    if not stop_signal:
        stop_signal = _SIGRTMIN_3 if systemd else _SIGTERM
    return asked.evolve(
        stop_signal=stop_signal,
        stop_timeout=(
            settings.engine.stop_timeout if asked.stop_timeout < 0 else asked.stop_timeout
        ),
        systemd="always" if systemd else "false",
        detach_keys=(
            settings.engine.detach_keys if asked.detach_keys is None else asked.detach_keys
        ),
    )


def _is_systemd(mode: str, process: Process) -> bool:
    """Whether systemd's wishes are to be met: its tmpfs mounts, its cgroup, its stop signal."""
    mode = mode.lower()
    if mode == "always":
        return True
    if mode == "false":
        return False
    if mode not in ("", "true"):
        raise UsageError(f"invalid value \"{mode}\" systemd option requires 'true, false, always'")
    argv: tuple[str, ...] = (*(process.entrypoint or ()), *process.command)
    if len(argv) > 2 and argv[:2] == ("/bin/sh", "-c"):
        argv = argv[2:]
    return bool(argv) and (argv[0] in _INIT_COMMANDS or posixpath.basename(argv[0]) == "systemd")


def _default_hostname(
    uts: str, network: str, id: str, name: str, settings: Settings, facts: HostFacts
) -> str:
    if uts == "host" or network == "host":
        return facts.hostname
    if settings.containers.container_name_as_hostname:
        return name.replace("_", "")
    return id[:12]


def _annotations(request: ContainerCreate, settings: Settings) -> dict[str, str]:
    result = {}
    for line in settings.containers.annotations:
        key, _, value = line.partition("=")
        result[key] = value
    result.update(request.annotations)
    return result


def _log(asked: Log, settings: Settings) -> Log:
    configured = settings.containers
    return asked.evolve(
        driver=asked.driver or configured.log_driver,
        max_size=configured.log_size_max if asked.max_size < 0 else asked.max_size,
        tag=asked.tag or configured.log_tag,
    )


def _sysctls(
    request: ContainerCreate, settings: Settings, modes: dict[str, str], network: str
) -> dict[str, str]:
    """Merge configured and asked sysctls; those of a namespace that is not private are refused."""
    shared = {
        "IPC": (("fs.mqueue.",), modes.get("ipc", "")),
        "Network": (("net.",), network),
        "UTS": (("kernel.domainname", "kernel.hostname"), modes.get("uts", "")),
    }
    result: dict[str, str] = {}
    for line in settings.containers.default_sysctls:
        key, equals, value = line.partition("=")
        if not equals:
            raise UsageError(f"{line} is invalid, sysctl values must be in the form of KEY=VALUE")
        # A default silently gives way where the namespace is another's.
        if not any(
            key.startswith(prefixes) and mode.partition(":")[0] in ("host", "container")
            for prefixes, mode in shared.values()
        ):
            result[key] = value
    for key, value in request.sysctls.items():
        for title, (prefixes, mode) in shared.items():
            if mode == "host" and key.startswith(prefixes):
                raise UsageError(
                    f"sysctl {key}={value} can't be set since {title} Namespace set to host: "
                    "invalid argument"
                )
        result[key] = value
    return result
