"""``run``: create a container, start it, and stay with it unless told otherwise."""

from __future__ import annotations

import os
import sys

from ...errors import CommandNotExecutable, RuntimeFailure, UsageError
from ..command import Command, Flag
from ..container_flags import FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model.container import Container
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Run one container; the exit code is that of its process."""
    from ...engine.run import DETACHED
    from ...engine.run import run as run_container
    from ..create_request import create_request, must_pull
    from ..fds import check_inherited
    from ..streams import interactive_terminal, streams_for

    if opts.rmi:
        if opts.changed("rm") and not opts.rm:
            raise UsageError("the --rmi option does not work without --rm")
        opts.rm = True
    if opts.tty and opts.interactive and not os.isatty(0):
        from ...kit.log import warning

        warning(
            "The input device is not a TTY. The --tty and --interactive flags might not work properly"
        )
    check_inherited(opts)
    if opts.kernel_memory:
        ctx.err("The --kernel-memory flag is no longer supported. This flag is a noop.")
    request = create_request(opts, args, tuple(sys.argv))
    if opts.rmi:
        request = request.evolve(lifecycle=request.lifecycle.evolve(remove_image=True))
    if must_pull(ctx, opts, request):
        from ..pulling import with_image

        request = with_image(ctx, opts, request)
    streams = None if opts.detach else streams_for(opts, request)

    def on_created(container: Container) -> None:
        if opts.cidfile:
            write_cidfile(opts.cidfile, container.id)

    try:
        with interactive_terminal(streams):
            container, code = run_container(
                ctx.rt,
                request,
                streams,
                on_created=on_created,
                proxy_signals=opts.sig_proxy and not opts.tty,
            )
    except RuntimeFailure as error:
        # The runtime could not invoke the command: 126, unless it says more (podman-run(1)).
        if error.exit_code == 125:
            raise CommandNotExecutable(str(error)) from error
        raise
    if streams is not None and streams.stdout < 0 and streams.stderr < 0:
        ctx.out(container.id)
    if code == DETACHED:
        if request.log.driver != "passthrough" and opts.detach:
            ctx.out(container.id)
        return 0
    return code


def write_cidfile(path: str, container_id: str) -> None:
    """Write the container's ID, over what an earlier container may have left there."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cidfile {path}: {(error.strerror or '').lower()}") from error
    try:
        os.write(fd, container_id.encode())
    finally:
        os.close(fd)


COMMAND = Command(
    "run",
    "Run a command in a new container",
    run,
    usage="[options] IMAGE [COMMAND [ARG...]]",
    long="Runs a command in a new container from the given image",
    flags=(
        *FLAGS,
        Flag("detach", "d", usage="Run container in background and print container ID"),
        Flag("rmi", usage="Remove image unless used by other containers, implies --rm"),
        Flag("sig-proxy", default=True, usage="Proxy received signals to the process"),
    ),
    examples=(
        "run imageID ls -alF /etc",
        "run --network=host imageID dnf -y install java",
        "run --volume /var/hostdir:/var/ctrdir -i -t fedora /bin/bash",
    ),
    interspersed=False,
    min_args=1,
    complete_args="images imagepaths...",
)
