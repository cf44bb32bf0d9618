"""``start``."""

from __future__ import annotations

from ...errors import PolypodError, UsageError
from ..command import Command, Flag
from ..selecting import only_matching, report, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

_STARTABLE = ("created", "initialized", "exited")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Start containers; attached to one with -a."""
    _check(opts, args)
    attach = opts.attach or opts.interactive
    errors: list[Exception] = []
    targets = select(
        ctx,
        args,
        all=opts.all,
        latest=opts.latest,
        filters=[] if args else opts.filter,
        statuses=() if opts.all is False and opts.filter else _STARTABLE,
        errors=errors,
    )
    if args and opts.filter:
        targets = only_matching(ctx, targets, opts.filter)
    if attach and targets:
        return _attached(ctx, opts, targets[0][1])
    from ...engine.start import start

    for typed, container_id in targets:
        try:
            start(ctx.rt, container_id)
        except PolypodError as error:
            errors.append(_worded(container_id, error))
            continue
        ctx.out(typed)
    return report(ctx, errors)


def _worded(container_id: str, error: PolypodError) -> PolypodError:
    # Detached, start exits with 125 also where the command was not found, as podman does.
    return PolypodError(f'unable to start container "{container_id}": {error}')


def _check(opts: Options, args: list[str]) -> None:
    if not args and not opts.latest and not opts.all and not opts.filter:
        raise UsageError("start requires at least one argument")
    if opts.all and opts.latest:
        raise UsageError("--all and --latest cannot be used together")
    if args and opts.latest:
        raise UsageError("--latest and containers cannot be used together")
    if args and opts.all:
        raise UsageError("either start all containers or the container(s) provided in the arguments")
    if opts.attach and opts.all:
        raise UsageError("you cannot start and attach all containers at once")
    if len(args) > 1 and opts.attach:
        raise UsageError("you cannot start and attach multiple containers at once")
    if opts.sig_proxy and opts.changed("sig-proxy") and not opts.attach:
        raise UsageError("you cannot use sig-proxy without --attach: invalid argument")


def _attached(ctx: Context, opts: Options, container_id: str) -> int:
    from ...engine.attach import start_attached
    from ...engine.run import DETACHED
    from ...model.runtime import AttachStreams
    from ..streams import interactive_terminal, keys

    container = ctx.rt.records.containers.get(container_id)
    chosen = opts.detach_keys if opts.changed("detach-keys") else container.lifecycle.detach_keys
    streams = AttachStreams(
        stdin=0 if opts.interactive and container.process.stdin else -1,
        stdout=1,
        stderr=2,
        terminal=container.process.terminal,
        detach_keys=keys(chosen, container.process.terminal),
    )
    proxy = opts.sig_proxy if opts.changed("sig-proxy") else opts.attach
    with interactive_terminal(streams):
        code = start_attached(
            ctx.rt, container, streams, proxy_signals=proxy and not container.process.terminal
        )
    return 0 if code == DETACHED else code


COMMAND = Command(
    "start",
    "Start one or more containers",
    run,
    usage="[options] CONTAINER [CONTAINER...]",
    long="Starts one or more containers.  The container name or ID can be used.",
    flags=(
        Flag("all", usage="Start all containers regardless of their state or configuration"),
        Flag("attach", "a", usage="Attach container's STDOUT and STDERR"),
        Flag("detach-keys", type="string", usage="Select the key sequence for detaching a container"),
        Flag("filter", "f", "array", usage="Filter output based on conditions given"),
        Flag("interactive", "i", usage="Make STDIN available to the contained process"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("sig-proxy", default=False, usage="Proxy received signals to the process (default true if attaching, false otherwise)"),
    ),
    examples=("start --latest", "start 860a4b231279 5421ab43b45", "start --interactive --attach imageID"),
    complete_args="containers...",
)  # fmt: skip
