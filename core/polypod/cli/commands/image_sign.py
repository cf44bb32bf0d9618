"""``image sign``: signatures of images in registries."""

from __future__ import annotations

from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Sign each image."""
    import os

    from ...engine.sign_images import sign_images
    from ...errors import UsageError
    from ..registry_flags import access_of

    access = access_of(ctx, opts)
    if not opts.sign_by:
        raise UsageError("no identity provided")
    if opts.directory and not os.path.isdir(opts.directory):
        raise UsageError(f"stat {opts.directory}: no such file or directory")
    sign_images(
        ctx.rt, args, opts.sign_by, access, directory=opts.directory, every=opts.all
    )
    return 0


COMMAND = Command(
    path="image sign",
    summary="Sign an image",
    usage="[options] IMAGE [IMAGE...]",
    long="Creates signatures of images (docker://NAME, containers-storage:NAME) with a key of\n"
    "  gpg's key ring. They are written where registries.d says, or to a directory.",
    flags=(
        Flag("all", "a", usage="Sign all the manifests of the multi-architecture image"),
        AUTHFILE,
        CERT_DIR,
        Flag("directory", "d", type="string", complete="dirs",
             usage="Define an alternate directory to store signatures"),
        Flag("sign-by", type="string", usage="Name of the signing key", complete="none"),
    ),
    examples=(
        "image sign --sign-by mykey docker://quay.io/me/image:1",
        "image sign --sign-by mykey --directory ./mykeydir docker://quay.io/me/image:1",
    ),
    min_args=1,
    complete_args="images...",
    run=run,
)  # fmt: skip
