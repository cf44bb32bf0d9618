"""Flags of the commands that speak to registries, and the :class:`Access` that they make."""

from __future__ import annotations

import os

from ..errors import UsageError
from .command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..registry.access import Access
    from .context import Context
    from .parse import Options

AUTHFILE = Flag(
    "authfile", type="string", complete="files",
    usage="Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
)  # fmt: skip
COMPAT_AUTH_FILE = Flag(
    "compat-auth-file", type="string", complete="files",
    usage="Path of a Docker-compatible config file to update instead",
)  # fmt: skip
CERT_DIR = Flag(
    "cert-dir", type="string", complete="dirs",
    usage="Path to a directory containing TLS certificates and keys",
)  # fmt: skip
CREDS = Flag(
    "creds", type="string", metavar="[username[:password]]", complete="none",
    usage="Credentials (USERNAME:PASSWORD) to use for authenticating to a registry",
)  # fmt: skip
TLS_VERIFY = Flag(
    "tls-verify", default=True,
    usage="Require HTTPS and verify certificates when contacting registries",
)  # fmt: skip


def retry_flags(what: str) -> tuple[Flag, Flag]:
    """``--retry`` and ``--retry-delay`` of a ``pull`` or a ``push``.

    Their defaults are containers.conf's, which the help shows as well.
    """
    return (
        Flag("retry", type="uint", default=3, complete="none",
             usage=f"number of times to retry in case of failure when performing {what}"),
        Flag("retry-delay", type="string", complete="none",
             usage=f"delay between retries in case of {what} failures"),
    )  # fmt: skip


def access_of(ctx: Context, opts: Options) -> Access:
    """How the command wants registries to be reached, whichever of the flags it has.

    Asks at the terminal for the part of ``--creds`` that is missing. Raises
    ``UsageError`` for a bad value or an ``--authfile`` that is not there.
    """
    from ..registry.access import Access

    given = opts.given()
    if given.get("authfile"):
        from .pulling import check_authfile

        check_authfile(given["authfile"])
    retry, delay = 3, 0.0
    if hasattr(opts, "retry"):
        retry, delay = _patience(ctx, given)
    verify = given.get("tls-verify")
    if given.get("insecure") is not None:
        if verify is not None:
            raise UsageError("--insecure may not be used with --tls-verify")
        verify = not given["insecure"]
    return Access(
        tls_verify=verify,
        cert_dir=given.get("cert-dir", ""),
        creds=_creds(ctx, given["creds"]) if "creds" in given else "",
        authfile=given.get("authfile", ""),
        retry=retry,
        retry_delay=delay,
        environ=environment(ctx),
    )


def login_access(ctx: Context, opts: Options) -> Access:
    """As :func:`access_of` for ``login`` and ``logout``, whose auth file need not be there yet."""
    from ..registry.access import Access

    given = opts.given()
    if opts.authfile and opts.compat_auth_file:
        raise UsageError(
            "options for paths to the credential file and to the Docker-compatible credential file "
            "can not be set simultaneously"
        )
    return Access(
        tls_verify=given.get("tls-verify"),
        cert_dir=given.get("cert-dir", ""),
        authfile=opts.authfile,
        compat_auth_file=opts.compat_auth_file,
        retry=0,
        environ=environment(ctx),
    )


def _patience(ctx: Context, given: Mapping[str, object]) -> tuple[int, float]:
    from .units import parse_duration

    retry, text = given.get("retry"), given.get("retry-delay")
    if retry is None or text is None:
        engine = ctx.settings.engine
        retry = engine.retry if retry is None else retry
        text = engine.retry_delay if text is None else text
    try:
        delay = parse_duration(str(text)) if text else 0.0
    except ValueError as error:
        raise UsageError(str(error)) from None
    return int(str(retry)), max(delay, 0.0)


def _creds(ctx: Context, text: str) -> str:
    from . import asking

    user, colon, password = text.partition(":")
    if not user:
        user = asking.line(ctx, "Username: ")
    if not colon:
        password = asking.password(ctx, "Password: ")
    return f"{user}:{password}"


def environment(ctx: Context) -> Mapping[str, str] | None:
    """The environment with what ``--config DIR`` says; ``None`` for the process's own.

    As with podman and docker that is the folder of a ``config.json`` with
    credentials; a file is a polypod.conf, which is none of our business.
    """
    from ..config.load import docker_config

    folder = docker_config(ctx.flags)
    return {**os.environ, "DOCKER_CONFIG": folder} if folder else None
