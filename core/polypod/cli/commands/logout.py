"""``logout``: forget the credentials for a registry."""

from __future__ import annotations

from ...errors import RegistryError, UsageError
from ..command import Command, Flag
from ..registry_flags import AUTHFILE, COMPAT_AUTH_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Remove what the auth file or a credential helper holds."""
    from ...registry import auth, conf, login
    from ..pulling import check_authfile
    from ..registry_flags import login_access

    for path in (opts.authfile, opts.compat_auth_file):
        if path:
            check_authfile(path)
    access = login_access(ctx, opts)
    registries = conf.load(access.registries_conf)
    if opts.all:
        if args:
            raise UsageError("--all takes no arguments")
        login.forget_all(access, registries)
        ctx.out("Removed login credentials for all registries")
        return 0
    key, _ = login.split_key(args[0] if args else login.default_registry(registries))
    try:
        found = login.forget(key, access, registries)
    except RegistryError as error:
        raise RegistryError(f'logging out of "{key}": {error}') from error
    if found:
        ctx.out(f"Removed login credentials for {key}")
        return 0
    if auth.lookup(key, access, registries) is not None:
        ctx.out(
            f"Not logged into {key} with current tool. Existing credentials were established via "
            "docker login. Please use docker logout instead."
        )
        return 0
    raise UsageError(f"not logged into {key}")


COMMAND = Command(
    path="logout",
    summary="Log out of a container registry",
    usage="[options] [REGISTRY]",
    long="Removes the user and password that are kept for a registry.",
    flags=(
        Flag("all", "a", usage="Remove the cached credentials for all registries in the auth file"),
        AUTHFILE,
        COMPAT_AUTH_FILE,
    ),
    examples=("logout quay.io", "logout --authfile dir/auth.json quay.io", "logout --all"),
    max_args=1,
    complete_args="registries",
    run=run,
)
