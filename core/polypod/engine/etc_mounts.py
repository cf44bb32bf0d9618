"""mounts.conf (containers-mounts.conf(5)): what the administrator mounts in every container.

The content is copied when the container starts for the first time, so that nothing in the container reaches the
host's files.
"""

from __future__ import annotations

import os
import stat

from ..kit.log import warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model.container import Container
    from ..model.settings import Settings

#: The first one that exists holds; a user's own comes before them without root.
_FILES = ("/etc/containers/mounts.conf", "/usr/share/containers/mounts.conf")


def default_mounts(container: Container, settings: Settings, *, rootless: bool) -> dict[str, str]:
    """The copies to mount: destination -> path below the container's run directory.

    Sources that do not exist are passed over; one that cannot be read costs a warning.
    """
    path = _find(settings.engine.default_mounts_file, rootless)
    found: dict[str, str] = {}
    for source, destination in _entries(path) if path else ():
        copy = f"{container.run_dir}/mounts{os.path.normpath(destination)}"
        try:
            if not os.path.exists(copy):
                _copy(os.path.realpath(source), copy)
        except FileNotFoundError:
            continue
        except OSError as error:
            warning(f"{path}: {source} is not mounted: {(error.strerror or str(error)).lower()}")
            continue
        found[destination] = copy
    return found


def _find(given: str, rootless: bool) -> str:
    if given:
        return given if os.path.exists(given) else ""
    for path in _FILES:
        if os.path.exists(path):
            standard = path
            break
    else:
        standard = ""
    if rootless:
        home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        own = f"{home}/containers/mounts.conf"
        return own if os.path.exists(own) else standard
    return standard


def _entries(path: str) -> list[tuple[str, str]]:
    """``/SRC:/DEST`` a line; ``/SRC`` alone goes to the same place. Other lines say nothing."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.strip() for line in file]
    pairs = [line.partition(":") for line in lines if line.startswith("/")]
    return [(source, destination or source) for source, _, destination in pairs]


def _copy(source: str, target: str) -> None:
    info = os.stat(source)
    if stat.S_ISDIR(info.st_mode):
        os.makedirs(target, 0o700)
        for name in os.listdir(source):
            _copy(f"{source}/{name}", f"{target}/{name}")
    elif stat.S_ISREG(info.st_mode):
        from ..kit.copytree import copy_file

        os.makedirs(os.path.dirname(target), 0o755, exist_ok=True)
        copy_file(os.path.realpath(source), target)
    else:
        raise OSError(f"{source} is neither a file nor a directory")
    os.chmod(target, stat.S_IMODE(info.st_mode))
