"""What ``polypod plugin`` shows: every installed plugin, and whether it works here."""

from __future__ import annotations

import os
import shutil
import tempfile

from ..config.keys import normalized
from ..errors import CompositionError, DriverUnavailable, PolypodError
from ..model.plugin import PluginInfo
from . import check, inventory, wording
from .composition import Composition, configure, load_target
from .slow import PLACES, Assembler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .inventory import Found


class Survey:
    """All plugins with these global flags. Nothing is made anew: snapshots are not read."""

    def __init__(self, flags: Mapping[str, Any] | None = None) -> None:
        self.assembler = Assembler(normalized(flags or {}))
        self._errors: dict[str, str] = {}  # target -> the full text of what is wrong
        self.problem = ""  # why the engine cannot be put together, "" when it can
        try:
            self.composition = self.assembler.compose()
        except PolypodError as error:
            self.problem = str(error)
            self.composition = Composition(
                self.assembler.settings, self.assembler.content, self.assembler.find
            )

    def plugins(self) -> list[PluginInfo]:
        """Every installed plugin, by group and name."""
        members = self.assembler.installed
        return [self._judge(found) for group in inventory.GROUPS for found in members[group]]

    def problems(self) -> list[str]:
        """What somebody should mend, one line each."""
        lines = [self.problem] if self.problem else []
        lines += [text for text in self.composition.missing.values() if text not in lines]
        for plugin in self.plugins():
            text = self._errors.get(plugin.target, "")
            if plugin.status == "broken" and text not in lines:
                lines.append(text)
        names = {f"{p.group}.{p.name}" for p in self.plugins()}
        for plugin_name in self.assembler.settings.plugins:
            if plugin_name not in names:
                where = self.assembler.settings.origin.get(f"plugin.{plugin_name}", "")
                lines.append(
                    f"{where}: table [plugin.{plugin_name}] is for a plugin that is not installed;"
                    " install it or remove the table"
                )
        return [*lines, *self.composition.warnings]

    def inspect(self, name: str) -> list[dict[str, Any]]:
        """Everything about the plugins of that name (``sqlite`` or ``state.sqlite``)."""
        group, _, short = name.rpartition(".")
        matches = [
            (found, self._judge(found))
            for members in self.assembler.installed.values()
            for found in members
            if found.name in (short, name) and group in ("", found.group)
        ]
        return [self._details(found, info) for found, info in matches]

    def _judge(self, found: Found) -> PluginInfo:
        status, reason = self._status(found)
        return PluginInfo(
            group=found.group,
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            status=status,
            reason=reason,
            chosen_by=self._chosen_by(found) if status == "active" or self._chosen(found) else "",
            target=found.target,
            contract=found.contract,
        )

    def _status(self, found: Found) -> tuple[str, str]:
        origin = self._chosen_by(found) if self._chosen(found) else "its name"
        try:
            if self.assembler.one(found.group, found.name, origin) is not found:
                ours = f"{inventory.PREFIX}{found.group}.{inventory.CONTRACT}"
                text = wording.other_contract(found.group, origin, found, ours)
                raise CompositionError(text)
            check.entry(found, origin, self.assembler.loaded)
            self._construct(found)
        except DriverUnavailable as error:
            return "unavailable", str(error.__cause__ or error)
        except PolypodError as error:
            self._errors[found.target] = str(error)
            return "broken", wording.one_line(error.__cause__) if error.__cause__ else str(error)
        except Exception as error:  # noqa: BLE001 - a third party's code
            reason = wording.one_line(error)
            noun = wording.NOUNS[found.group]
            self._errors[found.target] = f"{noun} {found.name!r} failed to start: {reason}"
            return "broken", reason
        return ("active" if self._chosen(found) else "available"), ""

    def _chosen(self, found: Found) -> bool:
        if found.group in ("observer", "command"):
            return found.group == "command" or found.name in self.assembler.content["observers"]
        chosen = self.composition.chosen.get(found.group, "")
        return os.path.basename(chosen) == found.name

    def _chosen_by(self, found: Found) -> str:
        if found.group not in PLACES:
            origin = self.assembler.settings.origin.get("engine.observers", "")
            return (found.group == "observer" and origin) or "being installed"
        return self.composition.origins.get(found.group) or "default"

    def _construct(self, found: Found) -> None:
        """Make the driver, over a scratch directory where it would make files of its own."""
        generic = found.group == "runtime" and found.name == self.assembler.content["generic"]
        if found.group == "command" or generic:
            return  # nothing to construct, or a path is needed first
        factory = load_target(found.target)
        table = check.table(factory, found, self.assembler.loaded)
        config = configure(factory, table)
        if found.group == "runtime":
            self.composition.runtime(found.name)
        elif found.group in ("network", "monitor"):
            previous = self.composition.chosen.get(found.group, "")
            self.composition.chosen[found.group] = found.name
            try:
                getattr(self.composition, found.group)()
            finally:
                self.composition.chosen[found.group] = previous
        elif found.group == "observer":
            factory(config=config)
        else:
            self._in_scratch(found, factory, config)

    def _in_scratch(self, found: Found, factory: Any, config: Any) -> None:
        root = self.assembler.settings.storage.root
        # The file system decides: look at the real one where it exists.
        parent = root if os.access(root, os.W_OK) else None
        scratch = tempfile.mkdtemp(prefix=".plugin-check-", dir=parent)
        try:
            if found.group == "state":
                driver = factory(config=config, root=scratch, run_root=scratch)
                if hasattr(driver, "state_close"):
                    driver.state_close()
            else:
                arguments = self.composition.storage_arguments(found.name)
                homes = {"home": f"{scratch}/home", "run_home": f"{scratch}/run", "image_home": ""}
                factory(config=config, **{**arguments, **homes})
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _details(self, found: Found, info: PluginInfo) -> dict[str, Any]:
        details: dict[str, Any] = {
            "Group": info.group,
            "Name": info.name,
            "Contract": found.group_name,
            "Distribution": info.distribution,
            "Version": info.version,
            "Target": info.target,
            "Status": info.status,
            "Reason": info.reason,
            "ChosenBy": info.chosen_by,
            "Hooks": [],
            "MissingHooks": [],
            "Config": {},
        }
        try:
            factory = check.load(found, "")
        except PolypodError:
            return details  # the status says it
        config = getattr(factory, "Config", None)
        settings = self.assembler.settings
        table = settings.plugins.get(f"{found.group}.{found.name}", {})
        details["Config"] = {
            key: {
                "Value": table.get(key, getattr(config, key, None)),
                "From": settings.origin.get(f"plugin.{found.group}.{found.name}.{key}", "default"),
            }
            for key in check.field_names(config)
        }
        if found.group != "command":
            hooks = check.specification(found.group)
            names = [name for name in vars(hooks) if hasattr(vars(hooks)[name], "polypod_spec")]
            details["Hooks"] = [name for name in names if hasattr(factory, name)]
            details["MissingHooks"] = [name for name in names if not hasattr(factory, name)]
        return details
