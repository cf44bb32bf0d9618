"""Pulling on the command line: its flags, the options that they make, and the image of a ``run``."""

from __future__ import annotations

import os

from ..errors import UsageError
from .command import Flag
from .registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY, retry_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.pull_options import PullOptions
    from ..model.container import ContainerCreate
    from .context import Context
    from .parse import Options

DECRYPTION_KEY = Flag(
    "decryption-key", type="array", complete="files",
    usage="Key needed to decrypt the image (e.g. /path/to/key.pem)",
)  # fmt: skip

PULL = (
    Flag("all-tags", "a", usage="All tagged images in the repository will be pulled"),
    Flag("arch", type="string", complete="values:amd64,arm64,arm,386,ppc64le,s390x,riscv64",
         usage="Use ARCH instead of the architecture of the machine for choosing images"),
    AUTHFILE,
    CERT_DIR,
    CREDS,
    DECRYPTION_KEY,
    Flag("disable-content-trust", usage="This is a Docker specific option and is a NOOP"),
    Flag("os", type="string", complete="values:linux,windows",
         usage="Use OS instead of the running OS for choosing images"),
    Flag("platform", type="string", complete="none",
         usage="Specify the platform for selecting the image.  (Conflicts with arch and os)"),
    Flag("policy", type="string", default="always",
         usage='Pull image policy ("always"|"missing"|"never"|"newer")',
         complete="values:always,missing,never,newer"),
    Flag("quiet", "q", usage="Suppress output information when pulling images"),
    *retry_flags("pull"),
    Flag("signature-policy", type="string", hidden=True),
    TLS_VERIFY,
    Flag("variant", type="string", complete="none",
         usage="Use VARIANT instead of the running architecture variant for choosing images"),
)  # fmt: skip


def check_authfile(path: str) -> None:
    """Refuse an ``--authfile`` that cannot be opened, before anything is done."""
    try:
        os.stat(path)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise UsageError(f"credential file is not accessible: faccessat {path}: {reason}") from error


def pull_options(ctx: Context, opts: Options, policy: str) -> PullOptions:
    """The options that the flags of ``pull``, ``run`` and ``create`` make."""
    from ..engine.pull_options import PullOptions, check_options
    from . import asking
    from .registry_flags import access_of

    given = opts.given()
    system, arch, variant = _platform(opts)
    return check_options(
        PullOptions(
            policy=policy,
            access=access_of(ctx, opts),
            os=system,
            arch=arch,
            variant=variant,
            all_tags=bool(given.get("all-tags", False)),
            signature_policy=given.get("signature-policy", ""),
            decryption_keys=tuple(given.get("decryption-key", ())),
            choose=asking.image_chooser(ctx),
        )
    )


def _platform(opts: Options) -> tuple[str, str, str]:
    if not opts.platform:
        return opts.os, opts.arch, opts.variant
    if opts.arch or opts.os:
        raise UsageError("--platform option can not be specified with --arch or --os")
    from ..engine.platforms import parse_platform

    system, arch, variant = parse_platform(opts.platform)
    return system, arch, variant or opts.variant


def with_image(ctx: Context, opts: Options, request: ContainerCreate) -> ContainerCreate:
    """Bring in the image of a ``run`` or ``create`` by its ``--pull``, and say so.

    The request that comes back names the image as the store does.
    """
    from ..engine.images_pull import ensure_image
    from .progress import progress_for

    options = pull_options(ctx, opts, request.pull)
    progress = progress_for(ctx, opts.quiet)
    try:
        image, name = ensure_image(ctx.rt, request.image, request.pull, progress, options)
    finally:
        progress.close()
    if options.custom_platform:
        from ..engine.images_lookup import lookup

        if lookup(ctx.rt, name)[0].id != image.id:
            name = image.id  # the name is a manifest list's, which has several
    return request.evolve(image=name, pull="missing")
