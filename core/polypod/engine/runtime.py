"""The context of every use case: the parts that assembly put together.

One ``Runtime`` is a State plus an OCIRuntime (podman's libpod.Runtime), with the
store, the network and the monitor beside them. Each part is made when it is
first used: ``ps`` never opens the store.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..model.settings import Settings
    from ..ports.monitor import MonitorPort
    from ..ports.network import NetworkPort
    from ..ports.observer import ObserverPort
    from ..ports.runtime import RuntimePort
    from ..ports.state import StatePort
    from ..ports.storage import StoragePort
    from ..records import Records
    from ..store import Store
    from ..store.imagestores import ImageStores
    from .composition import Composition


def current_boot_id() -> str:
    """The kernel's boot ID: PIDs, mounts and namespaces of another boot are void."""
    fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)
    try:
        return os.read(fd, 64).decode().strip()
    finally:
        os.close(fd)


class Runtime:
    """Everything a use case works with; see the module's text."""

    settings: Settings
    state: StatePort
    oci: RuntimePort
    network: NetworkPort
    monitor: MonitorPort
    storage_driver: StoragePort
    observers: ObserverPort
    records: Records
    store: Store
    imagestores: ImageStores | None
    boot_id: str
    version: str
    cli_argv: tuple[str, ...]

    def __init__(
        self,
        settings: Settings,
        composition: Composition,
        flags: Mapping[str, Any] | None = None,
    ) -> None:
        """``flags`` are the global flags as given: the exit command repeats them."""
        self.flags = dict(flags or {})
        self.settings = settings
        self.composition = composition
        storage, engine = settings.storage, settings.engine
        self.graphroot = storage.root
        self.runroot = storage.runroot
        self.static_dir = engine.static_dir or os.path.join(self.graphroot, "polypod")
        self.tmp_dir = engine.tmp_dir or os.path.join(self.runroot, "polypod")
        self.exit_dir = os.path.join(self.tmp_dir, "exits")
        self.volume_path = engine.volume_path or os.path.join(self.graphroot, "volumes")

    def __getattr__(self, name: str) -> object:
        # Called only for what is not there yet: make the part and keep it.
        maker = _MAKERS.get(name)
        if maker is None:
            raise AttributeError(name)
        made: object = maker(self)
        self.__dict__[name] = made
        return made

    def bundle_dir(self, id: str) -> str:
        """The container's static directory: OCI bundle, log, artifacts."""
        return os.path.join(self.graphroot, f"{self.driver_name}-containers", id, "userdata")

    def run_dir(self, id: str) -> str:
        """The container's volatile directory: sockets, PID files, generated /etc files."""
        return os.path.join(self.runroot, f"{self.driver_name}-containers", id, "userdata")

    def persist_dir(self, id: str) -> str:
        """Where the monitor notes the exit and an OOM kill of this container."""
        return os.path.join(self.tmp_dir, "persist", id)

    @property
    def driver_name(self) -> str:
        """Name of the storage driver, which containers/storage puts into paths."""
        return self.composition.storage_name

    #: Seconds for which a program believes what it knows of the image stores.
    stores_age = 5.0

    def renew_stores(self) -> None:
        """Forget what is known of image stores, when that is old: they come and go while a program lives."""
        from time import monotonic

        seen = self.__dict__.get("stores_seen")
        if seen is not None and monotonic() - seen >= self.stores_age:
            for part in ("stores_seen", "imagestores", "store", "storage_driver"):
                self.__dict__.pop(part, None)

    def close(self) -> None:
        """Release the state's files; the Runtime opens them again when used."""
        if "state" in self.__dict__:
            self.state.close()


def _make_store(rt: Runtime) -> Store:
    from ..store import Store

    storage = rt.settings.storage
    return Store(
        rt.graphroot,
        rt.runroot,
        driver=rt.storage_driver,
        driver_name=rt.driver_name,
        imagestore=storage.imagestore,
        additional=() if rt.imagestores is not None else storage.additional,
        stores=rt.imagestores,
    )


def _make_imagestores(rt: Runtime) -> ImageStores | None:
    """The image stores beside the writable one; None where there are none: one ``stat``."""
    from time import monotonic

    rt.__dict__["stores_seen"] = monotonic()
    if not rt.settings.storage.additional and not os.path.isdir(f"{rt.static_dir}/imagestores"):
        return None
    return open_imagestores(rt)


def open_imagestores(rt: Runtime) -> ImageStores:
    """The image stores, also where there are none yet."""
    from ..store.imagestores import ImageStores

    storage, origin = rt.settings.storage, rt.settings.origin
    where = origin.get("storage.additional") or origin.get("storage.options", "")
    configured = [(path, where) for path in storage.additional]
    return ImageStores(
        rt.static_dir, rt.tmp_dir, rt.driver_name, configured, storage.imagestore
    )


def _make_driver(rt: Runtime) -> StoragePort:
    stores = rt.imagestores
    return rt.composition.storage(None if stores is None else tuple(stores.roots()))


def _make_records(rt: Runtime) -> Records:
    from ..records import Records

    return Records(rt.state)


def _version() -> str:
    from .. import __version__

    return __version__


def _cli_argv(rt: Runtime) -> tuple[str, ...]:
    """A command line for this installation with this composition, for the monitor's exit command."""
    import sys

    launcher = os.path.join(os.path.dirname(sys.executable), "polypod")
    if os.access(launcher, os.X_OK):
        program: tuple[str, ...] = (launcher,)
    else:
        program = (sys.executable, "-m", "polypod")
    settings, composition = rt.settings, rt.composition
    return (
        *program,
        *_repeated(rt.flags),
        "--root", rt.graphroot,
        "--runroot", rt.runroot,
        "--tmpdir", rt.tmp_dir,
        "--storage-driver", composition.storage_name,
        # Only what a flag chose, so that the exit command follows a migration meanwhile.
        *(("--state-backend", composition.state_name) if _by_flag(composition) else ()),
        "--network-backend", composition.network_name,
        "--cgroup-manager", settings.engine.cgroup_manager,
        "--log-level", settings.log_level,
        *(("--imagestore", settings.storage.imagestore) if settings.storage.imagestore else ()),
        *(("--network-config-dir", settings.network.config_dir) if settings.network.config_dir else ()),
    )  # fmt: skip


#: What :func:`_cli_argv` says by itself, resolved, or what is about this process alone.
_OWN_FLAGS = frozenset((
    "root", "runroot", "tmpdir", "storage-driver", "state-backend", "db-backend", "network-backend",
    "cgroup-manager", "log-level", "imagestore", "network-config-dir", "out", "noout", "help",
    "version", "debug", "config",
))  # fmt: skip


def _repeated(flags: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in flags.items():
        name = name.replace("_", "-")
        if name == "config" and value:
            words.append("--config=" + os.path.abspath(str(value)))
        elif name not in _OWN_FLAGS and value:
            if value is True:
                words.append("--" + name)
            elif isinstance(value, (list, tuple)):
                words += [f"--{name}={item}" for item in value]
            else:
                words.append(f"--{name}={value}")
    return words


def _by_flag(composition: Composition) -> bool:
    return composition.origins.get("state", "").startswith("flag")


_MAKERS: dict[str, Callable[[Runtime], object]] = {
    "state": lambda rt: rt.composition.state(rt.static_dir, rt.tmp_dir),
    "oci": lambda rt: rt.composition.runtime(),
    "network": lambda rt: rt.composition.network(),
    "monitor": lambda rt: rt.composition.monitor(),
    "storage_driver": _make_driver,
    "imagestores": _make_imagestores,
    "observers": lambda rt: rt.composition.observers(),
    "records": _make_records,
    "store": _make_store,
    "boot_id": lambda rt: current_boot_id(),
    "version": lambda rt: _version(),
    "cli_argv": lambda rt: _cli_argv(rt),
}
