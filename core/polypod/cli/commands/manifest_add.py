"""``manifest add``: images or artifacts into a manifest list."""

from __future__ import annotations

from ..command import Command, Flag
from ..manifest_flags import INSECURE, PLATFORM
from ..registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


_ARTIFACT = (
    "artifact-type", "artifact-config", "artifact-config-type", "artifact-layer-type",
    "artifact-subject", "artifact-exclude-titles",
)  # fmt: skip


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Add and print the list's ID."""
    from ...engine.manifests_add import add
    from ..manifest_flags import marks_of
    from ..registry_flags import access_of

    access = access_of(ctx, opts)
    marks = marks_of(opts)
    if opts.artifact:
        ctx.out(_artifact(ctx, opts, args))
        return 0
    given = [f"--{name}" for name in _ARTIFACT if opts.changed(name)]
    if given:
        from ...errors import UsageError

        verb = "requires" if len(given) == 1 else "require"
        raise UsageError(f"{'/'.join(given)} {verb} --artifact")
    ctx.out(add(ctx.rt, args[0], args[1:], marks, all=opts.all, access=access))
    return 0


def _artifact(ctx: Context, opts: Options, args: list[str]) -> str:
    from ...engine.manifests_artifact import ArtifactOptions, add_artifact
    from ...errors import PolypodError
    from ..manifest_flags import marks_of
    from ..registry_flags import access_of

    config = b""
    if opts.artifact_config:
        try:
            with open(opts.artifact_config, "rb") as file:
                config = file.read()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise PolypodError(f"open {opts.artifact_config}: {reason}") from None
    options = ArtifactOptions(
        type=opts.artifact_type if opts.changed("artifact-type") else None,
        config=config,
        config_type=opts.artifact_config_type,
        layer_type=opts.artifact_layer_type,
        exclude_titles=opts.artifact_exclude_titles,
        subject=opts.artifact_subject,
    )
    return add_artifact(ctx.rt, args[0], args[1:], options, marks_of(opts), access_of(ctx, opts))


COMMAND = Command(
    path="manifest add",
    summary="Add images or artifacts to a manifest list or image index",
    usage="[options] LIST IMAGEORARTIFACT [IMAGEORARTIFACT...]",
    long="Adds an image or artifact to a manifest list or image index.",
    flags=(
        Flag("all", usage="Add all of the list's images if the image is a list"),
        Flag("artifact", usage="Add all arguments as artifact files rather than as images"),
        Flag("artifact-config", type="string", usage="Artifact configuration file", complete="files"),
        Flag("artifact-config-type", type="string", complete="none",
             usage="Artifact configuration media type"),
        Flag("artifact-exclude-titles",
             usage='Refrain from setting "org.opencontainers.image.title" annotations on "layers"'),
        Flag("artifact-layer-type", type="string", usage="Artifact layer media type", complete="none"),
        Flag("artifact-subject", type="string", usage="Artifact subject reference", complete="images"),
        Flag("artifact-type", type="string", usage="Override the artifactType value", complete="none"),
        *PLATFORM,
        AUTHFILE,
        CERT_DIR,
        CREDS,
        INSECURE,
        TLS_VERIFY,
    ),
    examples=(
        "manifest add mylist:v1.11 image:v1.11-amd64",
        "manifest add mylist:v1.11 transport:imageName",
        "manifest add --artifact --artifact-type text/plain mylist:v1.11 notes.txt",
    ),
    min_args=2,
    complete_args="images...",
    run=run,
)  # fmt: skip
