"""Flags that the ``manifest`` commands and ``push`` share, and what they mean."""

from __future__ import annotations

from ..errors import UsageError
from .command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.manifests_add import Marks
    from ..registry.access import Access
    from .parse import Options

AUTHFILE = Flag(
    "authfile", type="string", complete="files",
    usage="Path of the authentication file. Use REGISTRY_AUTH_FILE environment variable to override",
)  # fmt: skip
CERT_DIR = Flag(
    "cert-dir", type="string", complete="dirs",
    usage="Path to a directory containing TLS certificates and keys",
)  # fmt: skip
CREDS = Flag(
    "creds", type="string", metavar="[username[:password]]", complete="none",
    usage="Credentials (USERNAME:PASSWORD) to use for authenticating to a registry",
)  # fmt: skip
INSECURE = Flag(
    "insecure", hidden=True,
    usage="Neither require HTTPS nor verify certificates when accessing the registry",
)  # fmt: skip
TLS_VERIFY = Flag(
    "tls-verify", default=True,
    usage="Require HTTPS and verify certificates when accessing the registry",
)  # fmt: skip
PLATFORM = (
    Flag("annotation", type="array", complete="none",
         usage="Set an annotation for the specified image"),
    Flag("arch", type="string", aliases=("override-arch",), complete="none",
         usage="Override the architecture of the specified image"),
    Flag("features", type="slice", complete="none",
         usage="Override the features of the specified image"),
    Flag("os", type="string", aliases=("override-os",), complete="none",
         usage="Override the OS of the specified image"),
    Flag("os-version", type="string", complete="none",
         usage="Override the OS version of the specified image"),
    Flag("variant", type="string", aliases=("override-variant",), complete="none",
         usage="Override the Variant of the specified image"),
)  # fmt: skip


def access_of(opts: Options, *, retry: int = 3, retry_delay: float = 0.0) -> Access:
    """How registries are to be reached, from the flags that a command has."""
    from ..registry.access import Access
    from .pulling import check_authfile

    given = opts.given()
    if "authfile" in given:
        check_authfile(given["authfile"])
    verify: bool | None = given.get("tls-verify")
    if "insecure" in given:
        if verify is not None:
            raise UsageError("--insecure may not be used with --tls-verify")
        verify = not given["insecure"]
    return Access(
        tls_verify=verify,
        cert_dir=given.get("cert-dir", ""),
        creds=given.get("creds", ""),
        authfile=given.get("authfile", ""),
        retry=retry,
        retry_delay=retry_delay,
    )


def pairs(values: Sequence[str], wording: str) -> dict[str, str]:
    """``key=value`` texts as a dict; ``wording`` is the error for one without "=", with ``{}``."""
    found = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(wording.format(text))
        found[key] = value
    return found


def marks_of(opts: Options, os_features: Sequence[str] = ()) -> Marks:
    """What to write on an instance."""
    from ..engine.manifests_add import Marks

    return Marks(
        annotations=pairs(opts.annotation, 'no value given for annotation "{}"'),
        arch=opts.arch,
        os=opts.os,
        variant=opts.variant,
        os_version=opts.os_version,
        os_features=os_features,
        features=opts.features,
    )
