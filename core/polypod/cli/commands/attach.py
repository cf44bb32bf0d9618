"""``attach``."""

from __future__ import annotations

from ...errors import UsageError
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Attach to a running container; exits with its code."""
    from ...engine.attach import attach
    from ...engine.run import DETACHED
    from ...model.runtime import AttachStreams
    from ..selecting import select
    from ..streams import interactive_terminal, keys

    if len(args) > 1:
        raise UsageError(f"`{ctx.command_path}` accepts at most one argument")
    if args and opts.latest:
        raise UsageError("--latest and containers cannot be used together")
    if not args and not opts.latest:
        raise UsageError(
            f'"{ctx.command_path}" requires a name, id, or the "--latest" flag'
        )
    container_id = select(ctx, args, latest=opts.latest)[0][1]
    container = ctx.rt.records.containers.get(container_id)
    chosen = opts.detach_keys if opts.changed("detach-keys") else container.lifecycle.detach_keys
    streams = AttachStreams(
        stdin=-1 if opts.no_stdin or not container.process.stdin else 0,
        stdout=1,
        stderr=2,
        terminal=container.process.terminal,
        detach_keys=keys(chosen, container.process.terminal),
    )
    with interactive_terminal(streams):
        code = attach(
            ctx.rt,
            container_id,
            streams,
            proxy_signals=opts.sig_proxy and not container.process.terminal,
        )
    return 0 if code == DETACHED else code


COMMAND = Command(
    "attach",
    "Attach to a running container",
    run,
    usage="[options] CONTAINER",
    long=(
        "The attach command allows you to attach to a running container using the container's ID "
        "or name, either to view its ongoing output or to control it interactively."
    ),
    flags=(
        Flag("detach-keys", type="string", usage="Select the key sequence for detaching a container"),
        Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
        Flag("no-stdin", usage="Do not attach STDIN. The default is false"),
        Flag("sig-proxy", default=True, usage="Proxy received signals to the process"),
    ),
    examples=("attach ctrID", "attach 1234", "attach --no-stdin foobar"),
    complete_args="containers",
)  # fmt: skip
