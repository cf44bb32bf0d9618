"""The global flags: those before the subcommand, and those allowed after it too."""

from __future__ import annotations

from .command import Flag

LOG_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")

# Only before the subcommand.
LOCAL: tuple[Flag, ...] = (
    Flag("config", type="string", usage="Path of a polypod.conf to read last, or "
         "of a folder with a config.json of credentials", complete="files"),
    Flag(
        "connection",
        "c",
        type="string",
        usage="Connection to use for a remote service (CONTAINER_CONNECTION)",
    ),
    Flag("context", type="string", default="default", hidden=True),
    Flag("debug", "D", usage="Docker compatibility: log level debug", hidden=True),
    Flag("host", "H", type="string", usage="Docker compatibility: as --url", hidden=True),
    Flag(
        "identity",
        type="string",
        usage="Path to SSH identity file, (CONTAINER_SSHKEY)",
        complete="files",
    ),
    Flag("module", type="array", usage="Load the containers.conf(5) module", complete="files"),
    Flag("noout", usage="Do not output to stdout", hidden=True),
    Flag("out", type="string", usage="Send output (stdout) to a file", complete="files"),
    Flag("remote", "r", usage="Access a remote service"),
    Flag("ssh", type="string", default="golang", usage="Define the ssh mode",
         complete="values:golang,native"),
    Flag("url", type="string", usage="URL to access a remote service (CONTAINER_HOST)"),
    Flag("version", "v", usage="Version of this program"),
)  # fmt: skip

# Before the subcommand and after it.
PERSISTENT: tuple[Flag, ...] = (
    Flag("cdi-spec-dir", type="array", usage="Set the CDI spec directory path (may be set "
         "multiple times)", complete="dirs"),
    Flag("cgroup-manager", type="string", usage='Cgroup manager to use ("cgroupfs"|"systemd")',
         complete="values:cgroupfs,systemd"),
    Flag("conmon", type="string", usage="Path of the conmon binary", complete="files"),
    Flag("cpu-profile", type="string", hidden=True),
    Flag("default-mounts-file", type="string", hidden=True, complete="files"),
    Flag("events-backend", type="string",
         usage='Events backend to use ("file"|"journald"|"none")',
         complete="values:file,journald,none"),
    Flag("help", usage="Help for this program"),
    Flag("hooks-dir", type="array", usage="Set the OCI hooks directory path (may be set multiple "
         "times)", complete="dirs"),
    Flag("imagestore", type="string", usage="Path to the image store, where images are kept "
         "apart from the graph root", complete="dirs"),
    Flag("log-level", type="string", default="warn", usage="Log messages above specified level "
         f"({', '.join(LOG_LEVELS)})", complete="values:" + ",".join(LOG_LEVELS)),
    Flag("max-workers", type="int", hidden=True),
    Flag("memory-profile", type="string", hidden=True),
    Flag("monitor", type="string", usage="Plugin that watches over running containers"),
    Flag("namespace", type="string", hidden=True),
    Flag("network-backend", type="string", usage="Plugin that sets up networks"),
    Flag("network-cmd-path", type="string", hidden=True, complete="files"),
    Flag("network-config-dir", type="string", usage="Path of the configuration directory for "
         "networks", complete="dirs", aliases=("cni-config-dir",)),
    Flag("pull-option", type="array", hidden=True),
    Flag("registries-conf", type="string", hidden=True, complete="files"),
    Flag("root", type="string", usage="Path to the graph root directory where images, "
         "containers, etc. are stored", complete="dirs"),
    Flag("runroot", type="string", usage="Path to the 'run directory' where all state "
         "information is stored", complete="dirs"),
    Flag("runtime", type="string", usage="Name of the runtime plugin, or name or path of an "
         "OCI-compatible binary used to run containers", complete="files"),
    Flag("runtime-flag", type="array", usage="Add global flags for the container runtime"),
    Flag("state-backend", type="string", usage="Plugin that keeps the state of containers, "
         "volumes and networks", aliases=("db-backend",)),
    Flag("storage-driver", type="string", usage="Select which storage driver is used to manage "
         "storage of images and containers"),
    Flag("storage-opt", type="array", usage="Used to pass an option to the storage driver"),
    Flag("syslog", usage="Output logging information to syslog as well as the console"),
    Flag("tmpdir", type="string", usage="Path to the tmp directory for state content, which does "
         "not outlive a reboot", complete="dirs"),
    Flag("trace", hidden=True),
    Flag("transient-store", usage="Enable transient container storage"),
    Flag("volumepath", type="string", usage="Path to the volume directory in which volume data "
         "is stored", complete="dirs"),
)  # fmt: skip

# What other programs' flags mean nothing to us; accepted for scripts, and dropped.
IGNORED = frozenset(("context", "cpu-profile", "memory-profile", "ssh", "trace", "max-workers"))
