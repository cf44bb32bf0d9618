"""A container's environment, as podman-run(1) orders it under "ENVIRONMENT"."""

from __future__ import annotations

import os

from ..errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..model.container import ContainerCreate
    from ..model.settings import Settings

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROXY = (
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "FTP_PROXY",
    "NO_PROXY",
)


def resolve_env(
    request: ContainerCreate,
    image: Mapping[str, Any],
    settings: Settings,
    environ: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the variables, but HOME and HOSTNAME, which need the root file system and the host.

    From the weakest: built-in, containers.conf, the image, the host's (``--env-host``,
    proxies), the user's. ``--unsetenv`` takes away what comes before the host's.
    """
    configured, host = settings.containers, os.environ if environ is None else environ
    env = {"PATH": PATH, "container": "podman"}
    _update(env, configured.env, "containers.conf")
    _update(env, image.get("Env") or (), "the image")
    if request.process.terminal:
        env.setdefault("TERM", "xterm")
    if request.unset_env_all:
        env = {}
    for name in request.unset_env:
        env.pop(name, None)
    if request.env_host if request.env_host is not None else configured.env_host:
        env.update(host)
    elif request.http_proxy if request.http_proxy is not None else configured.http_proxy:
        env.update((name, host[name]) for name in _PROXY if name in host)
    env.update(request.process.env)
    return env


def _update(env: dict[str, str], lines: Iterable[str], source: str) -> None:
    for line in lines:
        name, equals, value = line.partition("=")
        if not name:
            raise ConfigError(f'invalid variable "{line}" in the environment of {source}')
        if equals or name not in env:
            env[name] = value
