"""``imagestore attach``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Attach a store and print its name; which way it is used goes to stderr."""
    from ...engine.imagestores_attach import AttachOptions, attach
    from ...errors import UsageError

    if opts.optional and opts.required:
        raise UsageError("--optional and --required exclude each other")
    given = None
    if opts.changed("optional") or opts.changed("required"):
        given = bool(opts.required) or not opts.optional
    options = AttachOptions(
        name=opts.name,
        way=opts.way,
        read_only=opts.read_only if opts.changed("read-only") else None,
        required=given,
        shared=opts.shared,
        share_layers=opts.share_layers if opts.changed("share-layers") else None,
    )
    store = attach(ctx.rt, args[0], options, ctx.err)
    ctx.out(store.name)
    return 0


COMMAND = Command(
    path="imagestore attach",
    summary="Attach an image store",
    usage="[options] PATH",
    long="Makes the image store at PATH usable at once: a directory with a containers/storage layout (also"
    " podman's), a removable disk, a network share, an erofs or squashfs file with a store in it. An empty"
    " directory becomes an empty store.\n\nWhether containers can stand on its file system is tried, and the way that"
    " is taken is said: direct, erofs (layers are put into an erofs file), fuse (fuse-overlayfs"
    " mounts containers), copy (images are copied). A store that was attached before is known by its ID, wherever"
    " it lies now, and gets its name and its containers back.",
    flags=(
        Flag("name", type="string", usage="Name of the store (default: from PATH)", complete="none"),
        Flag("optional", usage="Leave the store out, with a warning, when it is not there (default)"),
        Flag("read-only", usage="Never write to the store, not even its ID"),
        Flag("required", usage="Fail whatever needs images when the store is not there"),
        Flag("share-layers", usage="Let images of the writable store stand on its layers"),
        Flag("shared", usage="Open the store, and what is put into it later, for reading to all users"),
        Flag("way", type="string", usage="Use the store this way: direct, erofs, fuse or copy",
             complete="values:direct,erofs,fuse,copy"),
    ),
    examples=(
        "imagestore attach /mnt/usb",
        "imagestore attach --name models --required /srv/models",
        "imagestore attach base-images.erofs",
    ),
    min_args=1,
    max_args=1,
    complete_args="files",
    run=run,
)  # fmt: skip
