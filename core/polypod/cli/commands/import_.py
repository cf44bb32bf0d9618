"""``import``: an image from a tarball of a root file system."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Import and print the image's ID."""
    from ...engine.images_import import ImportOptions, import_path

    options = ImportOptions(
        reference=args[1] if len(args) > 1 else "",
        changes=opts.change,
        message=opts.message,
        platform=(opts.os, opts.arch, opts.variant),
        signature_policy=opts.signature_policy,
    )
    if opts.quiet:
        image_id = import_path(ctx.rt, args[0], options)
    else:
        image_id = import_path(ctx.rt, args[0], options, ctx.err)
    ctx.out(f"sha256:{image_id}")
    return 0


COMMAND = Command(
    path="import",
    summary="Import a tarball to create a filesystem image",
    usage="[options] PATH [REFERENCE]",
    long="Creates an image from the contents of a tarball (plain, gzip, bzip2, xz or zstd).\n\n"
    "  PATH may be a file, a web address, or - for standard input. REFERENCE names the image;\n"
    "  --change sets what the image runs and how.",
    flags=(
        Flag("arch", type="string", usage="Set the architecture of the imported image"),
        Flag(
            "change", "c", type="array",
            usage="Apply the following possible instructions to the created image: CMD | ENTRYPOINT"
            " | ENV | EXPOSE | LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME | WORKDIR",
            complete="values:CMD=,ENTRYPOINT=,ENV=,EXPOSE=,LABEL=,ONBUILD=,STOPSIGNAL=,USER=,"
            "VOLUME=,WORKDIR=",
        ),
        Flag("message", "m", type="string", usage="Set commit message for imported image"),
        Flag("os", type="string", usage="Set the OS of the imported image"),
        Flag("quiet", "q", usage="Suppress output"),
        Flag("signature-policy", type="string", hidden=True),
        Flag("variant", type="string", usage="Set the variant of the imported image"),
    ),
    examples=(
        "import https://example.com/ctr.tar url-image",
        'import --change CMD=/bin/sh --message "a small system" rootfs.tar.gz small',
        "import - from-stdin < rootfs.tar",
    ),
    min_args=1,
    max_args=2,
    complete_args="files none",
    run=run,
)  # fmt: skip
