"""Load a plugin with stevedore and check it against its hook specifications with pluggy."""

from __future__ import annotations

import importlib
import inspect

import pluggy
from stevedore import named

from ..errors import CompositionError, ConfigError
from ..spec.markers import PROJECT
from . import wording

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from ..config.load import Loaded
    from .inventory import Found


def specification(group: str) -> ModuleType:
    """The module with a group's hookspecs."""
    return importlib.import_module(f"polypod.spec.{group}")


def load(found: Found, origin: str) -> Any:
    """The object that the entry point names; ``CompositionError`` when loading raises."""
    problems: list[BaseException] = []
    manager: Any = named.NamedExtensionManager(
        namespace=found.group_name,
        names=[found.name],
        invoke_on_load=False,
        on_load_failure_callback=lambda _manager, _point, error: problems.append(error),
        warn_on_missing_entrypoint=False,
    )
    for error in problems:
        text = wording.failed_to_load(found.group, origin, found, error)
        raise CompositionError(text) from error
    for extension in manager:
        if extension.entry_point_target == found.target:
            return extension.plugin
    # stevedore's cache is older than the installation: load the entry point itself.
    from .composition import load_target

    try:
        return load_target(found.target)
    except Exception as error:
        text = wording.failed_to_load(found.group, origin, found, error)
        raise CompositionError(text) from error


def entry(found: Found, origin: str, loaded: Loaded) -> dict[str, Any]:
    """Load and check a plugin; the result goes into the snapshot."""
    factory = load(found, origin)
    result: dict[str, Any] = {
        "name": found.name,
        "target": found.target,
        "distribution": found.distribution,
        "version": found.version,
        "plugin": f"{wording.NOUNS[found.group]} {found.name!r} of {found.distribution} {found.version}",
        "hooks": {},
        "implements": [],
        "config": {},
    }
    if found.group == "command":
        return result
    try:
        implementations = hooks(factory, found.group)
    except pluggy.PluginValidationError as error:
        reason = wording.one_line(error).partition(": ")[2]
        raise CompositionError(wording.breaks_contract(found.group, origin, found, reason)) from error
    result["implements"] = list(implementations)
    result["hooks"] = {name: how for name, how in implementations.items() if how}
    result["config"] = table(factory, found, loaded)
    return result


def hooks(factory: Any, group: str) -> dict[str, Any]:
    """The hooks that a plugin class implements, each with what its adapter needs, or ``None``.

    Raises ``pluggy.PluginValidationError`` for unknown hooks and arguments, for required
    hooks that are missing, and for wrappers.
    """
    manager = pluggy.PluginManager(PROJECT)
    module = specification(group)
    manager.add_hookspecs(module)
    manager.register(factory, name=group)
    manager.check_pending()
    result: dict[str, Any] = {}
    absent = []
    for name, spec in vars(module).items():
        if not hasattr(spec, PROJECT + "_spec"):
            continue
        found = getattr(manager.hook, name).get_hookimpls()
        if found:
            result[name] = _adaptation(name, spec, found[0])
        elif not getattr(spec, PROJECT + "_optional"):
            absent.append(name)
    if absent:
        raise pluggy.PluginValidationError(factory, f"it does not implement {', '.join(absent)}")
    return result


def _adaptation(
    name: str, spec: Any, found: pluggy.HookImpl
) -> tuple[str, tuple[int, ...], tuple[str, ...]] | None:
    if found.wrapper or found.hookwrapper:
        raise pluggy.PluginValidationError(
            found.plugin, f"{name} is a wrapper, which polypod's contracts do not have"
        )
    wanted = tuple(inspect.signature(spec).parameters)
    accepted = {*found.argnames, *found.kwargnames}
    names = tuple(argument for argument in wanted if argument in accepted)
    method = found.function.__name__
    # The same arguments in the same order are called directly, by position.
    given = tuple(inspect.signature(found.function).parameters)[-len(wanted) :] if wanted else ()
    if method == name and names == wanted and given == wanted:
        return None
    return method, tuple(wanted.index(argument) for argument in names), names


def table(factory: Any, found: Found, loaded: Loaded) -> dict[str, Any]:
    """The plugin's table of polypod.conf, checked against its ``Config``."""
    plugin = f"{found.group}.{found.name}"
    raw = loaded.settings.plugins.get(plugin, {})
    config = getattr(factory, "Config", None)
    if not raw:
        return {}
    known = field_names(config)
    for key in raw:
        if key not in known:
            raise ConfigError(
                f"{_where(loaded, plugin, key)}: unknown key {key!r} for"
                f" {wording.NOUNS[found.group]} {found.name!r}; it knows {wording.listed(known)}"
            )
    try:
        return _validated(config, raw)
    except ValueError as error:
        key = next((key for key in raw if f"$.{key}" in str(error)), "")
        text = " ".join(str(error).split())
        raise ConfigError(
            f"{_where(loaded, plugin, key)}: bad value for {wording.NOUNS[found.group]}"
            f" {found.name!r}: {text}"
        ) from error


def field_names(config: Any) -> tuple[str, ...]:
    """Keys of a ``Config``, a light or a msgspec struct."""
    if config is None:
        return ()
    fields: Any = getattr(config, "_fields_", None) or getattr(config, "__struct_fields__", ())
    return tuple(fields)


def _validated(config: Any, raw: dict[str, Any]) -> dict[str, Any]:
    from ..model import schema

    if hasattr(config, "from_dict"):
        try:
            return schema.validate(config, raw, strict=True)
        except schema.Invalid as error:
            raise ValueError(str(error)) from error
    import msgspec

    msgspec.convert(raw, config)
    return raw


def _where(loaded: Loaded, plugin: str, key: str) -> str:
    origin = loaded.settings.origin
    return origin.get(f"plugin.{plugin}.{key}") or origin.get(f"plugin.{plugin}", "polypod.conf")
