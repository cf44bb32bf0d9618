"""conmon's command lines (conmon(8), and its src/cli.c for what the page leaves out)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polypod.model.runtime import MonitorExec, MonitorStart

#: Drivers whose log is a file. conmon knows one format; podman's json-file is an alias of it.
_FILES = ("", "k8s-file", "json-file")


def create(path: str, request: MonitorStart, log_level: str) -> list[str]:
    """The command line that creates a container."""
    argv = _shared(path, request.id, request.bundle, f"{request.run_dir}/pidfile", log_level)
    argv += ["-u", request.id, "-n", request.name]
    argv += ["--exit-dir", request.exit_dir, "--persist-dir", request.persist_dir]
    argv += ["-l", _log(request)]
    if request.log_size_max > 0:
        argv += ["--log-size-max", str(request.log_size_max)]
    if request.log_tag and request.log_driver == "journald":
        # conmon refuses a tag with any other driver.
        argv += ["--log-tag", request.log_tag]
    if request.terminal:
        argv.append("-t")
    elif request.stdin:
        argv.append("-i")
    if request.leave_stdin_open:
        argv.append("--leave-stdin-open")
    if request.timeout > 0:
        argv += ["-T", str(request.timeout)]
    if request.no_pivot:
        argv.append("--no-pivot")
    if request.listen_fds > 0:
        # LISTEN_PID must be the PID of the process that gets the sockets (sd_listen_fds(3)).
        argv.append("--replace-listen-pid")
    if request.sdnotify_socket:
        argv.append("--sdnotify-socket=" + request.sdnotify_socket)
    argv += _runtime(request.runtime_argv, oci_log(request.run_dir) if request.json_log else "")
    argv += _preserve(request.preserve_fds + request.listen_fds)
    return argv + _exit_command(request.exit_command, request.exit_delay)


def execute(path: str, request: MonitorExec, log_level: str) -> list[str]:
    """The command line that runs one more process in a container."""
    pidfile = f"{request.bundle}/exec_pid"
    argv = _shared(path, request.container_id, request.bundle, pidfile, log_level)
    argv += ["-u", request.exec_id, "-n", request.exec_id, "-l", "none"]
    argv += ["--exit-dir", request.exit_dir, "--persist-dir", request.persist_dir]
    argv += ["-e", "--exec-process-spec", request.process_path]
    if request.attach:
        argv.append("--exec-attach")
    if request.terminal:
        argv.append("-t")
    if request.stdin:
        argv.append("-i")
    argv += _runtime(request.runtime_argv, oci_log(request.bundle) if request.json_log else "")
    argv += _preserve(request.preserve_fds)
    return argv + _exit_command(request.exit_command, request.exit_delay)


def oci_log(directory: str) -> str:
    """Where the runtime writes why it failed, so that it does not write it to the container's log."""
    return f"{directory}/oci-log"


def _shared(path: str, id: str, bundle: str, pidfile: str, log_level: str) -> list[str]:
    # --sync: no second fork, so the PID of what is spawned is conmon's own.
    # --no-sync-log: an fsync of the log at every exit takes longer than the container's life.
    return [
        path,
        "--api-version", "1",
        "--sync",
        "--no-sync-log",
        "--full-attach",
        "--log-level", log_level,
        "-c", id,
        "-b", bundle,
        "-p", pidfile,
    ]  # fmt: skip


def _log(request: MonitorStart) -> str:
    if request.log_driver in _FILES:
        return "k8s-file:" + request.log_path
    if request.log_driver == "passthrough-tty":
        return "passthrough"
    return request.log_driver


def _runtime(command: tuple[str, ...], log: str) -> list[str]:
    argv = ["-r", command[0]]
    for flag in command[1:]:
        argv.append("--runtime-arg=" + flag)
    if log:
        argv += ["--runtime-arg=--log=" + log, "--runtime-arg=--log-format=json"]
    return argv


def _preserve(count: int) -> list[str]:
    return ["--runtime-opt=--preserve-fds", f"--runtime-opt={count}"] if count > 0 else []


def _exit_command(command: tuple[str, ...], delay: int) -> list[str]:
    if not command:
        return []
    argv = ["--exit-command", command[0]]
    for word in command[1:]:
        argv += ["--exit-command-arg", word]
    if delay > 0:
        argv += ["--exit-delay", str(delay)]
    return argv
