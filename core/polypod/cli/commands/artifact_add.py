"""``artifact add``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Add the files and print the digest of the manifest."""
    from ...engine.artifacts_add import AddOptions, add_artifact

    options = AddOptions(
        artifact_type=opts.type,
        file_type=opts.file_type,
        annotations=_annotations(opts.annotation),
        append=opts.append,
        replace=opts.replace,
    )
    ctx.out(add_artifact(ctx.rt, args[0], args[1:], options).partition(":")[2])
    return 0


def _annotations(given: list[str]) -> dict[str, str]:
    from ...errors import UsageError

    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f'no value given for annotation "{key}"')
        found[key] = value
    return found


COMMAND = Command(
    path="artifact add",
    summary="Add an OCI artifact to the local store",
    usage="[options] ARTIFACT PATH [...PATH]",
    long="Add an OCI artifact to the local store from the local filesystem",
    flags=(
        Flag("annotation", type="array", metavar="annotation",
             usage="set an annotation for the specified files of artifact", complete="none"),
        Flag("append", "a", usage="Append files to an existing artifact"),
        Flag("file-type", type="string", complete="none",
             usage="Set file type to use for the artifact (layer)"),
        Flag("replace", usage="Replace an existing artifact"),
        Flag("type", type="string", usage="Use type to describe an artifact", complete="none"),
    ),
    examples=(
        "artifact add quay.io/myimage/myartifact:latest /tmp/foobar.txt",
        "artifact add --file-type text/yaml quay.io/myimage/myartifact:latest /tmp/foobar.yaml",
        "artifact add --append quay.io/myimage/myartifact:latest /tmp/foobar.tar.gz",
    ),
    min_args=2,
    complete_args="artifacts files...",
    run=run,
)  # fmt: skip
