"""Networks of a netavark plugin: an executable that completes the definition itself."""

from __future__ import annotations

import os

from polypod.errors import NetworkError, UsageError
from polypod.kit.fastjson import dumps, loads

from .command import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .definitions import Document


def create(document: Document, directories: tuple[str, ...]) -> Document:
    """Let the plugin named like the driver complete a definition.

    Raises ``UsageError`` when there is no such plugin and ``NetworkError`` when it fails
    or changes what it must not.
    """
    driver = document["driver"]
    path = _find(driver, directories)
    code, output, _remarks = run([path, "create"], dumps(document).encode(), dict(os.environ))
    try:
        answer = loads(output)
    except ValueError as error:
        raise NetworkError(f"plugin {path} failed: it did not answer in JSON") from error
    if code != 0:
        raise NetworkError(f"plugin {path} failed: {answer.get('error', f'exit code {code}')}")
    for key in ("name", "id", "driver"):
        if answer.get(key) != document[key]:
            raise NetworkError(f"invalid plugin result: {path} changed network {key}")
    answer.setdefault("ipam_options", {})
    return answer  # type: ignore[no-any-return]


def _find(name: str, directories: tuple[str, ...]) -> str:
    for directory in directories:
        path = os.path.join(directory, name)
        if os.path.isfile(path):
            return path
    raise UsageError(f'failed to find driver or plugin "{name}"')
