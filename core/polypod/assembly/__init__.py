"""Finds, chooses, checks and puts together the plugins; the only user of stevedore and pluggy.

:func:`open_runtime` is the one way into the engine. Its hot path reads the composition
snapshot and imports the chosen modules alone (docs/explanation/decisions/0001).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..engine.runtime import Runtime
    from .composition import Composition


def open_runtime(flags: Mapping[str, Any] | None = None) -> Runtime:
    """The engine's context for these global flags (``{"root": ..., "storage-opt": [...]}``).

    Raises ``ConfigError`` or ``CompositionError``, each with a one-line text.
    """
    from ..engine.runtime import Runtime

    composition = compose(flags)
    if composition.warnings:
        from ..kit.log import warning

        for text in composition.warnings:
            warning(text)
    runtime = Runtime(composition.settings, composition, flags)
    if composition.observing("observe_assembled"):
        runtime.observers.assembled(dict(composition.chosen))
    return runtime


def compose(flags: Mapping[str, Any] | None = None) -> Composition:
    """The chosen plugins and the settings, from the snapshot when there is a valid one."""
    from ..config.keys import normalized
    from . import snapshot

    given = normalized(flags or {})
    key = snapshot.make_key(given)
    content = snapshot.load(key)
    if content is None:
        from .slow import assemble

        return assemble(given, key)
    import sys

    from ..model.settings import Settings
    from .composition import Composition

    # Folders that site would have added, for plugins that lie there.
    sys.path.extend(entry for entry in content["path"] if entry not in sys.path)

    def find(group: str, name: str) -> dict[str, Any]:
        # A plugin that no command has used so far with these flags.
        from .slow import Assembler

        assembler = Assembler(given, key)
        return assembler.resume(content).find(group, name)

    return Composition(Settings.from_dict(content["settings"]), content, find)
