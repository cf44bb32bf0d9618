"""The ``process`` of a runtime spec: arguments, environment, user, capabilities, limits."""

from __future__ import annotations

import os

from ..errors import UsageError
from . import capabilities
from .spec_mounts import INIT_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..model.container import Container
    from ..model.settings import Settings
    from .host_facts import HostFacts
    from .users import ExecUser, UserDatabase

_DEFAULT_LIMIT = 1048576  # podman's default of nofile and nproc
_CAPABILITY_LABELS = ("io.containers.capabilities", "io.podman.capabilities")


def spec_process(
    container: Container,
    settings: Settings,
    facts: HostFacts,
    *,
    database: UserDatabase,
    user: ExecUser,
    hostname: str,
    console: tuple[int, int] | None,
) -> dict[str, Any]:
    """Return the process; ``console`` is the terminal's (rows, columns) when known."""
    process, security = container.process, container.security
    argv = list(container.argv) or [""]
    if process.init:
        argv = [INIT_PATH, "--", *argv]
    result: dict[str, Any] = {
        "terminal": process.terminal,
        "user": spec_user(container, database, user),
        "args": argv,
        "env": spec_env(container, user, hostname),
        "cwd": process.workdir or "/",
        "capabilities": spec_capabilities(container, settings, facts),
        "rlimits": spec_rlimits(container, facts),
    }
    if console is not None and process.terminal:
        result["consoleSize"] = {"height": console[0], "width": console[1]}
    if security.no_new_privileges:
        result["noNewPrivileges"] = True
    apparmor = _apparmor(container, settings, facts)
    if apparmor:
        result["apparmorProfile"] = apparmor
    score = container.resources.oom_score_adj
    if score is not None:
        if not facts.can_raise_limits:
            # Going below one's own value needs CAP_SYS_RESOURCE.
            score = max(score, facts.oom_score_adj)
        result["oomScoreAdj"] = score
    return result


def spec_user(container: Container, database: UserDatabase, user: ExecUser) -> dict[str, Any]:
    """Return ``process.user``; raises ``UsageError`` for a ``--group-add`` that is unknown."""
    gids = [user.gid] if container.process.user else []
    for group in container.process.groups:
        if group != "keep-groups":
            gids.append(database.resolve_group(group))
    if ":" not in container.process.user:
        gids.extend(user.groups)
    result: dict[str, Any] = {"uid": user.uid, "gid": user.gid}
    if gids:
        result["additionalGids"] = list(dict.fromkeys(gids))
    umask = container.process.umask
    if umask:
        try:
            result["umask"] = int(umask, 8)
        except ValueError:
            raise UsageError(f"invalid umask {umask}: not an octal number") from None
    return result


def spec_env(container: Container, user: ExecUser, hostname: str) -> list[str]:
    """Return ``NAME=value`` lines, with HOME and HOSTNAME unless they were set."""
    env = dict(container.process.env)
    env.setdefault("HOME", user.home)
    env.setdefault("HOSTNAME", hostname)
    if container.lifecycle.systemd == "always":
        env.setdefault("container_uuid", container.id[:32])
    for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        if key in os.environ:
            env[key] = "1" if key == "LISTEN_PID" else os.environ[key]
    return [f"{name}={value}" for name, value in env.items()]


def spec_capabilities(
    container: Container, settings: Settings, facts: HostFacts
) -> dict[str, list[str]]:
    """Return ``process.capabilities``."""
    security = container.security
    required: tuple[str, ...] = ()
    for label in _CAPABILITY_LABELS:
        if label in container.labels:
            required = tuple(container.labels[label].split(","))
    return capabilities.process_sets(
        base=settings.containers.default_capabilities,
        add=security.cap_add,
        drop=security.cap_drop,
        bounding=facts.bounding,
        privileged=security.privileged,
        root=container.process.user.partition(":")[0] in ("", "0", "root"),
        required=required,
    )


def spec_rlimits(container: Container, facts: HostFacts) -> list[dict[str, Any]]:
    """Return ``process.rlimits``: the container's, then podman's nofile and nproc.

    Without CAP_SYS_RESOURCE a runtime fails on a hard limit above its own, so all
    are cut to what this process has. ``host`` takes over this process's limits.
    """
    limits: dict[str, tuple[int, int]] = {}
    for limit in container.ulimits:
        if limit.name == "host":
            limits.update(facts.limits)
        else:
            limits["RLIMIT_" + limit.name.upper().removeprefix("RLIMIT_")] = (
                limit.soft,
                limit.hard,
            )
    for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC"):
        limits.setdefault(name, (_DEFAULT_LIMIT, _DEFAULT_LIMIT))
    if not facts.can_raise_limits:
        limits = {name: _clamp(pair, facts.limits.get(name)) for name, pair in limits.items()}
    return [
        {"type": name, "soft": _unsigned(soft), "hard": _unsigned(hard)}
        for name, (soft, hard) in limits.items()
    ]


def _clamp(pair: tuple[int, int], own: tuple[int, int] | None) -> tuple[int, int]:
    if own is None or own[1] == -1:
        return pair
    top = own[1]
    soft, hard = (top if value == -1 or value > top else value for value in pair)
    return soft, hard


def _unsigned(value: int) -> int:
    return 0xFFFFFFFFFFFFFFFF if value == -1 else value


def _apparmor(container: Container, settings: Settings, facts: HostFacts) -> str:
    asked = container.security.apparmor_profile
    if not facts.apparmor:
        if asked and asked != "unconfined":
            raise UsageError(
                f'apparmor profile "{asked}" specified, but Apparmor is not enabled on this system'
            )
        return ""
    if asked:
        return asked
    if container.security.privileged:
        return ""
    profile = settings.containers.apparmor_profile
    # The kernel refuses a profile that nobody has loaded; the default one may be missing.
    return profile if profile in facts.apparmor_profiles else ""
