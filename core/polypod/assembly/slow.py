"""The slow path: read configuration, discover plugins, choose, check, keep a snapshot."""

from __future__ import annotations

import glob
import os
import sys

from ..config import defaults
from ..config.load import load as load_settings
from ..errors import CompositionError, DriverUnavailable
from ..kit.startup import start_site
from . import check, inventory, snapshot, wording
from .composition import Composition, load_target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model.settings import Settings
    from ..model.struct import Struct
    from .inventory import Found

#: driver group -> where its name stands in the settings.
PLACES = {
    "state": ("engine", "state_backend"),
    "runtime": ("engine", "runtime"),
    "network": ("network", "backend"),
    "storage": ("storage", "driver"),
    "monitor": ("engine", "monitor"),
}


class Assembler:
    """One composition in the making, or one that needs a plugin more."""

    def __init__(self, flags: Mapping[str, Any], key: tuple[Any, ...] | None = None) -> None:
        # The key is that of a start like this one: before site adds to the import path.
        self.key = key or snapshot.make_key(flags)
        before = list(sys.path)
        start_site()
        self.loaded = load_settings(flags)
        self._composed = False  # nothing is kept of a composition that fails half-way
        self.installed = inventory.installed()
        self.watched = list(self.loaded.watched)
        self.content: dict[str, Any] = {
            "chosen": {},
            "origins": {},
            "entries": {},
            "missing": {},
            "warnings": [],
            "observers": [],
            "commands": {},
            "path": [entry for entry in sys.path if entry not in before],
            "generic": defaults.GENERIC_RUNTIME,
            "installed": {
                group: sorted({found.name for found in members if found.ours})
                for group, members in self.installed.items()
            },
        }

    @property
    def settings(self) -> Settings:
        """What the configuration says."""
        return self.loaded.settings

    def compose(self) -> Composition:
        """Choose and check everything that is configured."""
        composition = Composition(self.settings, self.content, self.find)
        for group, (table, field) in PLACES.items():
            asked = getattr(getattr(self.settings, table), field)
            if asked:
                self._choose(composition, group, asked, self._origin(table, field))
            else:
                self._pick(composition, group)
        self._observe()
        self._add_commands()
        self._warn()
        self._composed = True
        composition.settings = self._resolved()
        composition.name_drivers()
        return composition

    def resume(self, content: Mapping[str, Any]) -> Assembler:
        """Go on from a snapshot's content, to add to it."""
        self.content.update({key: content[key] for key in self.content})
        self._composed = True
        return self

    def find(self, group: str, name: str) -> dict[str, Any]:
        """A checked entry of a plugin that was not chosen, kept for the next time."""
        entry = self._entry(group, name, "its name")
        if self._composed:
            self.save()
        return entry

    def save(self) -> bool:
        """Write the snapshot."""
        for members in self.installed.values():
            for found in members:
                self.watched += found.files
        content = {**self.content, "settings": pack(self._resolved())}
        return snapshot.save(self.key, content, [*sys.path, *self.watched, *self._others()])

    def _others(self) -> list[str]:
        """What host-dependent defaults and the import path were derived from."""
        links = [path for entry in sys.path for path in glob.glob(f"{glob.escape(entry)}/*.pth")]
        return [*links, *defaults.JOURNALS, "/sys/fs/selinux/enforce"]

    def _origin(self, table: str, field: str) -> str:
        return self.settings.origin.get(f"{table}.{field}", "")

    def _choose(self, composition: Composition, group: str, name: str, origin: str) -> None:
        """Take a driver by name: it must be there and fit."""
        self.content["chosen"][group] = name
        self.content["origins"][group] = origin
        composition.name_drivers()
        if group == "runtime":
            composition.runtime()  # also settles paths and the generic plugin
        else:
            self._entry(group, name, origin)

    def _entry(self, group: str, name: str, origin: str) -> dict[str, Any]:
        key = f"{group}.{name}"
        known: dict[str, Any] | None = self.content["entries"].get(key)
        if known is None:
            found = self.one(group, name, origin)
            known = check.entry(found, origin, self.loaded)
            self.content["entries"][key] = known
        return known

    def one(self, group: str, name: str, origin: str) -> Found:
        """The only plugin of that name for our contract, or the error that says why not."""
        claims = [found for found in self.installed[group] if found.name == name]
        ours = [found for found in claims if found.ours]
        if len(ours) > 1:
            raise CompositionError(wording.two_packages(group, name, origin, ours))
        if ours:
            return ours[0]
        contract = f"{inventory.PREFIX}{group}.{inventory.CONTRACT}"
        if claims:
            raise CompositionError(wording.other_contract(group, origin, claims[0], contract))
        present = [found for found in self.installed[group] if found.ours]
        raise CompositionError(wording.not_installed(group, name, origin, present))

    def _pick(self, composition: Composition, group: str) -> None:
        """Nothing names a driver: the first of the default order that works here."""
        problems: list[str] = []
        for name in self._candidates(group):
            if name not in self.content["installed"][group]:
                continue
            try:
                self.content["chosen"][group] = name
                self.content["origins"][group] = ""
                self._entry(group, name, "")
                self._try(composition, group)
                return
            except DriverUnavailable as error:
                problems.append(str(error))
                self._watch_binaries()
        # Only an error when it is used: a host may go without, say, networks.
        names = ", ".join(self._candidates(group))
        shown = wording.listed(self.content["installed"][group])
        self.content["missing"][group] = (
            problems[0]
            if problems
            else f"no {wording.NOUNS[group]} is installed that is used by default ({names});"
            f" installed: {shown}; install one or choose one with {wording.CHOOSERS[group]}"
        )
        self.content["chosen"][group] = self._candidates(group)[0]

    def _watch_binaries(self) -> None:
        """What is missing here may be installed later: then choose again."""
        path = os.environ.get("PATH", "/usr/bin:/bin").split(":")
        self.watched += [*path, *self.settings.engine.helper_binaries_dir]

    def _candidates(self, group: str) -> tuple[str, ...]:
        order = defaults.DRIVER_PRIORITY[group]
        if group == "storage":
            order = self.settings.storage.driver_priority or order
            root = self.settings.storage.root
            # A store that is in use keeps its driver.
            used = tuple(name for name in order if os.path.isdir(f"{root}/{name}-images"))
            return used[:1] or order
        return order

    def _try(self, composition: Composition, group: str) -> None:
        """Construct a driver of which several may serve, to see whether it works here."""
        if group == "runtime":
            composition.runtime()
            # When this one is removed, the next in order takes over.
            self.watched.append(composition.runtime_path(self.content["chosen"][group]))
        elif group == "network":
            composition.network()
        elif group == "storage" and len(self._candidates(group)) > 1:
            name = self.content["chosen"][group]
            entry = self.content["entries"][f"{group}.{name}"]
            from .composition import configure

            factory = load_target(entry["target"])
            arguments = composition.storage_arguments(name)
            factory(config=configure(factory, entry["config"]), **arguments)

    def _observe(self) -> None:
        asked = self.settings.engine.observers
        origin = self._origin("engine", "observers")
        names = self.content["installed"]["observer"] if asked is None else asked
        for name in names:
            self._entry("observer", name, origin or "being installed")
            self.content["observers"].append(name)

    def _add_commands(self) -> None:
        """Subcommands; one that two packages claim is nobody's, as ``plugin check`` says."""
        for name in self.content["installed"]["command"]:
            claims = [found for found in self.installed["command"] if found.name == name]
            targets = [found.target for found in claims if found.ours]
            if len(targets) == 1:
                self.content["commands"][name] = targets[0]

    def _warn(self) -> None:
        """Things that work, but not as somebody may think."""
        from ..model.settings import BACKEND_MARKER

        engine = self.settings.engine
        marker = os.path.join(engine.static_dir, BACKEND_MARKER)
        try:
            with open(marker, encoding="ascii") as file:
                migrated = file.read().strip()
        except (OSError, ValueError):
            return
        chosen = self.content["chosen"].get("state", "")
        if migrated and chosen != migrated:
            self.content["warnings"].append(
                f"this store was migrated to state backend {migrated!r} ({marker}), but flag"
                f" --state-backend asks for {chosen!r}: what the other one holds is not seen"
            )

    def _resolved(self) -> Settings:
        """The settings with the names of the chosen drivers filled in."""
        changes: dict[str, dict[str, str]] = {}
        for group, name in self.content["chosen"].items():
            table, field = PLACES[group]
            if not getattr(getattr(self.settings, table), field):
                changes.setdefault(table, {})[field] = name
        return self.settings.evolve(
            **{table: getattr(self.settings, table).evolve(**new) for table, new in changes.items()}
        )


def pack(struct: Struct) -> dict[str, Any]:
    """A struct as plain dicts and tuples, for marshal."""
    return {name: _pack(value) for name, value in struct.__dict__.items()}


def _pack(value: Any) -> Any:
    if hasattr(value, "_fields_"):
        return pack(value)
    if isinstance(value, (tuple, list)):
        return tuple(_pack(item) for item in value)
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    return value


def assemble(flags: Mapping[str, Any], key: tuple[Any, ...] | None = None) -> Composition:
    """Put everything together anew and keep the snapshot.

    ``key`` is the snapshot's, made before this module was imported: its imports start
    site, which changes ``sys.prefix`` and the import path.
    """
    assembler = Assembler(flags, key)
    composition = assembler.compose()
    assembler.save()
    return composition
