"""The chosen plugins, each made when first asked for."""

from __future__ import annotations

import os
import sys

from ..errors import CompositionError, DriverUnavailable, PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ..model.settings import Settings
    from ..ports.monitor import MonitorPort
    from ..ports.network import NetworkPort
    from ..ports.observer import ObserverPort
    from ..ports.runtime import RuntimePort
    from ..ports.state import StatePort
    from ..ports.storage import StoragePort


class Composition:
    """What assembly hands to the engine.

    ``chosen`` maps each driver group to the name in force, ``origins`` to what chose
    it. ``entries`` maps ``"group.name"`` to a checked plugin: a dict of ``name``, ``target``
    (``module:attribute``), ``plugin`` (its description), ``hooks`` (those that need an adapter)
    and ``config`` (its table of polypod.conf, validated). ``find`` supplies an entry that
    is not there yet. A group that has no usable default has its error in ``missing``.
    """

    def __init__(
        self,
        settings: Settings,
        content: Mapping[str, Any],
        find: Callable[[str, str], dict[str, Any]],
    ) -> None:
        self.settings = settings
        self.chosen: dict[str, str] = content["chosen"]
        self.origins: Mapping[str, str] = content["origins"]
        self.entries: dict[str, dict[str, Any]] = content["entries"]
        self.installed: dict[str, list[str]] = content["installed"]
        self.missing: dict[str, str] = content["missing"]
        self.warnings: list[str] = content["warnings"]
        self._generic: str = content["generic"]
        self._commands: dict[str, str] = content["commands"]
        self._observers: list[str] = content["observers"]
        self._find = find
        self.name_drivers()

    def name_drivers(self) -> None:
        """Set the names in force from ``chosen``; a runtime given as a path goes by its name."""
        chosen = self.chosen
        self.state_name = chosen.get("state", "")
        self.runtime_name = os.path.basename(chosen.get("runtime", ""))
        self.network_name = chosen.get("network", "")
        self.storage_name = chosen.get("storage", "")
        self.monitor_name = chosen.get("monitor", "")

    def state(self, root: str = "", run_root: str = "") -> StatePort:
        """The state backend over its files in ``root``."""
        return self.state_named(self._chosen("state"), root, run_root)

    def state_named(self, name: str, root: str = "", run_root: str = "") -> StatePort:
        """Another installed backend, for ``system migrate``."""
        from ..ports.state import StatePort

        engine = self.settings.engine
        driver, entry = self._make(
            "state", name, root=root or engine.static_dir, run_root=run_root or engine.tmp_dir
        )
        return StatePort(driver, name, entry["plugin"])

    def runtime(self, name: str = "") -> RuntimePort:
        """The OCI runtime: the chosen one, or one by name or absolute path."""
        from ..ports.runtime import RuntimePort

        wanted = name or self._chosen("runtime")
        engine = self.settings.engine
        short, plugin, path = self._runtime(wanted)
        driver, entry = self._make(
            "runtime",
            plugin,
            wanted,
            path=path,
            flags=(*engine.runtimes_flags.get(short, ()), *engine.runtime_flags),
            root="",
            cgroup_manager=engine.cgroup_manager,
        )
        return RuntimePort(driver, short, entry["plugin"])

    def runtime_path(self, name: str) -> str:
        """Path of a runtime's binary as engine.runtimes has it, "" when the plugin looks itself."""
        return self._runtime(name)[2]

    def _runtime(self, wanted: str) -> tuple[str, str, str]:
        """Name to show, plugin to use, path of the binary ("" = the plugin looks itself)."""
        short = os.path.basename(wanted)
        known = short in self.installed["runtime"]
        if "/" in wanted:
            if not os.path.isabs(wanted):
                raise CompositionError(f"runtime path {wanted} must be absolute or a plain name")
            return short, short if known else self._generic, wanted
        candidates = self.settings.engine.runtimes.get(wanted, ())
        path = next((c for c in candidates if os.access(c, os.X_OK)), "")
        origin = self.settings.origin.get(f"engine.runtimes.{wanted}")
        if not path and origin and candidates:
            raise DriverUnavailable(
                f"runtime {wanted!r} has no executable at {', '.join(candidates)},"
                f" which {origin} names; install it there or correct that line"
            )
        if known:
            return wanted, wanted, path
        return wanted, self._generic, path or self._in_path(wanted, candidates)

    def _in_path(self, wanted: str, candidates: tuple[str, ...]) -> str:
        for folder in os.environ.get("PATH", "/usr/bin:/bin").split(":"):
            path = os.path.join(folder, wanted)
            # Only what engine.runtimes lists is taken from PATH, as podman does.
            if candidates and folder and os.access(path, os.X_OK):
                return path
        from .wording import no_runtime

        raise CompositionError(no_runtime(wanted, candidates, self))

    def network(self) -> NetworkPort:
        """The network backend."""
        from ..ports.network import NetworkPort

        network, name = self.settings.network, self._chosen("network")
        driver, entry = self._make(
            "network",
            name,
            config_dir=network.config_dir,
            run_dir=network.run_dir,
            default_network=network.default_network,
            default_subnet=network.default_subnet,
            default_subnet_pools=tuple((p.base, p.size) for p in network.default_subnet_pools),
            plugin_dirs=network.netavark_plugin_dirs,
            helper_dirs=self.settings.engine.helper_binaries_dir,
            firewall_driver=network.firewall_driver,
            dns_bind_port=network.dns_bind_port,
        )
        return NetworkPort(driver, name, entry["plugin"])

    def storage(self, additional: Sequence[str] | None = None) -> StoragePort:
        """The storage driver over graphroot, runroot and image stores.

        ``additional`` are the roots of the stores to read, those of the configuration by default.
        """
        from ..ports.storage import StoragePort

        name = self._chosen("storage")
        arguments = self.storage_arguments(name)
        if additional is not None:
            arguments["additional"] = tuple(f"{root}/{name}" for root in additional)
        driver, entry = self._make("storage", name, **arguments)
        return StoragePort(driver, name, entry["plugin"])

    def storage_at(
        self, root: str, run_root: str, additional: Sequence[str] = ()
    ) -> StoragePort:
        """The same driver over another store's root, which it may write to, and over further ones to read."""
        from ..ports.storage import StoragePort

        name = self._chosen("storage")
        arguments = self.storage_arguments(name)
        arguments.update(
            home=f"{root}/{name}",
            run_home=f"{run_root}/{name}",
            image_home="",
            additional=tuple(f"{other}/{name}" for other in additional),
        )
        driver, entry = self._make("storage", name, **arguments)
        return StoragePort(driver, name, entry["plugin"])

    def storage_arguments(self, name: str) -> dict[str, Any]:
        """What a storage driver of that name is made with."""
        storage = self.settings.storage
        options = {
            key: value
            for key, value in storage.options.items()
            if ("." not in key or key.partition(".")[0] in (name, ""))
            and not key.endswith("imagestore")  # the store's: see settings.storage.additional
        }
        return {
            "home": f"{storage.root}/{name}",
            "run_home": f"{storage.runroot}/{name}",
            "image_home": f"{storage.imagestore}/{name}" if storage.imagestore else "",
            "options": options,
            "additional": tuple(f"{store}/{name}" for store in storage.additional),
        }

    def monitor(self) -> MonitorPort:
        """The monitor."""
        from ..ports.monitor import MonitorPort

        name, engine = self._chosen("monitor"), self.settings.engine
        driver, entry = self._make(
            "monitor",
            name,
            path=engine.conmon,
            paths=engine.conmon_path,
            log_level=self.settings.log_level,
        )
        return MonitorPort(driver, name, entry["plugin"])

    def observers(self) -> ObserverPort:
        """All observers, with the hooks that each implements, in calling order."""
        from ..kit.log import warning
        from ..ports.observer import ObserverPort

        hooks: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
        for name in self._observers:
            observer, entry = self._make("observer", name)
            for hook in entry["implements"]:
                hooks.setdefault(hook, []).append((entry["plugin"], getattr(observer, hook)))
        return ObserverPort(hooks, warning)

    def observing(self, hook: str) -> bool:
        """Whether some observer implements a hook."""
        entries = (self.entries[f"observer.{name}"] for name in self._observers)
        return any(hook in entry["implements"] for entry in entries)

    def commands(self) -> dict[str, str]:
        """Subcommands from plugins: name as typed -> ``module:attribute``."""
        return self._commands

    def describe(self, group: str) -> str:
        """The chosen driver as people see it: ``sqlite (polypod 0.1.0)``."""
        name = self.chosen.get(group, "")
        entry = self.entries.get(f"{group}.{name}")
        return f"{name} ({entry['distribution']} {entry['version']})" if entry else name

    def _chosen(self, group: str) -> str:
        if group in self.missing:
            raise CompositionError(self.missing[group])
        return self.chosen[group]

    def _make(self, group: str, name: str, asked: str = "", **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Import a plugin's module and construct the driver; ``asked`` is the user's word for it."""
        entry = self.entries.get(f"{group}.{name}") or self._find(group, name)
        try:
            factory = load_target(entry["target"])
            config = configure(factory, entry["config"])
            driver = factory(config=config, **arguments)
        except DriverUnavailable as error:
            raise DriverUnavailable(self._unavailable(group, asked or name, str(error))) from error
        except PolypodError:
            raise
        except Exception as error:
            from .wording import broken

            text = broken(entry["plugin"], self.origins.get(group, ""), error, self)
            raise CompositionError(text) from error
        if entry["hooks"]:
            from .adapter import Adapter

            driver = Adapter(driver, entry["hooks"])
        return driver, entry

    def _unavailable(self, group: str, name: str, reason: str) -> str:
        from .wording import unavailable

        return unavailable(group, name, reason, self)


def load_target(target: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = target.partition(":")
    __import__(module)
    found: Any = sys.modules[module]
    for part in attribute.split("."):
        found = getattr(found, part)
    return found


def configure(factory: Any, table: dict[str, Any]) -> Any:
    """The plugin's ``Config`` made from its (validated) table; ``None`` for one without."""
    config = getattr(factory, "Config", None)
    if config is None:
        return None
    if hasattr(config, "from_dict"):
        return config.from_dict(table)
    import msgspec  # the plugin's own choice: its module has imported it already

    return msgspec.convert(table, config)
