"""``login``: try credentials at a registry and keep them."""

from __future__ import annotations

from ...errors import RegistryDenied, RegistryError, UsageError
from ..command import Command, Flag
from ..registry_flags import AUTHFILE, CERT_DIR, COMPAT_AUTH_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...registry.access import Access
    from ...registry.auth import Credentials
    from ...registry.conf import Registries
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Ask for what is missing, check it, store it."""
    from ...registry import auth, conf, login
    from ..registry_flags import login_access

    password = _secret(opts) if opts.secret else opts.password
    access = login_access(ctx, opts)
    registries = conf.load(access.registries_conf)
    key, registry = login.split_key(args[0] if args else login.default_registry(registries))
    try:
        kept = auth.lookup(key, access, registries)
    except RegistryError as error:
        raise RegistryError(f"get credentials: {error}") from error
    if opts.get_login:
        if kept is None or not kept.username:
            raise UsageError(f"not logged into {key}")
        ctx.out(kept.username)
        return 0
    if kept is not None and kept.identity_token:
        raise UsageError("currently logged in, auth file contains an Identity token")
    password = _password(opts, password)
    if not opts.username and not password and kept is not None and kept.password:
        ctx.out(f"Authenticating with existing credentials for {key}")
        if _accepted(registry, kept, access, registries):
            ctx.out(f"Existing credentials are valid. Already logged in to {registry}")
            return 0
        ctx.out("Existing credentials are invalid, please enter valid username and password")
    credentials = _ask(ctx, opts.username, password, kept)
    try:
        login.check(registry, credentials, access, registries)
    except RegistryDenied:
        raise RegistryDenied(f'logging into "{key}": invalid username/password') from None
    except RegistryError as error:
        raise RegistryError(f'authenticating creds for "{key}": {error}') from error
    where = login.store(key, credentials, access, registries)
    if opts.verbose:
        ctx.out(f"Used:  {where}")
    ctx.out("Login Succeeded!")
    return 0


def _secret(opts: Options) -> str:
    if opts.password:
        raise UsageError("--secret can not be used with --password options")
    raise UsageError(
        f'no secret with name or id "{opts.secret}": no such secret; there are no secrets yet, '
        "use --password-stdin"
    )


def _password(opts: Options, password: str) -> str:
    """The password of the flags or of standard input, "" where it has to be asked for."""
    if not opts.password_stdin:
        return password
    if password:
        raise UsageError("can't specify both --password-stdin and --password")
    if not opts.username:
        raise UsageError("must provide --username with --password-stdin")
    import sys

    return "".join(sys.stdin.read(1 << 20).splitlines())


def _accepted(
    registry: str, kept: Credentials, access: Access, registries: Registries
) -> bool:
    from ...kit import log
    from ...registry import login

    try:
        login.check(registry, kept, access, registries)
    except RegistryError as error:
        log.debug(f"existing credentials for {registry}: {error}")
        return False
    return True


def _ask(ctx: Context, username: str, password: str, kept: Credentials | None) -> Credentials:
    from ...registry.auth import Credentials
    from .. import asking

    if not username:
        before = kept.username if kept is not None else ""
        username = asking.line(ctx, f"Username ({before}): " if before else "Username: ") or before
    if not password:
        password = asking.password(ctx, "Password: ")
    return Credentials(username=username.strip(), password=password)


COMMAND = Command(
    path="login",
    summary="Log in to a container registry",
    usage="[options] [REGISTRY]",
    long="Checks user and password at a registry and keeps them in an auth file. Without\n"
    "  REGISTRY the first of the unqualified-search registries is meant; a name space may follow\n"
    "  the registry.",
    flags=(
        AUTHFILE,
        CERT_DIR,
        COMPAT_AUTH_FILE,
        Flag("get-login", usage="Return the current login user for the registry"),
        Flag("password", "p", "string", usage="Password for registry", complete="none"),
        Flag("password-stdin", usage="Take the password from stdin"),
        Flag("secret", type="string", usage="Retrieve password from a podman secret",
             complete="none"),
        Flag("tls-verify",
             usage="Require HTTPS and verify certificates when contacting registries"),
        Flag("username", "u", "string", usage="Username for registry", complete="none"),
        Flag("verbose", "v", usage="Write more detailed information to stdout"),
    ),
    examples=("login quay.io", "login -u USER --password-stdin quay.io < FILE",
              "login --authfile dir/auth.json quay.io"),
    max_args=1,
    complete_args="registries",
    run=run,
)  # fmt: skip
