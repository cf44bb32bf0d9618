"""``stats``."""

from __future__ import annotations

from ..command import Command, Flag
from ..selecting import latest_flag, select

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ...model.stats import ContainerStats
    from ..context import Context
    from ..parse import Options

_TABLE = (
    "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t"
    "{{.PIDS}}\t{{.UpTime}}\t{{.AVGCPU}}"
)
_HEADINGS = {
    "ID": "ID", "UpTime": "CPU TIME", "CPUPerc": "CPU %", "AVGCPU": "AVG CPU %", "MemUsage": "MEM USAGE / LIMIT",
    "MemUsageBytes": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET IO", "BlockIO": "BLOCK IO", "PIDS": "PIDS",
}  # fmt: skip
# key of the JSON -> field
_JSON = {
    "id": "ID", "name": "Name", "cpu_time": "UpTime", "cpu_percent": "CPUPerc", "avg_cpu": "AVGCPU",
    "mem_usage": "MemUsage", "mem_percent": "MemPerc", "net_io": "NetIO", "block_io": "BlockIO", "pids": "PIDS",
}  # fmt: skip
_CLEAR = "\033[2J\033[H"


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Show what containers use, again and again."""
    import time

    from ...errors import UsageError

    if opts.all + opts.latest + bool(args) > 1:
        raise UsageError("--all, --latest and containers cannot be used together")
    if opts.interval < 1:
        raise UsageError("invalid interval, must be a positive number greater zero")
    known: dict[str, ContainerStats] = {}
    try:
        while True:
            known = _measure(ctx, opts, args, known)
            text = _render(opts, [_row(one, opts.no_trunc) for one in known.values()])
            ctx.out(("" if opts.no_reset else _CLEAR) + text, end="")
            if opts.no_stream:
                return 0
            time.sleep(opts.interval)
    except (KeyboardInterrupt, BrokenPipeError):
        return 0  # whoever looks has seen enough


def _measure(
    ctx: Context, opts: Options, args: list[str], known: dict[str, ContainerStats]
) -> dict[str, ContainerStats]:
    from ...engine.stats import stats
    from ...errors import InvalidState, NoSuchContainer

    named = bool(args or opts.latest)
    found = {}
    for _, container_id in select(
        ctx, args, latest=opts.latest, all=not named, statuses=() if opts.all else ("running",)
    ):
        try:
            found[container_id] = stats(ctx.rt, container_id, known.get(container_id))
        except (NoSuchContainer, InvalidState):
            if named:
                raise  # of all of them one may go at any time, or have no cgroup
    return found


def _render(opts: Options, rows: list[dict[str, Any]]) -> str:
    from ..render import format_rows, is_json, to_json

    if is_json(opts.format):
        return to_json([{key: row[field] for key, field in _JSON.items()} for row in rows], indent=1)
    custom = opts.changed("format")
    return format_rows(
        rows, opts.format if custom else _TABLE, headings=_HEADINGS, default=not custom, name="stats",
        type_name="containers.containerStats",
    )  # fmt: skip


def _row(one: ContainerStats, whole: bool) -> dict[str, Any]:
    from ..units import bytes_size, format_duration_ns, human_size

    received = sum(rx for rx, _ in one.network.values())
    sent = sum(tx for _, tx in one.network.values())
    memory = 100 * one.memory / one.memory_limit if one.memory_limit else 0.0
    return {
        "AVGCPU": f"{one.cpu_average:.2f}%",
        "AvgCPU": one.cpu_average,
        "BlockIO": f"{human_size(one.block_read)} / {human_size(one.block_written)}",
        "BlockInput": one.block_read,
        "BlockOutput": one.block_written,
        "CPU": one.cpu_percent,
        "CPUNano": one.cpu_ns,
        "CPUPerc": f"{one.cpu_percent:.2f}%",
        "CPUSystemNano": one.cpu_kernel_ns,
        "ContainerID": one.id,
        "Duration": one.cpu_ns,
        "ID": one.id if whole else one.id[:12],
        "MemLimit": one.memory_limit,
        "MemPerc": f"{memory:.2f}%",
        "MemUsage": f"{human_size(one.memory)} / {human_size(one.memory_limit)}",
        "MemUsageBytes": f"{bytes_size(one.memory)} / {bytes_size(one.memory_limit)}",
        "Name": one.name,
        "NetIO": f"{human_size(received)} / {human_size(sent)}",
        "Network": {name: {"RxBytes": rx, "TxBytes": tx} for name, (rx, tx) in one.network.items()},
        "PIDS": str(one.pids),
        "PIDs": one.pids,
        "SystemNano": one.time_ns,
        "Up": format_duration_ns(one.cpu_ns),
        "UpTime": format_duration_ns(one.cpu_ns),
    }


COMMAND = Command(
    "stats",
    "Display a live stream of container resource usage statistics",
    run,
    usage="[options] [CONTAINER...]",
    long="Display percentage of CPU, memory, network I/O, block I/O and PIDs for one or more containers.",
    flags=(
        Flag("all", "a", usage="Show all containers. Only running containers are shown by default"),
        Flag(
            "format",
            type="string",
            usage="Pretty-print container statistics to JSON or using a Go template",
            complete="format:" + ",".join(_HEADINGS) + ",Name",
        ),
        Flag("interval", "i", "int", default=5, usage="Time in seconds between stats reports", complete="none"),
        latest_flag(),
        Flag("no-reset", usage="Disable resetting the screen between intervals"),
        Flag("no-stream", usage="Disable streaming stats and only pull the first result"),
        Flag("no-trunc", usage="Do not truncate output"),
    ),
    examples=(
        "stats --all --no-stream",
        "stats ctrID",
        'stats --no-stream --format "table {{.ID}} {{.Name}} {{.MemUsage}}" ctrID',
    ),
    complete_args="containers...",
)
