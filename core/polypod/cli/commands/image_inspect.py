"""``image inspect``: everything known about images."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the documents of those that are there, then the errors of the others."""
    from ...engine.images_inspect import inspect_image
    from ...errors import NotFound, PolypodError, UsageError
    from ..render import GoTime, is_json, render_one, to_json

    if not args:
        raise UsageError("no names or ids specified")
    documents, errors = [], []
    for name in args:
        try:
            documents.append(inspect_image(ctx.rt, name))
        except NotFound as error:
            errors.append(error)
    if not opts.format or is_json(opts.format):
        ctx.out(to_json(documents, 5), end="")
    else:
        for document in documents:
            document["Created"] = GoTime(document["Created"] or "0001-01-01T00:00:00Z")
            text = render_one(
                document, opts.format, name="inspect", type_name="*inspect.ImageData",
                aliases={"ID": "Id", "HealthCheck": "Healthcheck"}, indent=5,
            )  # fmt: skip
            ctx.out(text, end="")
    for extra in errors[1:]:
        ctx.err(str(extra))
    if errors:
        # Unlike elsewhere an unknown image counts as a failure of the command.
        raise PolypodError(str(errors[0]))
    return 0


COMMAND = Command(
    path="image inspect",
    summary="Display the configuration of an image",
    usage="[options] IMAGE [IMAGE...]",
    long="Displays the low-level information of an image identified by name or ID.",
    flags=(
        Flag(
            "format", "f", type="string", default="json",
            usage="Format the output to a Go template or json",
            complete="format:Annotations,Architecture,Author,Comment,Config,Created,Digest,"
            "GraphDriver,History,Id,Labels,ManifestType,NamesHistory,Os,Parent,RepoDigests,"
            "RepoTags,RootFS,Size,User,Version,VirtualSize",
        ),
    ),
    examples=(
        "image inspect alpine",
        'image inspect --format "{{.Id}} {{.Size}}" alpine',
    ),
    complete_args="images...",
    run=run,
)  # fmt: skip
