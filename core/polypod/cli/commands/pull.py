"""``pull``: an image into the local store."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Pull each source and print the IDs."""
    from ...engine.images_copy import quiet
    from ...engine.images_pull import check_policy, pull

    if opts.authfile:
        from ..pulling import check_authfile

        check_authfile(opts.authfile)
    policy = check_policy(opts.policy)
    progress = quiet if opts.quiet else ctx.err
    for source in args:
        for image_id in pull(ctx.rt, source, policy, progress):
            ctx.out(image_id)
    return 0


COMMAND = Command(
    path="pull",
    summary="Pull an image from a registry",
    usage="[options] IMAGE [IMAGE...]",
    long="Pulls images into local storage. Sources are docker-archive:FILE[:NAME],\n"
    "  oci-archive:FILE[:NAME], oci:DIRECTORY[:NAME], dir:DIRECTORY and containers-storage:NAME;\n"
    "  registries are not supported yet.",
    flags=(
        Flag("authfile", type="string", usage="Path of the authentication file", complete="files"),
        Flag("policy", type="string", default="always", usage="Pull image policy",
             complete="values:always,missing,never,newer"),
        Flag("quiet", "q", usage="Suppress output information when pulling images"),
        Flag("signature-policy", type="string", hidden=True),
    ),
    examples=("pull docker-archive:image.tar", "pull oci:./layout:latest"),
    min_args=1,
    complete_args="images...",
    run=run,
)  # fmt: skip
