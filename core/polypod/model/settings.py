"""What configuration files and flags say, in the words of containers.conf(5) and storage.conf(5).

Each field is the key of that name in the table of that name; the defaults are
podman's. Those that depend on the host (cgroup manager, log driver, per-user
paths) are filled in by ``polypod.config``, which also notes where each value came from.
"""

from __future__ import annotations

from .struct import Struct

#: File in the static directory: one line, the name of the state backend that ``system migrate``
#: switched to. It wins over configured names and loses to the flag ``--state-backend``.
BACKEND_MARKER = "backend"


class StorageSettings(Struct):
    """storage.conf, ``[storage]`` and ``[storage.options]``."""

    root: str = ""  # graphroot
    runroot: str = ""
    imagestore: str = ""
    driver: str = ""  # as configured; "" = assembly picks (see Composition.storage_name)
    driver_priority: tuple[str, ...] = ()
    options: dict[str, str] = {}  # "overlay.mountopt" -> "nodev"; what has no driver in it is "size"
    additional: tuple[str, ...] = ()  # additional image stores, read-only
    pull_options: dict[str, str] = {}
    transient_store: bool = False
    disable_volatile: bool = False
    root_auto_userns_user: str = ""
    auto_userns_min_size: int = 1024
    auto_userns_max_size: int = 65536


class EngineSettings(Struct):
    """containers.conf, ``[engine]``; durations are seconds."""

    runtime: str = ""  # name or absolute path; "" = assembly picks
    runtimes: dict[str, tuple[str, ...]] = {}  # name -> candidate paths
    runtimes_flags: dict[str, tuple[str, ...]] = {}  # name -> global flags of that runtime
    runtime_flags: tuple[str, ...] = ()  # global flags of the OCI runtime, with their dashes
    runtime_supports_json: tuple[str, ...] = ()
    runtime_supports_kvm: tuple[str, ...] = ()
    runtime_supports_nocgroups: tuple[str, ...] = ()
    platform_to_oci_runtime: dict[str, str] = {}
    state_backend: str = ""  # polypod.conf state_backend, or database_backend translated
    database_backend: str = ""
    monitor: str = ""  # polypod.conf monitor
    conmon: str = ""  # --conmon: this path and no other
    conmon_path: tuple[str, ...] = ()
    conmon_env_vars: tuple[str, ...] = ()
    observers: tuple[str, ...] | None = None  # polypod.conf observers; None = all installed
    cgroup_manager: str = "cgroupfs"
    cgroup_check: bool = False
    static_dir: str = ""  # <graphroot>/polypod
    tmp_dir: str = ""  # <runroot>/polypod
    volume_path: str = ""  # <graphroot>/volumes
    volume_plugins: dict[str, str] = {}
    volume_plugin_timeout: int = 5
    infra_image: str = ""
    infra_command: str = "/pause"
    init_path: str = ""
    hooks_dir: tuple[str, ...] = ()
    cdi_spec_dirs: tuple[str, ...] = ()
    default_mounts_file: str = ""  # --default-mounts-file: this mounts.conf and no other
    helper_binaries_dir: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    events_logger: str = "file"
    events_logfile_path: str = ""
    events_logfile_max_size: int = 1000000
    events_container_create_inspect_data: bool = False
    healthcheck_events: bool = True
    pull_policy: str = "missing"
    retry: int = 3
    retry_delay: str = ""
    image_default_transport: str = "docker://"
    image_default_format: str = ""
    image_build_format: str = "oci"
    image_parallel_copies: int = 0
    image_volume_mode: str = "anonymous"
    image_copy_tmp_dir: str = "/var/tmp"
    detach_keys: str = "ctrl-p,ctrl-q"
    stop_timeout: int = 10
    exit_command_delay: int = 300
    service_timeout: int = 5
    num_locks: int = 2048
    lock_type: str = "shm"
    network_cmd_path: str = ""
    network_cmd_options: tuple[str, ...] = ()
    no_pivot_root: bool = False
    enable_port_reservation: bool = True
    multi_image_archive: bool = False
    chown_copied_files: bool = True
    compression_format: str = "gzip"
    compression_level: int | None = None
    add_compression: tuple[str, ...] = ()
    compat_api_enforce_docker_hub: bool = True
    compose_providers: tuple[str, ...] = ()
    compose_warning_logs: bool = True
    pod_exit_policy: str = "continue"
    kube_generate_type: str = "pod"
    namespace: str = ""
    remote: bool = False
    active_service: str = ""


class ContainersSettings(Struct):
    """containers.conf, ``[containers]``: defaults of create and run, as written in the file."""

    annotations: tuple[str, ...] = ()
    apparmor_profile: str = "containers-default-0.44.0"
    base_hosts_file: str = ""
    cgroup_conf: tuple[str, ...] = ()
    cgroupns: str = "private"
    cgroups: str = "enabled"
    container_name_as_hostname: bool = False
    default_capabilities: tuple[str, ...] = ()
    default_sysctls: tuple[str, ...] = ()
    default_ulimits: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    dns_searches: tuple[str, ...] = ()
    dns_servers: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    env_host: bool = False
    host_containers_internal_ip: str = ""
    http_proxy: bool = True
    init: bool = False
    init_path: str = ""
    interface_name: str = ""
    ipcns: str = "shareable"
    keyring: bool = True
    label: bool = True
    label_users: bool = False
    log_driver: str = "k8s-file"
    log_path: str = ""
    log_size_max: int = -1
    log_tag: str = ""
    mounts: tuple[str, ...] = ()
    netns: str = "private"
    no_hosts: bool = False
    oom_score_adj: int | None = None
    pidns: str = "private"
    pids_limit: int = 2048
    prepare_volume_on_create: bool = False
    privileged: bool = False
    read_only: bool = False
    seccomp_profile: str = ""
    shm_size: str = "65536k"
    tz: str = ""
    umask: str = "0022"
    userns: str = ""
    userns_size: int = 65536
    utsns: str = "private"
    volumes: tuple[str, ...] = ()


class SubnetPool(Struct):
    """One entry of ``network.default_subnet_pools``."""

    base: str
    size: int


class NetworkSettings(Struct):
    """containers.conf, ``[network]``."""

    backend: str = ""  # network_backend; "" = assembly picks
    default_network: str = "podman"
    default_subnet: str = "10.88.0.0/16"
    default_subnet_pools: tuple[SubnetPool, ...] = ()
    default_rootless_network_cmd: str = "pasta"
    config_dir: str = ""  # network_config_dir
    run_dir: str = ""  # where the backend keeps leases and DNS files
    firewall_driver: str = ""
    dns_bind_port: int = 0
    netavark_plugin_dirs: tuple[str, ...] = ()
    default_host_ips: tuple[str, ...] = ()  # where ports are published that name no host IP
    cni_plugin_dirs: tuple[str, ...] = ()
    pasta_options: tuple[str, ...] = ()

    _nested_ = {"default_subnet_pools": SubnetPool}


class Settings(Struct):
    """All of it. ``origin`` maps ``"engine.runtime"`` to ``FILE:LINE``, ``flag --runtime`` or ``env X``."""

    storage: StorageSettings = StorageSettings()
    engine: EngineSettings = EngineSettings()
    containers: ContainersSettings = ContainersSettings()
    network: NetworkSettings = NetworkSettings()
    plugins: dict[str, dict] = {}  # type: ignore[type-arg]  # "state.sqlite" -> its table
    log_level: str = "warning"
    origin: dict[str, str] = {}

    _nested_ = {
        "storage": StorageSettings,
        "engine": EngineSettings,
        "containers": ContainersSettings,
        "network": NetworkSettings,
    }
