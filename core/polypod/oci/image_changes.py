"""``--change``: a subset of Containerfile instructions that alter an image config.

Each instruction is ``KEY VALUE`` or ``KEY=VALUE``; podman-import(1) lists them.
"""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

INSTRUCTIONS = (
    "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME",
    "WORKDIR",
)  # fmt: skip


def apply_changes(config: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """Return a copy of an image's ``config`` object with the instructions applied in order."""
    result = {key: _copy(value) for key, value in config.items()}
    for change in changes:
        key, value = _split(change)
        handler = _HANDLERS.get(key)
        if handler is None:
            raise UsageError(f'invalid change "{change}" - invalid instruction {key}')
        try:
            handler(result, value)
        except ValueError as error:
            raise UsageError(f'invalid change "{change}" - {error}') from None
    return result


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    return list(value) if isinstance(value, list) else value


def _split(change: str) -> tuple[str, str]:
    key, space, value = change.partition(" ")
    if not space:
        key, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f'invalid change "{change}" - must be formatted as KEY VALUE')
    elif "=" in key and key.partition("=")[0].upper() in INSTRUCTIONS:
        # KEY=VALUE with blanks in the value; podman refuses this form, nothing else can be meant.
        key, _, value = change.partition("=")
    return key.strip().upper(), value.strip()


def _user(config: dict[str, Any], value: str) -> None:
    if not value:
        raise ValueError("must provide a value to USER")
    config["User"] = value


def _expose(config: dict[str, Any], value: str) -> None:
    port, slash, protocol = value.partition("/")
    if "/" in protocol:
        raise ValueError("EXPOSE port must be formatted as PORT[/PROTO]")
    protocol = protocol.lower() if slash else "tcp"
    try:
        number = int(port)
    except ValueError:
        raise ValueError("EXPOSE port must be an integer") from None
    if not 0 < number < 65536:
        raise ValueError("EXPOSE port must be a valid port number")
    if protocol not in ("tcp", "udp", "sctp"):
        raise ValueError("EXPOSE protocol must be TCP or UDP")
    config.setdefault("ExposedPorts", {})[f"{number}/{protocol}"] = {}


def _env(config: dict[str, Any], value: str) -> None:
    key, equals, setting = value.partition("=")
    if not equals and " " in key:
        # The old form: ENV key value.
        key, _, setting = value.partition(" ")
    key, setting = _unquote(key), _unquote(setting)
    if not key:
        raise ValueError("ENV must have at least one argument")
    kept = [entry for entry in config.get("Env", []) if entry.partition("=")[0] != key]
    config["Env"] = [*kept, f"{key}={setting}"]


def _label(config: dict[str, Any], value: str) -> None:
    key, equals, setting = value.partition("=")
    if not equals:
        raise ValueError("LABEL must be formatted key=value")
    key = _unquote(key)
    if not key:
        raise ValueError("LABEL must have a non-empty key")
    config.setdefault("Labels", {})[key] = _unquote(setting)


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _entrypoint(config: dict[str, Any], value: str) -> None:
    words = _json_words(value)
    if words is None:
        words = ["/bin/sh", "-c", value] if value else []
    config["Entrypoint"] = words


def _cmd(config: dict[str, Any], value: str) -> None:
    words = _json_words(value)
    if words is None:
        words = ["/bin/sh", "-c", *([value] if value else [])]
    config["Cmd"] = words


def _volume(config: dict[str, Any], value: str) -> None:
    paths = _json_words(value)
    if paths is None:
        paths = value.split(" ")
    if not paths:
        raise ValueError("must provide at least one argument to VOLUME")
    for path in paths:
        if not path:
            raise ValueError("VOLUME paths must not be empty")
        config.setdefault("Volumes", {})[path] = {}


def _json_words(value: str) -> list[str] | None:
    """The exec form, or None for the shell form."""
    from ..kit.fastjson import loads

    try:
        words = loads(value)
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(w, str) for w in words) else None


def _workdir(config: dict[str, Any], value: str) -> None:
    import posixpath

    if not value:
        raise ValueError("must provide a non-empty WORKDIR")
    # Several are relative to each other; a leading slash starts anew.
    config["WorkingDir"] = posixpath.normpath(posixpath.join(config.get("WorkingDir", ""), value))


def _stopsignal(config: dict[str, Any], value: str) -> None:
    from signal import Signals

    name = value.upper()
    if name.isdigit() and 0 < int(name) <= 64:
        config["StopSignal"] = str(int(name))
        return
    try:
        config["StopSignal"] = str(int(Signals["SIG" + name.removeprefix("SIG")]))
    except KeyError:
        raise ValueError(
            f"KILLSIGNAL must be given a valid signal: invalid signal: {value}"
        ) from None


def _onbuild(config: dict[str, Any], value: str) -> None:
    if not value:
        raise ValueError("ONBUILD must be given an argument")
    config.setdefault("OnBuild", []).append(value)


_HANDLERS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "ONBUILD": _onbuild,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
