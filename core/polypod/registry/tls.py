"""TLS: the system's authorities, and certs.d folders for one registry (containers-certs.d(5))."""

from __future__ import annotations

import os

from ..errors import RegistryError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from .access import Access

SYSTEM_FOLDERS = ("/etc/containers/certs.d", "/etc/docker/certs.d")


def folders(domain: str, access: Access) -> list[str]:
    """The folders with certificates for a registry (``host[:port]``), the first that exists.

    A ``--cert-dir`` stands alone; else the user's folder, then the system's, then Docker's.
    """
    if access.cert_dir:
        return [access.cert_dir]
    env = access.env
    home = env.get("XDG_CONFIG_HOME") or os.path.join(env.get("HOME") or "/root", ".config")
    places = [os.path.join(home, "containers/certs.d"), *SYSTEM_FOLDERS]
    for place in places:
        folder = os.path.join(place, domain)
        if os.path.isdir(folder):
            return [folder]
    return []


def context(domain: str, access: Access, verify: bool) -> ssl.SSLContext:
    """What a connection to the registry trusts and shows of itself.

    Raises ``RegistryError`` when a certificate of a certs.d folder is of no use.
    """
    import ssl

    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if verify:
        # Reads a folder of hashed certificates when one is asked for, not all of them now.
        made.set_default_verify_paths()
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    for folder in folders(domain, access):
        _add(made, folder, access)
    return made


def _add(made: ssl.SSLContext, folder: str, access: Access) -> None:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        if access.cert_dir and not isinstance(error, FileNotFoundError):
            raise RegistryError(
                f"reading certificates in {folder}: {(error.strerror or '').lower()}"
            ) from error
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".crt"):
            _load(path, made.load_verify_locations, path)
        elif name.endswith(".cert"):
            key = name.removesuffix(".cert") + ".key"
            if key not in names:
                raise RegistryError(
                    f"missing key {key} for client certificate {name} in {folder}; "
                    "note that CA certificates should use the extension .crt"
                )
            _load(path, made.load_cert_chain, path, os.path.join(folder, key))
        elif name.endswith(".key") and name.removesuffix(".key") + ".cert" not in names:
            raise RegistryError(
                f"missing client certificate {name.removesuffix('.key')}.cert for key {name} "
                f"in {folder}"
            )


def _load(path: str, load: object, *arguments: str) -> None:
    import ssl

    try:
        load(*arguments)  # type: ignore[operator]
    except ssl.SSLError as error:
        raise RegistryError(
            f"{path} is not a certificate in PEM form: {error.reason or error}"
        ) from error
    except OSError as error:
        raise RegistryError(f"reading {path}: {(error.strerror or str(error)).lower()}") from error
