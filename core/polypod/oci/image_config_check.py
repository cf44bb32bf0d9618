"""Whether an image config has the types of image-spec config.md: asked before an image is stored.

What is stored is read without asking again, by ``images`` for all images at once: one that
lies about its types would stand in the way of all.
"""

from __future__ import annotations

from . import image_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEXTS = (
    "created", "author", "architecture", "os", "variant", "os.version", "comment",
    "docker_version", "parent",
)  # fmt: skip
_CONFIG_TEXTS = ("User", "WorkingDir", "StopSignal", "Hostname", "Domainname")
_CONFIG_LISTS = ("Env", "Cmd", "Entrypoint", "OnBuild", "Shell")
_CONFIG_OBJECTS = ("ExposedPorts", "Volumes", "Labels", "Healthcheck")
_HISTORY_TEXTS = ("created", "created_by", "author", "comment")
_HEALTH_NUMBERS = ("Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")


def check(document: dict[str, Any]) -> None:
    """Raise ``ValueError`` that names the first value of a wrong type. Null counts as left out."""
    _all(document, "", _TEXTS, str)
    _texts(document, "", ("os.features",))
    _time(document, "created")
    _all(document, "", ("config",), dict)
    _config(document.get("config") or {})
    _all(document, "", ("history",), list)
    for entry in document.get("history") or ():
        if not isinstance(entry, dict):
            raise ValueError('image config has an invalid "history"')
        _all(entry, "history.", _HISTORY_TEXTS, str)
        _all(entry, "history.", ("empty_layer",), bool)
        _time(entry, "history.created", "created")


def _config(config: dict[str, Any]) -> None:
    _all(config, "config.", _CONFIG_TEXTS, str)
    _texts(config, "config.", _CONFIG_LISTS)
    _all(config, "config.", _CONFIG_OBJECTS, dict)
    for value in (config.get("Labels") or {}).values():
        if not isinstance(value, str):
            raise ValueError('image config has an invalid "config.Labels"')
    health = config.get("Healthcheck") or {}
    _texts(health, "config.Healthcheck.", ("Test",))
    _all(health, "config.Healthcheck.", _HEALTH_NUMBERS, int)


def _all(document: dict[str, Any], prefix: str, keys: tuple[str, ...], kind: type) -> None:
    for key in keys:
        value = document.get(key)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f'image config has an invalid "{prefix}{key}"')


def _texts(document: dict[str, Any], prefix: str, keys: tuple[str, ...]) -> None:
    _all(document, prefix, keys, list)
    for key in keys:
        if not all(isinstance(value, str) for value in document.get(key) or ()):
            raise ValueError(f'image config has an invalid "{prefix}{key}"')


def _time(document: dict[str, Any], shown: str, key: str = "created") -> None:
    try:
        image_config.parse_time(document.get(key) or "")
    except (ValueError, OverflowError):
        raise ValueError(f'image config has an invalid "{shown}": it is no RFC 3339 time') from None
