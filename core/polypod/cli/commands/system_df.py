"""``system df``."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...engine.disk_usage import DiskUsage
    from ..context import Context
    from ..parse import Options

_SUMMARY = r"{{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
_IMAGES = (
    r"{{.Repository}}\t{{.Tag}}\t{{.ImageID}}\t{{.Created}}\t{{.Size}}\t{{.SharedSize}}"
    r"\t{{.UniqueSize}}\t{{.Containers}}"
)
_CONTAINERS = (
    r"{{.ContainerID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.RWSize}}"
    r"\t{{.Created}}\t{{.Status}}\t{{.Names}}"
)
_VOLUMES = r"{{.VolumeName}}\t{{.Links}}\t{{.Size}}"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show a line for each kind, or with -v a line for each object."""
    from ...engine.disk_usage import DiskUsage
    from ...errors import UsageError

    if opts.verbose and opts.changed("format"):
        raise UsageError("cannot combine --format and --verbose flags")
    usage = DiskUsage(ctx.rt)
    ctx.out(_verbose(usage) if opts.verbose else _summary(usage, opts), end="")
    return 0


def _summary(usage: DiskUsage, opts: Options) -> str:
    from ..render import format_rows, is_json, to_json

    rows = [_images(usage), _containers(usage), _volumes(usage)]
    if opts.changed("format") and is_json(opts.format):
        return to_json(rows)
    return format_rows(
        rows, opts.format or _SUMMARY, default=not opts.changed("format"),
        name="df", type_name="*system.dfSummary",
    )  # fmt: skip


def _images(usage: DiskUsage) -> dict[str, Any]:
    active = {image["ImageID"]: image["UniqueSize"] for image in usage.images if image["Containers"]}
    size = usage.images_size
    return _row("Images", len(usage.images), len(active), size, size - sum(active.values()))


def _containers(usage: DiskUsage) -> dict[str, Any]:
    running = [one["RWSize"] for one in usage.containers if one["row"].state == "running"]
    size = sum(one["RWSize"] for one in usage.containers)
    return _row("Containers", len(usage.containers), len(running), size, size - sum(running))


def _volumes(usage: DiskUsage) -> dict[str, Any]:
    links = sum(volume["Links"] for volume in usage.volumes)
    size = sum(volume["Size"] for volume in usage.volumes)
    free = sum(volume["ReclaimableSize"] for volume in usage.volumes)
    return _row("Local Volumes", len(usage.volumes), links, size, free)


def _row(kind: str, total: int, active: int, size: int, free: int) -> dict[str, Any]:
    from ..units import human_size

    percent = int(free / size * 100 + 0.5) if size > 0 else 0
    return {
        "Type": kind,
        "Total": total,
        "Active": active,
        "RawSize": size,
        "RawReclaimable": free,
        "TotalCount": total,
        "Size": human_size(size),
        "Reclaimable": f"{human_size(free)} ({percent}%)",
    }


def _verbose(usage: DiskUsage) -> str:
    from ..render import format_rows

    tables: tuple[tuple[str, list[dict[str, Any]], str, dict[str, str]], ...] = (
        ("Images", [_image_row(image) for image in usage.images], _IMAGES, {}),
        ("Containers", [_container_row(one) for one in usage.containers], _CONTAINERS,
         {"RWSize": "size"}),
        ("Local Volumes", [_volume_row(volume) for volume in usage.volumes], _VOLUMES, {}),
    )  # fmt: skip
    return "\n".join(
        f"{kind} space usage:\n\n" + format_rows(rows, template, default=True, headings=headings, name="df")
        for kind, rows, template, headings in tables
    )


def _image_row(image: dict[str, Any]) -> dict[str, Any]:
    import time

    from ..units import human_duration, human_size

    sizes = {key: human_size(image[key]) for key in ("Size", "SharedSize", "UniqueSize")}
    age = human_duration(time.time() - image["Created"])
    return {**image, **sizes, "ImageID": image["ImageID"][:12], "Created": age}


def _container_row(one: dict[str, Any]) -> dict[str, Any]:
    import time

    from ..units import human_duration, human_size

    row = one["row"]
    return {
        "ContainerID": row.id[:12],
        "Image": str(row.config.get("image", {}).get("id", ""))[:12],
        "Command": " ".join(row.command),
        "LocalVolumes": one["LocalVolumes"],
        "RWSize": human_size(one["RWSize"]),
        "Created": human_duration(time.time() - row.created),
        "Status": row.state,
        "Names": row.name,
    }


def _volume_row(volume: dict[str, Any]) -> dict[str, Any]:
    from ..units import human_size

    return {**volume, "Size": human_size(volume["Size"])}


COMMAND = Command(
    path="system df",
    summary="Show disk usage",
    usage="[options]",
    long="Shows how much space images, containers and volumes take up, and how much can be freed.",
    flags=(
        Flag(
            "format",
            type="string",
            usage="Pretty-print using a Go template or json",
            complete="format:Type,Total,Active,Size,Reclaimable,RawSize,RawReclaimable,TotalCount",
        ),
        Flag("verbose", "v", usage="Show detailed information on disk usage"),
    ),
    examples=("system df", "system df --verbose", "system df --format json"),
    max_args=0,
    run=run,
)
