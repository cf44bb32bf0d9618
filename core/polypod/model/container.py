"""A container: what was asked for, and what is stored about it.

The sub-structs are shared by the request (:class:`ContainerCreate`) and the
stored noun (:class:`Container`): create resolves the one into the other. In a
request, "" or ``None`` (or -1 where said) means "as configured"; a stored
container has the value itself.
Durations are seconds, sizes are bytes, times are Unix seconds as floats.
"""

from __future__ import annotations

from .struct import Struct


class ImageSource(Struct):
    """Where the root file system comes from: an image, or a directory of the host's."""

    id: str = ""  # image ID, 64 hex digits
    name: str = ""  # full reference as stored, such as localhost/busybox:latest
    raw: str = ""  # as the user typed it
    rootfs: str = ""  # absolute path when --rootfs was given instead of an image
    rootfs_overlay: bool = False  # --rootfs PATH:O
    store: str = ""  # name of the image store that holds it ("" = the graphroot's own)
    store_id: str = ""  # ID of that store, which stays when it gets another name
    imagestore: str = ""  # the --imagestore it was made with; only told to people, it may lie elsewhere now


class Process(Struct):
    """The container's first process."""

    entrypoint: tuple[str, ...] | None = None  # None: take the image's
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    env_merge: dict[str, str] = {}  # --env-merge: values that refer to the image's as ${NAME}
    workdir: str = ""
    user: str = ""  # user[:group] or uid[:gid], resolved inside the rootfs
    groups: tuple[str, ...] = ()  # --group-add
    terminal: bool = False
    stdin: bool = False  # keep stdin open (-i)
    inherit_fds: tuple[int, ...] = ()  # further file descriptors that the process gets
    umask: str = ""  # octal digits
    timezone: str = ""
    init: bool | None = None
    init_path: str = ""
    create_workdir: bool = False  # the image's WORKDIR is made when the root lacks it
    passwd: bool = True  # give a numeric user an entry in /etc/passwd and /etc/group
    host_users: tuple[str, ...] = ()  # --hostuser: names or UIDs of the host's that /etc/passwd gets
    passwd_entry: str = ""  # --passwd-entry, a template with $UID and the like
    group_entry: str = ""
    personality: str = ""  # LINUX or LINUX32


class Security(Struct):
    """Capabilities, seccomp, masks; see podman-run(1) --security-opt, --cap-add."""

    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    seccomp_profile: str = ""  # path, "unconfined", or "" for the default
    apparmor_profile: str = ""
    label_opts: tuple[str, ...] = ()
    no_new_privileges: bool = False
    mask: tuple[str, ...] = ()
    unmask: tuple[str, ...] = ()
    proc_opts: tuple[str, ...] = ()
    read_only: bool | None = None
    read_only_tmpfs: bool = True


class Ulimit(Struct):
    """A resource limit, as in setrlimit(2); -1 is unlimited."""

    name: str  # nofile, nproc, ... or "host"
    soft: int
    hard: int


class Device(Struct):
    """A host device made visible: --device HOST[:CONTAINER[:PERMISSIONS]]."""

    path: str
    container_path: str = ""
    permissions: str = "rwm"


class Resources(Struct):
    """Limits for the container's cgroup; 0 or empty means no limit."""

    memory: int = 0
    memory_swap: int = 0  # -1 unlimited
    memory_reservation: int = 0
    memory_swappiness: int = -1
    cpus: float = 0.0
    cpu_period: int = 0  # microseconds
    cpu_quota: int = 0  # microseconds
    cpu_shares: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids_limit: int | None = None  # None: the configured default; 0 or -1: unlimited
    oom_kill_disable: bool = False
    oom_score_adj: int | None = None
    shm_size: int = -1  # -1: the configured size
    shm_size_systemd: int = -1  # of a systemd container's tmpfs; -1: the kernel's default
    cgroup_conf: dict[str, str] = {}
    cpu_rt_period: int = 0  # microseconds
    cpu_rt_runtime: int = 0  # microseconds
    blkio_weight: int = 0  # 10-1000
    blkio_weight_device: tuple[str, ...] = ()  # "PATH:WEIGHT"
    device_limits: dict[str, tuple[str, ...]] = {}  # "read-bps" ("write-iops", ...) -> "PATH:RATE"
    device_cgroup_rules: tuple[str, ...] = ()  # "c 42:* rwm"


class Namespaces(Struct):
    """Namespace modes as typed: "" (default), private, host, container:ID, ns:PATH, none."""

    pid: str = ""
    ipc: str = ""
    uts: str = ""
    cgroup: str = ""
    user: str = ""
    uid_map: tuple[str, ...] = ()  # "CONTAINER:HOST:SIZE"
    gid_map: tuple[str, ...] = ()


class PortMapping(Struct):
    """A published port range, as netavark wants it."""

    container_port: int
    host_port: int = 0  # 0: choose a free one at create
    host_ip: str = ""
    protocol: str = "tcp"
    range: int = 1


class NetworkAttachment(Struct):
    """The container's place in one network."""

    aliases: tuple[str, ...] = ()
    static_ips: tuple[str, ...] = ()
    static_mac: str = ""
    interface_name: str = ""


class NetworkOptions(Struct):
    """--network and what belongs to it."""

    mode: str = ""  # "", bridge, none, host, container:ID, ns:PATH, private, slirp4netns, pasta
    networks: dict[str, NetworkAttachment] = {}  # network name -> place; for mode bridge
    ports: tuple[PortMapping, ...] = ()
    publish_all: bool = False
    expose: tuple[str, ...] = ()  # "80/tcp", "80-90/udp"
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    add_hosts: tuple[str, ...] = ()  # "name:ip"
    no_hosts: bool = False
    no_hostname: bool = False
    hosts_file: str = ""

    _nested_ = {"ports": PortMapping}

    @classmethod
    def from_dict(cls, data: dict) -> NetworkOptions:  # type: ignore[type-arg]
        networks = {k: NetworkAttachment.from_dict(v) for k, v in data.get("networks", {}).items()}
        return super().from_dict({**data, "networks": networks})


class Mount(Struct):
    """A user's mount: -v, --mount, --tmpfs, an image volume."""

    type: str  # bind, volume, tmpfs, image, artifact, devpts, overlay, ramfs
    destination: str
    source: str = ""  # path; of a volume in a request: its name; of an image, an artifact: the reference
    name: str = ""  # of a volume in a stored container: its name (source is its directory)
    options: tuple[str, ...] = ()
    anonymous: bool = False  # an unnamed volume: removed with the container
    from_image: bool = False  # from the image's VOLUME
    subpath: str = ""


class Log(Struct):
    """Where the container's output goes."""

    driver: str = ""  # k8s-file, json-file, journald, none, passthrough
    path: str = ""
    max_size: int = -1
    tag: str = ""
    labels: dict[str, str] = {}


class Lifecycle(Struct):
    """What happens around stop, exit and restart."""

    remove: bool = False  # --rm
    remove_image: bool = False  # --rmi: with it goes its image, unless others use it
    restart: str = "no"  # no, on-failure, always, unless-stopped
    restart_retries: int = 0
    stop_signal: int = 0  # 0: the image's, or SIGTERM
    stop_timeout: int = -1  # seconds; -1: the configured time
    timeout: int = 0  # seconds of life, 0 = no limit
    pidfile: str = ""
    conmon_pidfile: str = ""
    cidfile: str = ""
    sdnotify: str = "container"
    systemd: str = "true"  # true (when the command is an init), false, always; stored: false, always
    detach_keys: str | None = None


class ContainerCreate(Struct):
    """One request for a container: what the command line or a program asked for."""

    image: str = ""  # reference or ID; empty with rootfs
    name: str = ""
    rootfs: str = ""  # PATH[:O]
    hostname: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    process: Process = Process()
    security: Security = Security()
    resources: Resources = Resources()
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[Device, ...] = ()
    namespaces: Namespaces = Namespaces()
    network: NetworkOptions = NetworkOptions()
    mounts: tuple[Mount, ...] = ()
    volumes_from: tuple[str, ...] = ()
    chroot_dirs: tuple[str, ...] = ()  # directories that get the engine's files too
    image_volumes: str = ""  # anonymous, tmpfs, ignore
    sysctls: dict[str, str] = {}
    log: Log = Log()
    lifecycle: Lifecycle = Lifecycle()
    requires: tuple[str, ...] = ()  # containers to start before
    pod: str = ""
    cgroup_parent: str = ""
    cgroups: str = ""  # enabled, disabled, no-conmon, split
    hooks_dirs: tuple[str, ...] = ()
    env_host: bool | None = None
    http_proxy: bool | None = None
    unset_env: tuple[str, ...] = ()
    unset_env_all: bool = False
    pull: str = "missing"  # missing, always, never, newer
    replace: bool = False
    create_command: tuple[str, ...] = ()

    _nested_ = {
        "process": Process,
        "security": Security,
        "resources": Resources,
        "ulimits": Ulimit,
        "devices": Device,
        "namespaces": Namespaces,
        "network": NetworkOptions,
        "mounts": Mount,
        "log": Log,
        "lifecycle": Lifecycle,
    }


class Container(Struct):
    """A stored container: the request with everything resolved; changes by rename and update."""

    id: str  # 64 hex digits
    name: str
    created: float
    image: ImageSource = ImageSource()
    hostname: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    process: Process = Process()  # entrypoint, command, env, workdir, user: merged with the image's
    security: Security = Security()
    resources: Resources = Resources()
    ulimits: tuple[Ulimit, ...] = ()
    devices: tuple[Device, ...] = ()
    namespaces: Namespaces = Namespaces()
    network: NetworkOptions = NetworkOptions()
    mounts: tuple[Mount, ...] = ()  # user mounts and image volumes; sources resolved
    chroot_dirs: tuple[str, ...] = ()
    sysctls: dict[str, str] = {}
    log: Log = Log()
    lifecycle: Lifecycle = Lifecycle()
    depends: tuple[str, ...] = ()  # IDs of containers whose namespaces or life it needs
    pod: str = ""
    cgroup_parent: str = ""
    cgroups: str = "enabled"
    hooks_dirs: tuple[str, ...] = ()
    runtime: str = ""  # name of the OCI runtime as chosen at create
    runtime_path: str = ""
    bundle: str = ""  # static directory: <graphroot>/overlay-containers/ID/userdata
    run_dir: str = ""  # volatile directory: <runroot>/overlay-containers/ID/userdata
    create_command: tuple[str, ...] = ()
    is_infra: bool = False

    _nested_ = {**ContainerCreate._nested_, "image": ImageSource}

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that runs: entrypoint followed by the command."""
        return (*(self.process.entrypoint or ()), *self.process.command)


class NetworkResult(Struct):
    """What network setup gave for one network (netavark's StatusBlock as JSON)."""

    name: str
    status: dict = {}  # type: ignore[type-arg]


class ContainerState(Struct):
    """The part of a container that changes; one small record of its own.

    ``status`` is one of configured, created (initialized in the runtime),
    running, paused, stopping, stopped, exited, removing, with podman's meaning:
    ``configured`` is shown as Created, ``created`` as Initialized, ``stopped``
    (dead, not yet cleaned up) and ``exited`` as Exited.
    """

    status: str = "configured"  # "creating" while create is at work (pid is then the creator)
    pid: int = 0
    pid_start: int = 0  # start time of pid in clock ticks (/proc/PID/stat field 22): pids are reused
    conmon_pid: int = 0
    boot_id: str = ""  # the boot in which pid and mounts are valid
    started_at: float = 0.0
    finished_at: float = 0.0
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    mountpoint: str = ""  # the mounted root file system, or ""
    netns: str = ""  # path of the network namespace, or ""
    networks: tuple[NetworkResult, ...] = ()
    restart_count: int = 0
    stopped_by_user: bool = False
    cleaned: bool = True  # nothing mounted, no network, no runtime state

    _nested_ = {"networks": NetworkResult}
