"""``commit``: an image from a container."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Commit and print the image's ID."""
    from ...engine.images_commit import CommitOptions, commit
    from ...engine.images_copy import quiet

    container = ctx.rt.records.containers.find(args[0].removeprefix("/"))
    options = CommitOptions(
        author=opts.author,
        message=opts.message,
        changes=opts.change,
        config=_config(opts.config),
        format=opts.format,
        pause=opts.pause,
        squash=opts.squash,
        include_volumes=opts.include_volumes,
    )
    name = args[1] if len(args) > 1 else ""
    image_id = commit(ctx.rt, container, name, options, quiet if opts.quiet else ctx.err)
    if opts.iidfile:
        with open(opts.iidfile, "w", encoding="utf-8") as file:
            file.write(image_id)
    ctx.out(image_id)
    return 0


def _config(path: str) -> dict[str, Any] | None:
    from ...errors import UsageError
    from ...kit.fastjson import loads

    if not path:
        return None
    try:
        with open(path, "rb") as file:
            document = loads(file.read())
    except (OSError, ValueError) as error:
        raise UsageError(f"--config: {error}") from None
    if not isinstance(document, dict):
        raise UsageError(f"--config: {path} holds no JSON object")
    return document


COMMAND = Command(
    path="commit",
    summary="Create new image based on the changed container",
    usage="[options] CONTAINER [IMAGE]",
    long="Creates an image from what a container has written, and prints its ID.",
    flags=(
        Flag("author", "a", type="string", usage="Set the author for the image committed"),
        Flag(
            "change", "c", type="array",
            usage="Apply the following possible instructions to the created image: CMD | ENTRYPOINT"
            " | ENV | EXPOSE | LABEL | ONBUILD | STOPSIGNAL | USER | VOLUME | WORKDIR",
            complete="values:CMD=,ENTRYPOINT=,ENV=,EXPOSE=,LABEL=,ONBUILD=,STOPSIGNAL=,USER=,"
            "VOLUME=,WORKDIR=",
        ),
        Flag(
            "config", type="string", complete="files",
            usage="file containing a container configuration to merge into the image",
        ),
        Flag(
            "format", "f", type="string", default="oci", complete="values:oci,docker",
            usage="Format of the image manifest and metadata",
        ),
        Flag("iidfile", type="string", usage="file to write the image ID to", complete="files"),
        Flag("include-volumes", usage="Include container volumes as image volumes"),
        Flag("message", "m", type="string", usage="Set commit message for imported image"),
        Flag("pause", "p", usage="Pause container during commit"),
        Flag("quiet", "q", usage="Suppress output"),
        Flag("squash", "s", usage="squash newly built layers into a single new layer"),
    ),
    examples=(
        "commit -q reverent_golick image-committed",
        'commit --change CMD=/bin/bash --author "firstName lastName" containerID',
    ),
    min_args=1,
    max_args=2,
    complete_args="containers images",
    run=run,
)  # fmt: skip
