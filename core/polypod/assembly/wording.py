"""The texts of composition errors: what was asked, where, what is installed, what to do."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .composition import Composition
    from .inventory import Found

NOUNS = {
    "state": "state backend",
    "runtime": "runtime",
    "network": "network backend",
    "storage": "storage driver",
    "monitor": "monitor",
    "observer": "observer",
    "command": "command",
}

#: How a user chooses another plugin of the group.
CHOOSERS = {
    "state": "--state-backend",
    "runtime": "--runtime",
    "network": "--network-backend",
    "storage": "--storage-driver",
    "monitor": "--monitor",
    "observer": "'observers' in polypod.conf",
    "command": "another name",
}


def listed(names: Iterable[str]) -> str:
    """``a, b`` or ``none``."""
    return ", ".join(names) or "none"


def asked(origin: str) -> str:
    """`` (asked for by flag --runtime)``."""
    return f" (asked for by {origin})" if origin else " (the default)"


def not_installed(group: str, name: str, origin: str, installed: Iterable[Found]) -> str:
    """Nobody provides that name."""
    shown = listed(f"{found.name} ({found.distribution} {found.version})" for found in installed)
    return (
        f"{NOUNS[group]} {name!r}{asked(origin)} is not installed; installed: {shown};"
        f" install the package that provides it or choose another with {CHOOSERS[group]}"
    )


def two_packages(group: str, name: str, origin: str, claimants: Iterable[Found]) -> str:
    """Several packages provide the name."""
    packages = [f"{found.distribution} {found.version}" for found in claimants]
    return (
        f"{NOUNS[group]} {name!r}{asked(origin)} is provided by {len(packages)} packages,"
        f" {' and '.join(packages)}; uninstall all but one of them"
    )


def other_contract(group: str, origin: str, found: Found, ours: str) -> str:
    """The plugin is for another version of the contract."""
    return (
        f"{NOUNS[group]} {found.name!r}{asked(origin)} of {found.distribution} {found.version} is"
        f" made for contract {found.group_name}, but this polypod has {ours}; install a"
        f" {found.distribution} for {ours}, or choose another with {CHOOSERS[group]}"
    )


def failed_to_load(group: str, origin: str, found: Found, error: BaseException) -> str:
    """Importing the plugin raised."""
    return (
        f"{NOUNS[group]} {found.name!r}{asked(origin)} of {found.distribution} {found.version}"
        f" failed to load: {one_line(error)}; reinstall or uninstall {found.distribution}, or"
        f" choose another with {CHOOSERS[group]}"
    )


def breaks_contract(group: str, origin: str, found: Found, reason: str) -> str:
    """The plugin's hooks do not fit the specification."""
    return (
        f"{NOUNS[group]} {found.name!r}{asked(origin)} of {found.distribution} {found.version}"
        f" does not fit contract {found.group_name}: {reason}; install another version of"
        f" {found.distribution}, or choose another with {CHOOSERS[group]}"
    )


def unavailable(group: str, name: str, reason: str, composition: Composition) -> str:
    """The driver says that it cannot work here."""
    others = listed(other for other in composition.installed.get(group, ()) if other != name)
    origin = composition.origins.get(group, "") if composition.chosen.get(group) == name else ""
    where = f" (asked for by {origin})" if origin else ""
    return (
        f"{NOUNS[group]} {name!r}{where} cannot be used here: {reason};"
        f" mend that or choose another with {CHOOSERS[group]} (installed: {others})"
    )


def broken(plugin: str, origin: str, error: BaseException, composition: Composition) -> str:
    """A driver's constructor raised something unforeseen."""
    where = f" (asked for by {origin})" if origin else ""
    return (
        f"{plugin}{where} failed to start: {one_line(error)};"
        " see 'polypod plugin check', reinstall it or choose another"
    )


def no_runtime(wanted: str, candidates: tuple[str, ...], composition: Composition) -> str:
    """No plugin of that name and no binary."""
    origin = composition.origins.get("runtime", "") if wanted == composition.runtime_name else ""
    folders = listed(dict.fromkeys(path.rpartition("/")[0] for path in candidates))
    looked = f", and no executable of that name is in {folders} or PATH" if candidates else ""
    return (
        f"runtime {wanted!r}{asked(origin) if origin else ''} not found: no plugin of that name"
        f" is installed (installed: {listed(composition.installed['runtime'])}){looked}; install"
        " it, add it to [engine.runtimes] in containers.conf, or give --runtime an absolute path"
    )


def one_line(error: BaseException) -> str:
    """An exception on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
