"""``inspect``: containers, images, volumes, networks and artifacts by name or ID."""

from __future__ import annotations

from ...errors import NoSuchContainer, NotFound, PolypodError, UsageError
from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..context import Context
    from ..parse import Options

_TYPES = ("all", "container", "image", "volume", "network", "pod", "artifact")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what is known of objects."""
    kind = opts.type or "all"
    if kind not in _TYPES:
        raise UsageError(
            f'"{kind}" is not a valid type. Possible values are '
            '"all", "container", "image", "volume", "network", "pod" and "artifact"'
        )
    if opts.latest:
        if args:
            raise UsageError("--latest and arguments cannot be used together")
        if kind not in ("all", "container"):
            raise UsageError(f"latest is not supported for type \"{kind}\"")
    elif not args:
        raise UsageError("no containers, images, volumes, networks or pods specified" if kind == "all" else "no names or ids specified")
    if opts.size and kind not in ("all", "container"):
        raise UsageError(f'size is not supported for type "{kind}"')
    names = [_latest(ctx)] if opts.latest else args
    return show(ctx, opts, names, kind)


def show(ctx: Context, opts: Options, names: list[str], kind: str) -> int:
    """Print the documents of all names that are found, then the errors."""
    from ..render import is_json, render_one, to_json

    found: list[tuple[str, dict[str, Any]]] = []
    errors: list[PolypodError] = []
    for name in names:
        try:
            found.append(_one(ctx, name, kind, opts.size))
        except NotFound as error:
            errors.append(error)
    if not opts.format or is_json(opts.format):
        ctx.out(to_json([document for _, document in found], indent=5), end="")
    else:
        for sort, document in found:
            if sort == _TYPE_NAMES["artifact"]:
                from ..artifact_rows import inspect_record

                document = inspect_record(document)
            text = render_one(document, opts.format, name="inspect", type_name=sort, aliases=_ALIASES)
            ctx.out(text, end="" if text.endswith("\n") else "\n")
    for failure in errors:
        ctx.err(f"Error: {failure}")
    return errors[-1].exit_code if errors else 0


#: Fields that podman's templates know by other names.
_ALIASES = {"ID": "Id"}


def _latest(ctx: Context) -> str:
    from ..selecting import select

    return select(ctx, [], latest=True)[0][1]


def _one(ctx: Context, name: str, kind: str, size: bool) -> tuple[str, dict[str, Any]]:
    tried = _TYPES[1:] if kind == "all" else (kind,)
    for candidate in tried:
        try:
            return _TYPE_NAMES[candidate], _INSPECTORS[candidate](ctx, name, size)
        except NotFound:
            if kind != "all":
                raise
    raise NotFound(f'no such object: "{name}"')


def _container(ctx: Context, name: str, size: bool) -> dict[str, Any]:
    from ...engine.inspect import inspect_container

    try:
        container_id = ctx.rt.records.containers.find(name)
    except NoSuchContainer:
        raise NoSuchContainer(f'no such container "{name}"') from None
    return inspect_container(ctx.rt, container_id, size=size)


def _image(ctx: Context, name: str, _size: bool) -> dict[str, Any]:
    from ...engine.images_inspect import inspect_image
    from ..template import GoTime

    document = inspect_image(ctx.rt, name)
    if document["Created"]:
        document["Created"] = GoTime(document["Created"])
    return document


def _volume(ctx: Context, name: str, _size: bool) -> dict[str, Any]:
    from ...engine.volumes_admin import volume_document

    return volume_document(ctx.rt.records.volumes.find(name))


def _network(ctx: Context, name: str, _size: bool) -> dict[str, Any]:
    from ...engine.networks import inspect_network

    return inspect_network(ctx.rt, name)


def _pod(_ctx: Context, name: str, _size: bool) -> dict[str, Any]:
    from ...errors import NoSuchPod

    raise NoSuchPod(f'no pod with name or ID "{name}" found: no such pod')


def _artifact(ctx: Context, name: str, _size: bool) -> dict[str, Any]:
    from ...engine.artifacts import inspect_artifact

    return inspect_artifact(ctx.rt, name)


_INSPECTORS = {
    "container": _container,
    "image": _image,
    "volume": _volume,
    "network": _network,
    "pod": _pod,
    "artifact": _artifact,
}
_TYPE_NAMES = {
    "container": "*define.InspectContainerData",
    "image": "*inspect.ImageData",
    "volume": "*define.InspectVolumeData",
    "network": "*types.Network",
    "pod": "*define.InspectPodData",
    "artifact": "*types.ArtifactInspectReport",
}

FLAGS = (
    Flag("format", "f", "string", usage="Format the output to a Go template or json"),
    Flag("latest", "l", usage="Act on the latest container polypod is aware of"),
    Flag("size", "s", usage="Display total file size"),
)

COMMAND = Command(
    "inspect",
    "Display the configuration of object denoted by ID",
    run,
    usage="[options] {ARTIFACT|CONTAINER|IMAGE|POD|NETWORK|VOLUME} [...]",
    long="Displays the low-level information on an object identified by name or ID.\n  For more inspection options, see:\n\n      polypod artifact inspect\n      polypod container inspect\n      polypod image inspect\n      polypod network inspect\n      polypod volume inspect",
    flags=(*FLAGS, Flag("type", "t", "string", default="all", usage="Specify inspect-object type", complete="values:" + ",".join(_TYPES))),
    examples=("inspect fedora", "inspect --type image fedora", "inspect CtrID ImgID", 'inspect --format "imageId: {{.Id}} size: {{.Size}}" fedora'),
    complete_args="containers...",
)  # fmt: skip
