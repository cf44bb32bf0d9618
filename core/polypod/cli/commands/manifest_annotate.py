"""``manifest annotate``: changes what a list says about an instance, or about itself."""

from __future__ import annotations

from ..command import Command, Flag
from ..manifest_flags import INSECURE, PLATFORM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


_INSTANCE = (
    ("annotation", "annotation"), ("arch", "architecture"), ("features", "features"),
    ("os", "OS"), ("os-features", "OS features"), ("os-version", "OS version"),
    ("variant", "variant"),
)  # fmt: skip


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Change and print the list's ID."""
    from ...engine.manifests_add import annotate, annotate_index
    from ...errors import UsageError
    from ..manifest_flags import marks_of, pairs
    from ..registry_flags import access_of

    whole = opts.index or bool(opts.subject)
    if not whole:
        if len(args) != 2:
            raise UsageError("expected an image name or digest of the list's instance, or --index")
        ctx.out(annotate(ctx.rt, args[0], args[1], marks_of(opts, opts.os_features)))
        return 0
    if len(args) > 1:
        raise UsageError("setting an annotation or subject for a whole list requires no instance")
    for flag, word in _INSTANCE:
        if opts.changed(flag) and flag != "annotation":
            raise UsageError(
                f"setting {word} on an item in a manifest list requires an instance digest"
            )
    marks = pairs(opts.annotation, 'no value given for annotation "{}"')
    ctx.out(annotate_index(ctx.rt, args[0], marks, opts.subject, access_of(ctx, opts)))
    return 0


COMMAND = Command(
    path="manifest annotate",
    summary="Add or update information about an entry in a manifest list or image index",
    usage="[options] LIST IMAGEORARTIFACT",
    long="Adds or updates information about an entry in a manifest list or image index.",
    flags=(
        *PLATFORM,
        Flag("index", usage="Apply --annotation values to the image index itself"),
        Flag("os-features", type="slice", complete="none",
             usage="Override the OS features of the specified image or artifact"),
        Flag("subject", type="string", complete="images",
             usage="Set the subject to which the image index refers"),
        INSECURE,
        Flag("tls-verify", default=True, hidden=True,
             usage="Require HTTPS and verify certificates when accessing the registry"),
    ),
    examples=(
        "manifest annotate --annotation left=right mylist:v1.11 sha256:DIGEST",
        "manifest annotate --index --annotation left=right mylist:v1.11",
    ),
    min_args=1,
    max_args=2,
    complete_args="images...",
    run=run,
)  # fmt: skip
