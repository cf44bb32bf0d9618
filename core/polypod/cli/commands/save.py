"""``save``: images into an archive or a directory."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Write the images to a file, a directory or stdout."""
    import os

    from ...engine.images_copy import quiet
    from ...engine.images_save import FORMATS, SaveOptions, save
    from ...errors import UsageError

    if not args:
        raise UsageError("need at least 1 argument")
    if opts.format not in FORMATS:
        raise UsageError(f"format value must be one of {' '.join(FORMATS)}")
    if opts.changed("compress") and opts.format != "docker-dir":
        raise UsageError("--compress can only be set when --format is 'docker-dir'")
    if not opts.output and os.isatty(1):
        raise UsageError("refusing to save to terminal. Use -o flag or redirect")
    if ":" in opts.output:
        raise UsageError(f"invalid filename (should not contain ':') \"{opts.output}\"")
    several = opts.multi_image_archive
    if not opts.changed("multi-image-archive"):
        several = ctx.settings.engine.multi_image_archive
    options = SaveOptions(
        format=opts.format,
        tags=[] if several else args[1:],
        compress=opts.compress,
        uncompressed=opts.uncompressed,
    )
    names = args if several else args[:1]
    progress = ctx.err if opts.output and not opts.quiet else quiet
    save(ctx.rt, names, opts.output, options, progress)
    return 0


COMMAND = Command(
    path="save",
    summary="Save image(s) to an archive",
    usage="[options] IMAGE [IMAGE...]",
    long="Saves an image to a docker archive (the default), an OCI archive or a directory.",
    flags=(
        Flag("compress", usage="Compress layers when saving to a directory with docker-dir"),
        Flag(
            "format", type="string", default="docker-archive",
            usage="Save image to oci-archive, oci-dir (directory with oci manifest type), "
            "docker-archive, docker-dir (directory with v2s2 manifest type)",
            complete="values:oci-archive,oci-dir,docker-archive,docker-dir",
        ),
        Flag(
            "multi-image-archive", "m",
            usage="Interpret additional arguments as images not tags and create a "
            "multi-image-archive (only for docker-archive)",
        ),
        Flag(
            "output", "o", type="string", complete="files",
            usage="Write to a specified file (default: stdout, which must be redirected)",
        ),
        Flag("quiet", "q", usage="Suppress the output"),
        Flag("signature-policy", type="string", hidden=True),
        Flag("uncompressed", usage="Accept uncompressed layers when copying OCI images"),
    ),
    examples=(
        "save --quiet -o myimage.tar imageID",
        "save --format docker-dir -o ubuntu-dir ubuntu",
        "save alpine:latest > alpine.tar",
    ),
    complete_args="images...",
    run=run,
)  # fmt: skip
