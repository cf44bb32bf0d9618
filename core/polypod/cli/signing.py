"""Flags of the commands that sign what they push, and the :class:`SignOptions` that they make."""

from __future__ import annotations

from ..errors import ConfigError, UsageError
from .command import Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.sign import SignOptions
    from .context import Context
    from .parse import Options

SIGN_FLAGS = (
    Flag("sign-by", type="string", complete="none",
         usage="Add a signature at the destination using the specified key"),
    Flag("sign-by-sigstore", type="string", metavar="PATH", complete="files",
         usage="Sign the image using a sigstore parameter file at PATH"),
    Flag("sign-by-sigstore-private-key", type="string", metavar="PATH", complete="files",
         usage="Sign the image using a sigstore private key at PATH"),
    Flag("sign-by-sq-fingerprint", type="string", metavar="FINGERPRINT", complete="none",
         usage="Sign the image using a Sequoia-PGP key with the specified FINGERPRINT"),
    Flag("sign-passphrase-file", type="string", metavar="PATH", complete="files",
         usage="Read a passphrase for signing an image from PATH"),
)  # fmt: skip
_PARAMETERS = ("privateKeyFile", "privateKeyPassphraseFile")


def sign_options(ctx: Context, opts: Options) -> SignOptions:
    """With what to sign; asks at the terminal for the passphrase of a sigstore key without a file.

    Raises ``UsageError`` or ``ConfigError`` for what does not go together or cannot be read.
    """
    from ..engine.sign import SignOptions

    if opts.sign_by_sq_fingerprint:
        raise UsageError(
            "--sign-by-sq-fingerprint is not supported: use --sign-by with a key of gpg's key ring"
        )
    if opts.sign_by_sigstore and opts.sign_by_sigstore_private_key:
        raise UsageError("only one of --sign-by-sigstore and --sign-by-sigstore-private-key can be used")
    key, file = opts.sign_by_sigstore_private_key, opts.sign_passphrase_file
    if file and opts.sign_by and key:
        raise UsageError(
            "only one of --sign-by and --sign-by-sigstore-private-key can be used with "
            "--sign-passphrase-file"
        )
    key_file = file
    if opts.sign_by_sigstore:
        key, key_file = _parameters(opts.sign_by_sigstore)
    passphrase = ""
    if key:
        passphrase = _first_line(key_file) if key_file else _asked(ctx, key)
    return SignOptions(
        sign_by=opts.sign_by,
        passphrase=_first_line(file) if file and opts.sign_by else None,
        sigstore_key=key,
        sigstore_passphrase=passphrase,
    )


def _first_line(path: str) -> str:
    """The first line of a passphrase file, as gpg reads it."""
    try:
        with open(path, "rb") as file:
            return file.readline(1 << 16).removesuffix(b"\n").decode("utf-8", "surrogateescape")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"reading passphrase file: open {path}: {reason}") from None


def _asked(ctx: Context, key: str) -> str:
    import os

    from . import asking

    if not os.isatty(0):
        raise UsageError(f"{key} needs a passphrase: give --sign-passphrase-file")
    return asking.password(ctx, f"Passphrase for key {key}: ")


def _parameters(path: str) -> tuple[str, str]:
    """Key and passphrase file of a parameter file, containers-sigstore-signing-params.yaml(5)."""
    import yaml

    try:
        with open(path, "rb") as file:
            document = yaml.safe_load(file.read(1 << 20))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"reading sigstore parameters: open {path}: {reason}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"parsing {path}: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"parsing {path}: not a mapping")
    for name in document:
        if name not in _PARAMETERS:
            known = name in ("fulcio", "rekorURL")
            reason = "is not supported; sign with privateKeyFile" if known else "is not known"
            raise ConfigError(f"{path}: {name} {reason}")
    key, passphrase = (document.get(name) or "" for name in _PARAMETERS)
    if not (isinstance(key, str) and isinstance(passphrase, str) and key):
        raise ConfigError(f"{path}: privateKeyFile must be the path of a private key")
    return key, passphrase
