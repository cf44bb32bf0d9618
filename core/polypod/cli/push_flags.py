"""Flags of ``push`` and ``manifest push``, and the options that they make."""

from __future__ import annotations

from ..errors import PolypodError, UsageError
from .command import Flag
from .manifest_flags import INSECURE
from .registry_flags import AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY, access_of, retry_flags
from .signing import SIGN_FLAGS, sign_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.push_options import PushOptions
    from .context import Context
    from .parse import Options

_ALGORITHMS = "values:gzip,zstd,zstd:chunked"
_SHARED = (
    AUTHFILE,
    CERT_DIR,
    Flag("compression-format", type="string", usage="Compression format to use",
         complete=_ALGORITHMS),
    Flag("compression-level", type="int", usage="Compression level to use", complete="none"),
    CREDS,
    Flag("digestfile", type="string", complete="files",
         usage="Write the digest of the pushed image to the specified file"),
    Flag("force-compression",
         usage="Use the specified compression algorithm even if the destination contains a "
         "differently-compressed variant already"),
    Flag("quiet", "q", usage="Suppress output information when pushing images"),
    Flag("remove-signatures", usage="Discard any pre-existing signatures in the image"),
    *SIGN_FLAGS,
    TLS_VERIFY,
)  # fmt: skip
PUSH = (
    *_SHARED,
    Flag("compress",
         usage="Compress tarball image layers when pushing to a directory using the 'dir' "
         "transport. (default is same compression type as source)"),
    Flag("disable-content-trust", usage="This is a Docker specific option and is a NOOP"),
    Flag("encrypt-layer", type="slice", complete="none",
         usage="Layers to encrypt (encryption is not supported)"),
    Flag("encryption-key", type="array", complete="files",
         usage="Key with the encryption protocol to use (encryption is not supported)"),
    Flag("format", "f", type="string", complete="values:oci,v2s2",
         usage="Manifest type (oci or v2s2) to use in the destination (default is manifest type "
         "of source, with fallbacks)"),
    *retry_flags("push"),
    Flag("signature-policy", type="string", hidden=True),
)  # fmt: skip
MANIFEST_PUSH = (
    Flag("add-compression", type="slice", complete=_ALGORITHMS,
         usage="Add instances with selected compression while pushing"),
    Flag("all", default=True, usage="Also push the images in the list"),
    Flag("format", "f", type="string", complete="values:oci,v2s2",
         usage="Manifest type (oci or v2s2) to attempt to use when pushing the manifest list "
         "(default is manifest type of source)"),
    Flag("rm", usage="Remove the manifest list if push succeeds"),
    Flag("purge", "p", hidden=True, usage="Remove the local manifest list after push"),
    INSECURE,
    *_SHARED,
)  # fmt: skip


def options_of(ctx: Context, opts: Options) -> PushOptions:
    """The options of a push from its flags and from containers.conf."""
    from ..engine.push_options import PushOptions

    given = opts.given()
    if given.get("encryption-key") or given.get("encrypt-layer"):
        raise UsageError("encrypting images is not supported: leave out --encryption-key and --encrypt-layer")
    if opts.digestfile:
        _check_writable(opts.digestfile)
    if "purge" in given:
        opts.rm = given["purge"]
    engine = ctx.settings.engine
    compression = opts.compression_format or engine.compression_format
    level = given.get("compression-level", engine.compression_level)
    return PushOptions(
        access=access_of(ctx, opts),
        format=opts.format,
        compression=compression,
        level=level,
        # As podman: who names a format gets it, unless told otherwise.
        force=given.get("force-compression", "compression-format" in given),
        compress=given.get("compress", False),
        remove_signatures=opts.remove_signatures,
        sign=sign_options(ctx, opts),
        all=getattr(opts, "all", True),
        add_compression=tuple(given.get("add-compression", engine.add_compression)),
    )


def _check_writable(path: str) -> None:
    """A digest that cannot be written is found out before the push, not after it."""
    import os

    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise PolypodError(f"open {path}: no such file or directory")


def write_digest(path: str, digest: str) -> None:
    """Write the digest that ``--digestfile`` asked for, without a line end as podman does."""
    if not path:
        return
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(digest)
    except OSError as error:
        raise PolypodError(f"open {path}: {(error.strerror or '').lower()}") from None
