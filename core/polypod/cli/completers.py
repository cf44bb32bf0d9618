"""Where the suggestions come from: the engine's objects, fixed values, field names."""

from __future__ import annotations

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context

Suggestion = tuple[str, str]  # the word and its description

DEFAULT, NO_SPACE, NO_FILES, ONLY_DIRS = 0, 2, 4, 16


def suggest(ctx: Context, kind: str, typed: str, before: list[str]) -> tuple[list[Suggestion], int]:
    """Return what may complete ``typed`` and how the shell should go on.

    ``kind`` as in :class:`polypod.cli.command.Flag`; words in ``before`` are taken already.
    """
    name, _, argument = kind.partition(":")
    if name == "files":
        return [], DEFAULT
    if name == "dirs":
        return [], ONLY_DIRS
    if name == "values":
        return _prefixed([(value, "") for value in argument.split(",")], typed), NO_FILES
    if name in ("copy", "imagepaths", "containerpaths"):
        return _paths(ctx, name, typed, before)
    if name in ("sysctl", "interfaces"):
        from .completing_paths import interfaces, sysctls

        words = sysctls(typed) if name == "sysctl" else interfaces()
        return _prefixed([(word, "") for word in words], typed), NO_FILES
    if name == "format":
        return _fields(argument, typed)
    sources = [source for part in name.split("|") if (source := _SOURCES.get(part))]
    found: list[Suggestion] = []
    for source in sources:
        found += _ask(ctx, source, typed)
    return [row for row in found if row[0] not in before], NO_FILES


def _paths(
    ctx: Context, name: str, typed: str, before: list[str]
) -> tuple[list[Suggestion], int]:
    from .completing_paths import paths

    if name == "copy":
        container, colon, path = typed.partition(":")
        if not colon or container[:1] in (".", "/"):
            ends = [(f"{found}:", image) for found, image in _containers(ctx, "")]
            return _prefixed(ends, typed), NO_SPACE  # and the host's files
        return [(f"{container}:{found}", "") for found in paths(ctx, "", container, path)], NO_SPACE | NO_FILES
    if not before:
        return [], NO_FILES
    image, container = (before[0], "") if name == "imagepaths" else ("", before[0])
    return [(found, "") for found in paths(ctx, image, container, typed)], NO_SPACE | NO_FILES


def _ask(
    ctx: Context, source: Callable[[Context, str], list[Suggestion]], typed: str
) -> list[Suggestion]:
    try:
        return _prefixed(source(ctx, typed), typed)
    except (PolypodError, OSError) as error:
        # The shell shows nothing of this; BASH_COMP_DEBUG_FILE users see it.
        ctx.err(f"[Debug] [Error] {error}")
        return []


def _prefixed(rows: list[Suggestion], typed: str) -> list[Suggestion]:
    return [row for row in rows if row[0].startswith(typed)]


def _fields(names: str, typed: str) -> tuple[list[Suggestion], int]:
    """Complete ``{{.Fie`` to ``{{.Field}}``; ``json`` and ``table`` at the beginning."""
    start = typed.rfind("{{")
    if start < 0:
        return _prefixed([("json", ""), ("table", ""), ("{{.", "")], typed), NO_SPACE | NO_FILES
    dot = typed.find(".", start)
    if dot < 0 or "}}" in typed[start:]:
        return [], NO_SPACE | NO_FILES
    head = typed[: dot + 1]
    rows = [(f"{head}{name}}}}}", "") for name in names.split(",") if name]
    return _prefixed(rows, typed), NO_SPACE | NO_FILES


def _containers(ctx: Context, typed: str) -> list[Suggestion]:
    found: list[Suggestion] = []
    for definition, _ in ctx.rt.records.containers.rows()[0]:
        image = definition.get("image_name", "")
        found.append((definition.get("name", ""), image))
        # An ID is offered to who begins one: with nothing typed it would double every name.
        if len(typed) > 1:
            found.append((definition["id"], definition.get("name", "")))
    return sorted(found)


def _images(ctx: Context, typed: str) -> list[Suggestion]:
    found: list[Suggestion] = []
    for image in ctx.rt.store.images():
        if len(typed) > 1:
            found.append((image.id, ""))
        for name in image.names:
            found.append((name, image.id[:12]))
            if typed:
                found += [(short, image.id[:12]) for short in _short_names(name)]
    return sorted(set(found))


def _short_names(name: str) -> list[str]:
    """``localhost/a/b:t`` is also found as ``a/b:t`` and ``b:t``, and without the tag."""
    parts = name.split("/")
    shorts = ["/".join(parts[index:]) for index in range(1, len(parts))]
    forms = [name, *shorts]
    bare = [form.rpartition(":")[0] for form in forms if ":" in form.rsplit("/", 1)[-1]]
    return [*shorts, *(form for form in bare if form and "@" not in form)]


def _artifacts(ctx: Context, typed: str) -> list[Suggestion]:
    from ..engine.artifacts import artifact_store

    entries = artifact_store(ctx.rt).entries()
    return sorted((entry.name or entry.digest[7:], entry.digest[7:19]) for entry in entries)


def _imagestores(ctx: Context, typed: str) -> list[Suggestion]:
    from ..engine.imagestores import stores_of

    return sorted((store.name, store.path) for store in stores_of(ctx.rt).stores)


def _volumes(ctx: Context, typed: str) -> list[Suggestion]:
    return sorted((volume.name, "") for volume in ctx.rt.records.volumes.all())


def _networks(ctx: Context, typed: str) -> list[Suggestion]:
    found: list[Suggestion] = []
    for network in ctx.rt.network.list():
        found.append((network.name, network.driver))
        if len(typed) > 1:
            found.append((network.id, network.name))
    return sorted(found)


def _commands(ctx: Context, typed: str) -> list[Suggestion]:
    from .help import children
    from .plugin_commands import rows

    known = [(name, summary) for name, summary, _ in children("")]
    return sorted([*known, *rows(ctx.flags, "")])


def _registries(ctx: Context, typed: str) -> list[Suggestion]:
    from ..registry.conf import load

    return sorted((name, "") for name in load().search)


_SOURCES: dict[str, Callable[[Context, str], list[Suggestion]]] = {
    "containers": _containers,
    "artifacts": _artifacts,
    "images": _images,
    "imagestores": _imagestores,
    "volumes": _volumes,
    "networks": _networks,
    "commands": _commands,
    "registries": _registries,
}
