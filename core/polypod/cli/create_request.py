"""From the flags of ``run`` and ``create`` to one :class:`ContainerCreate`."""

from __future__ import annotations

import os

from ..engine.mount_text import mounts_from
from ..errors import UsageError
from ..model.container import (
    ContainerCreate,
    Lifecycle,
    Log,
    Namespaces,
    Process,
    Resources,
    Security,
)
from .fds import inherited
from .network_flags import network_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .context import Context
    from .parse import Options


def must_pull(ctx: Context, opts: Options, request: ContainerCreate) -> bool:
    """Whether the image has to be brought in, or looked for elsewhere, before the container is made."""
    if request.rootfs:
        return False
    if request.pull not in ("missing", "never") or opts.decryption_key:
        return True
    if opts.platform or opts.arch or opts.os or opts.variant:
        return True
    from ..errors import ImageDetached, NoSuchImage

    try:
        ctx.rt.store.find_image(request.image)
    except ImageDetached:
        return False  # the engine says so
    except NoSuchImage:
        return request.pull != "never"  # likewise
    return False


def create_request(opts: Options, args: list[str], argv: tuple[str, ...]) -> ContainerCreate:
    """The request that a command line makes; raises ``UsageError`` with podman's words.

    ``args`` are the image (or, with --rootfs, the directory) and the command.
    """
    _check_conflicts(opts)
    return ContainerCreate(
        image="" if opts.rootfs else args[0],
        rootfs=args[0] if opts.rootfs else "",
        name=opts.name,
        hostname=opts.hostname,
        labels=labels(opts.label_file, opts.label),
        annotations=_pairs(opts.annotation, "annotations must be formatted KEY=VALUE"),
        process=_process(opts, tuple(args[1:])),
        security=_security(opts),
        resources=_resources(opts),
        ulimits=_ulimits(opts.ulimit),
        devices=_devices(opts.device),
        namespaces=Namespaces(
            pid=opts.pid,
            ipc=opts.ipc,
            uts=opts.uts,
            cgroup=opts.cgroupns,
            user=opts.userns,
            uid_map=tuple(opts.uidmap),
            gid_map=tuple(opts.gidmap),
        ),
        network=network_from(opts),
        mounts=mounts_from(opts.volume, opts.mount, opts.tmpfs),
        volumes_from=tuple(opts.volumes_from),
        chroot_dirs=tuple(opts.chrootdirs),
        image_volumes=opts.image_volume,
        sysctls=_sysctls(opts.sysctl),
        log=_log(opts),
        lifecycle=_lifecycle(opts),
        requires=tuple(opts.requires),
        cgroup_parent=opts.cgroup_parent,
        cgroups=opts.cgroups,
        env_host=opts.env_host if opts.changed("env-host") else None,
        http_proxy=opts.http_proxy if opts.changed("http-proxy") else None,
        unset_env=tuple(opts.unsetenv),
        unset_env_all=opts.unsetenv_all,
        pull=opts.pull,
        replace=opts.replace,
        create_command=argv,
    )


def _check_conflicts(opts: Options) -> None:
    from .container_flags import NOT_YET

    for flag, what in NOT_YET.items():
        if opts.changed(flag) and getattr(opts, flag.replace("-", "_")) not in ("", "none"):
            raise UsageError(f"--{flag}: {what} are not supported yet; leave the flag out")
    if opts.authfile:
        from .pulling import check_authfile

        check_authfile(opts.authfile)
    if opts.replace and not opts.name:
        raise UsageError("cannot replace container without --name being set")
    if opts.changed("cpus"):
        for other in ("cpu-period", "cpu-quota"):
            if opts.changed(other):
                raise UsageError(f"--{other} and --cpus cannot be set together")
    if opts.userns and (opts.uidmap or opts.gidmap):
        raise UsageError(
            "--userns and --uidmap/--gidmap/--subuidname/--subgidname are mutually exclusive"
        )
    if opts.log_driver == "passthrough" and opts.tty:
        raise UsageError(
            "the '--log-driver passthrough' option cannot be used on a TTY.  "
            "If you really want it, use '--log-driver passthrough-tty'"
        )
    if "keep-groups" in opts.group_add and len(opts.group_add) > 1:
        raise UsageError(
            "the '--group-add keep-groups' option is not allowed with any other --group-add options"
        )
    if opts.pull not in ("always", "missing", "ifmissing", "never", "newer"):
        raise UsageError(f'unsupported pull policy "{opts.pull}"')


def _process(opts: Options, command: tuple[str, ...]) -> Process:
    return Process(
        entrypoint=_entrypoint(opts),
        command=command,
        env=environment(opts.env_file, opts.env),
        env_merge=_pairs(opts.env_merge, "env-merge must be formatted KEY=VALUE"),
        workdir=opts.workdir,
        user=opts.user,
        groups=tuple(opts.group_add),
        terminal=opts.tty,
        stdin=opts.interactive,
        umask=opts.umask,
        timezone=opts.tz,
        init=opts.init if opts.changed("init") else None,
        init_path=opts.init_path,
        passwd=opts.passwd,
        host_users=tuple(opts.hostuser),
        passwd_entry=opts.passwd_entry,
        group_entry=opts.group_entry,
        personality=opts.personality,
        inherit_fds=inherited(opts),
    )


def _entrypoint(opts: Options) -> tuple[str, ...] | None:
    if not opts.changed("entrypoint"):
        return None
    text = opts.entrypoint
    if text.startswith("["):
        from ..kit.fastjson import loads

        try:
            words = loads(text)
        except ValueError:
            return (text,)
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
    return (text,)


def environment(files: list[str], values: list[str]) -> dict[str, str]:
    """--env-file and --env: NAME=VALUE, NAME (from our environment), PREFIX*."""
    env: dict[str, str] = {}
    for path in files:
        for line in _lines(path):
            _set_env(env, line)
    for value in values:
        _set_env(env, value)
    return env


def _set_env(env: dict[str, str], text: str) -> None:
    name, equals, value = text.partition("=")
    if not name:
        raise UsageError(f"invalid variable: \"{text}\"")
    if equals:
        env[name] = value
    elif name.endswith("*"):
        prefix = name[:-1]
        env.update({k: v for k, v in os.environ.items() if k.startswith(prefix)})
    elif name in os.environ:
        env[name] = os.environ[name]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError as error:
        raise UsageError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    lines = (line.lstrip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def labels(files: list[str], values: list[str]) -> dict[str, str]:
    """--label-file and --label: KEY[=VALUE]."""
    found: dict[str, str] = {}
    for text in (*(line for path in files for line in _lines(path)), *values):
        name, _, value = text.partition("=")
        if not name:
            raise UsageError(f"invalid label format: \"{text}\"")
        found[name] = value
    return found


def _pairs(texts: list[str], message: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(message)
        found[name] = value
    return found


def _sysctls(texts: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f'invalid sysctl value "{text}"')
        found[name] = value
    return found


def _devices(texts: list[str]):  # type: ignore[no-untyped-def]
    if not texts:
        return ()
    from ..oci.spec_devices import parse_device

    return tuple(parse_device(text) for text in texts)


def _ulimits(texts: list[str]):  # type: ignore[no-untyped-def]
    if not texts:
        return ()
    from ..engine.resolve_limits import parse_ulimit

    return tuple(parse_ulimit(text) for text in texts)


def _security(opts: Options) -> Security:
    from .security_flags import security_from

    return security_from(opts)


def _resources(opts: Options) -> Resources:
    from .resource_flags import resources_from

    return resources_from(opts)


def _log(opts: Options) -> Log:
    path, tag, size, extra = "", "", -1, {}
    for text in opts.log_opt:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f'invalid log option "{text}"')
        if name == "path":
            path = value
        elif name == "tag":
            tag = value
        elif name == "max-size":
            from ..engine.resolve_limits import parse_size

            size = parse_size(value)
        else:
            extra[name] = value
    if opts.log_driver not in ("", "k8s-file", "json-file", "journald", "none", "passthrough", "passthrough-tty"):
        raise UsageError("running container create option: invalid log driver: invalid argument")
    return Log(driver=opts.log_driver, path=path, tag=tag, max_size=size, labels=extra)


def _lifecycle(opts: Options) -> Lifecycle:
    restart, retries = parse_restart(opts.restart)
    if opts.rm and restart not in ("no",):
        raise UsageError('the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"')
    from ..engine.signals import parse_stop_signal

    return Lifecycle(
        remove=opts.rm,
        restart=restart,
        restart_retries=retries,
        stop_signal=parse_stop_signal(opts.stop_signal) if opts.stop_signal else 0,
        stop_timeout=opts.stop_timeout if opts.changed("stop-timeout") else -1,
        timeout=opts.timeout,
        pidfile=opts.pidfile,
        conmon_pidfile=opts.conmon_pidfile,
        cidfile=os.path.abspath(opts.cidfile) if opts.cidfile else "",
        sdnotify=opts.sdnotify,
        systemd=opts.systemd,
        detach_keys=opts.detach_keys if opts.changed("detach-keys") else None,
    )


def parse_restart(text: str) -> tuple[str, int]:
    """no, never, always, unless-stopped, on-failure[:RETRIES]."""
    policy, colon, count = text.partition(":")
    if policy in ("", "no", "never"):
        return "no", 0
    if colon and policy != "on-failure":
        raise UsageError(
            "restart policy retries can only be specified with on-failure restart policy: invalid argument"
        )
    if policy not in ("always", "unless-stopped", "on-failure"):
        raise UsageError(f'restart policy "{policy}" is not recognized: invalid restart policy: invalid argument')
    if colon and not count.isdigit():
        raise UsageError(f"restart policy retries must be a number, not {count!r}")
    return policy, int(count or 0)
