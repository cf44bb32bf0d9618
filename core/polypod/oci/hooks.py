"""OCI hooks directories (oci-hooks(5), version 1.0.0): which hooks a container gets."""

from __future__ import annotations

import os

from ..errors import ConfigError, RuntimeFailure
from ..kit import fastjson

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container

STAGES = frozenset(
    ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
)

PRECREATE = "precreate"  # not a stage of the runtime's: the engine runs these
_PRECREATE_TIMEOUT = 10.0  # seconds, as podman


def add_hooks(container: Container, spec: dict[str, Any]) -> dict[str, Any]:
    """Give a spec its hooks and return it, or what the ``precreate`` hooks made of it.

    Later directories override files of the same name. Raises ``ConfigError``
    naming the file when one is malformed, ``RuntimeFailure`` when a ``precreate`` hook fails.
    """
    hooks = _matching(container, spec)
    first = hooks.pop(PRECREATE, [])
    if hooks:
        spec["hooks"] = hooks
    for hook in first:
        spec = _filter(hook, spec)
    return spec


def _matching(container: Container, spec: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    files: dict[str, str] = {}
    for folder in container.hooks_dirs:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        files.update((name, f"{folder}/{name}") for name in names if name.endswith(".json"))
    hooks: dict[str, list[dict[str, Any]]] = {}
    for name in sorted(files):
        document = _read(files[name])
        if _matches(document["when"], container, spec, files[name]):
            for stage in document["stages"]:
                hooks.setdefault(stage, []).append(document["hook"])
    return hooks


def _filter(hook: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """Run a ``precreate`` hook: it reads the spec and writes the one to use."""
    from ..kit.spawn import run

    path = hook["path"]
    env = dict(line.split("=", 1) for line in hook.get("env") or () if "=" in line)
    done = run(
        (path, *(hook.get("args") or (path,))[1:]),
        env=env,
        input=fastjson.dumps(spec).encode(),
        timeout=hook.get("timeout") or _PRECREATE_TIMEOUT,
    )
    if done.code:
        text = done.stderr.decode(errors="replace").strip()
        raise RuntimeFailure(f"precreate hook {path} failed with code {done.code}: {text}")
    try:
        changed = fastjson.loads(done.stdout)
    except ValueError as error:
        raise RuntimeFailure(f"precreate hook {path} wrote no JSON: {error}") from error
    if not isinstance(changed, dict) or not {"process", "root", "linux"} <= changed.keys():
        raise RuntimeFailure(f"precreate hook {path} wrote no runtime spec")
    return changed


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            document = fastjson.loads(file.read())
    except (OSError, ValueError) as error:
        raise ConfigError(f"parsing hook {path}: {error}") from error
    problem = ""
    if not isinstance(document, dict) or document.get("version") != "1.0.0":
        problem = 'its "version" must be "1.0.0"'
    elif not isinstance(document.get("hook"), dict) or not document["hook"].get("path"):
        problem = 'it needs a "hook" with a "path"'
    elif not isinstance(document.get("when"), dict) or not document["when"]:
        problem = 'it needs a "when" with a condition'
    elif not set(document.get("stages") or ("",)) <= STAGES | {PRECREATE}:
        problem = f'its "stages" must be of {", ".join(sorted(STAGES))}'
    elif not os.path.exists(document["hook"]["path"]):
        problem = f"{document['hook']['path']} does not exist"
    if problem:
        raise ConfigError(f"parsing hook {path}: {problem}")
    result: dict[str, Any] = document
    return result


def _matches(when: dict[str, Any], container: Container, spec: dict[str, Any], path: str) -> bool:
    """All conditions must hold (the 1.0.0 schema's rule)."""
    for key, wanted in when.items():
        if key == "always":
            met = wanted is True
        elif key == "hasBindMounts":
            met = wanted is any(mount.type in ("bind", "volume") for mount in container.mounts)
        elif key == "annotations":
            met = all(
                any(
                    _search(name_pattern, name, path) and _search(value_pattern, value, path)
                    for name, value in spec["annotations"].items()
                )
                for name_pattern, value_pattern in wanted.items()
            )
        elif key == "commands":
            args = spec["process"]["args"]
            met = bool(args) and any(_search(pattern, args[0], path) for pattern in wanted)
        else:
            raise ConfigError(f'parsing hook {path}: unknown condition "{key}" in "when"')
        if not met:
            return False
    return True


def _search(pattern: str, text: str, path: str) -> bool:
    # Hosts without hooks, nearly all, never pay for re.
    import re

    try:
        return re.search(pattern, text) is not None
    except re.error as error:
        raise ConfigError(f'parsing hook {path}: bad pattern "{pattern}": {error}') from error
