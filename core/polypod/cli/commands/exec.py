"""``exec``."""

from __future__ import annotations

from ...errors import PolypodError, RuntimeFailure, UsageError
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Run a process in a running container; exits with its code."""
    from ...engine.exec import ExecRequest, exec_in
    from ...model.runtime import AttachStreams
    from ..create_request import environment
    from ..fds import check_inherited, inherited
    from ..streams import interactive_terminal, keys

    if opts.no_session and (opts.detach or opts.changed("detach-keys")):
        raise UsageError("--no-session cannot be used with --detach or --detach-keys")
    container_id, command = _target(ctx, opts, args)
    if opts.cidfile and not args:
        raise UsageError("must provide a non-empty command to start an exec session: invalid argument")
    check_inherited(opts)
    streams = None
    if not opts.detach:
        container_keys = ctx.rt.records.containers.get(container_id).lifecycle.detach_keys
        streams = AttachStreams(
            stdin=0 if opts.interactive else -1,
            stdout=1,
            stderr=2,
            terminal=opts.tty,
            detach_keys=keys(
                opts.detach_keys if opts.changed("detach-keys") else container_keys, opts.tty
            ),
        )
    request = ExecRequest(
        command=tuple(command),
        env=environment(opts.env_file, opts.env),
        workdir=opts.workdir,
        user=opts.user,
        terminal=opts.tty,
        stdin=opts.interactive,
        privileged=opts.privileged,
        inherit_fds=inherited(opts),
    )
    try:
        with interactive_terminal(streams):
            code, session = exec_in(ctx.rt, container_id, request, streams)
    except RuntimeFailure as error:
        # Nobody waits for a detached command, so its own exit codes mean nothing.
        if opts.detach:
            raise PolypodError(str(error)) from error
        raise
    if opts.detach:
        ctx.out(session)
    return code


def _target(ctx: Context, opts: Options, args: list[str]) -> tuple[str, list[str]]:
    from ..selecting import select

    if opts.latest or opts.cidfile:
        cidfiles = (opts.cidfile,) if opts.cidfile else ()
        targets = select(ctx, [], latest=opts.latest, cidfiles=cidfiles)
        command = args
    else:
        if not args:
            raise UsageError("exec requires the name or ID of a container or the --latest flag")
        targets = [(args[0], _named(ctx, args[0], opts.wait))]
        command = args[1:]
    if not command:
        raise UsageError("must provide a non-empty command to start an exec session: invalid argument")
    return targets[0][1], command


def _named(ctx: Context, name: str, seconds: int) -> str:
    if not seconds:
        return ctx.rt.records.containers.find(name)
    from ...engine.wait import until_running

    return until_running(ctx.rt, name, seconds)


COMMAND = Command(
    "exec",
    "Run a process in a running container",
    run,
    usage="[options] CONTAINER COMMAND [ARG...]",
    long="Execute the specified command inside a running container.",
    flags=(
        Flag("cidfile", type="string", usage="File to read the container ID from", complete="files"),
        Flag("detach", "d", usage="Run the exec session in detached mode (backgrounded)"),
        Flag("detach-keys", type="string", usage="Select the key sequence for detaching a container"),
        Flag("env", "e", "array", usage="Set environment variables"),
        Flag("env-file", type="array", usage="Read in a file of environment variables", complete="files"),
        Flag("interactive", "i", usage="Make STDIN available to the contained process"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("no-session", usage="Do not create a database session for the exec process"),
        Flag("preserve-fds", type="uint", usage="Pass N additional file descriptors to the container"),
        Flag("preserve-fd", type="slice", usage="Pass a list of additional file descriptors to the container"),
        Flag("privileged", usage="Give the process extended Linux capabilities inside the container.  The default is false"),
        Flag("tty", "t", usage="Allocate a pseudo-TTY. The default is false"),
        Flag("user", "u", "string", usage="Sets the username or UID used and optionally the groupname or GID for the specified command"),
        Flag("wait", type="int", default=0, usage="Total seconds to wait for container to start"),
        Flag("workdir", "w", "string", usage="Working directory inside the container"),
    ),
    examples=("exec -it ctrID ls", 'exec -it -w /tmp myCtr pwd', "exec --user root ctrID ls"),
    interspersed=False,
    complete_args="containers containerpaths...",
)  # fmt: skip
