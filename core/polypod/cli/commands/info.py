"""``info``, ``system info``: the host, the store and the plugins in use."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

# Fields of podman's structs whose JSON keys differ by more than case.
_ALIASES = {
    "CgroupsVersion": "cgroupVersion",
    "AppArmorEnabled": "apparmorEnabled",
    "DefaultCapabilities": "capabilities",
}


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the facts as YAML, as JSON, or through a template."""
    import os

    from ...config.paths import storage_conf
    from ...engine.info import info
    from ..render import is_json, render_one, to_json
    from ..yaml_text import to_yaml
    from .version import facts

    system, _, user = storage_conf(os.environ)
    files = [path for path in (user, *reversed(system)) if path and os.path.exists(path)]
    document = info(ctx.rt, facts(), files[0] if files else "")
    if not opts.format:
        ctx.out(to_yaml(document), end="")
    elif is_json(opts.format):
        ctx.out(to_json(document, 2), end="")
    else:
        text = render_one(
            document, opts.format, name="info", type_name="*define.Info", aliases=_ALIASES
        )
        ctx.out(text, end="")
    return 0


COMMAND = Command(
    path="info",
    summary="Display system information",
    usage="[options]",
    long=(
        "Displays information about the host, the current storage stats, and the plugins that "
        "the engine is put together from.\n\n"
        "Useful for the user and when reporting issues."
    ),
    flags=(
        Flag("debug", "D", usage="Does nothing; for old scripts", hidden=True),
        Flag(
            "format",
            "f",
            type="string",
            usage="Change the output format to JSON or a Go template",
            complete="format:Host,Store,Registries,Plugins,Version,Host.Arch,Host.OCIRuntime.Name,"
            "Host.NetworkBackend,Host.DatabaseBackend,Store.GraphDriverName,Store.GraphRoot",
        ),
    ),
    examples=("info", "info --format json", "info --format '{{.Store.GraphRoot}}'"),
    max_args=0,
    run=run,
)
