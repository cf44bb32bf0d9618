"""What went wrong on the wire, in the words that podman's users know."""

from __future__ import annotations

from ..errors import RegistryDenied, RegistryError, RegistryNotFound
from ..kit.fastjson import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .transport import Response

ERROR_LIMIT = 64 << 10
STALLED = "the server stopped answering"

_CERTIFICATE = (
    ("self-signed", "x509: certificate signed by unknown authority"),
    ("self signed", "x509: certificate signed by unknown authority"),
    ("unable to get local issuer", "x509: certificate signed by unknown authority"),
    ("unable to get issuer", "x509: certificate signed by unknown authority"),
    ("expired", "x509: certificate has expired or is not yet valid"),
    ("not yet valid", "x509: certificate has expired or is not yet valid"),
    ("mismatch", "x509: certificate is not valid for {host}"),
    ("doesn't match", "x509: certificate is not valid for {host}"),
)


# The registry's own words for these codes say all: podman leaves the code out.
_USUAL = {
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "NAME_UNKNOWN": "repository name not known to registry",
    "NAME_INVALID": "invalid repository name",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "UNSUPPORTED": "The operation is unsupported.",
    "TOOMANYREQUESTS": "too many requests",
}


def explain(error: BaseException, method: str, url: str) -> tuple[str, bool]:
    """The reason of a failed request, and whether trying again may help."""
    import urllib3.exceptions as faults
    from urllib3.util import parse_url

    parsed = parse_url(url)
    host = parsed.host or ""
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    # What follows the question mark may be a signature that lets anybody in.
    start = f'{method.capitalize()} "{url.partition("?")[0]}": '
    if isinstance(error, faults.ProxyError):
        return f"{start}proxyconnect: {reason_of(error)}", True
    if isinstance(error, faults.SSLError):
        return start + _tls(str(error), host), False
    if isinstance(error, faults.NameResolutionError):
        # EAI_AGAIN: whoever should know did not answer. Else the name is wrong, or there is no network.
        again = "Temporary failure" in str(error)
        reason = "temporary failure in name resolution" if again else "no such host"
        return f"{start}dial tcp: lookup {host}: {reason}", again
    if isinstance(error, faults.ConnectTimeoutError):
        refused = isinstance(error, faults.NewConnectionError)
        reason = f"connect: {reason_of(error)}" if refused else "i/o timeout"
        return f"{start}dial tcp {host}:{port}: {reason}", True
    if isinstance(error, faults.ReadTimeoutError):
        return start + STALLED, True
    if isinstance(error, (faults.LocationParseError, faults.URLSchemeUnknown)):
        return f"{start}invalid URL", False
    return start + reason_of(error), True


def _tls(text: str, host: str) -> str:
    if "WRONG_VERSION_NUMBER" in text or "record layer failure" in text:
        return (
            "http: server gave HTTP response to HTTPS client; if it is meant to have no TLS, "
            "use --tls-verify=false or insecure = true in registries.conf"
        )
    for mark, meaning in _CERTIFICATE:
        if mark in text.lower():
            return f"tls: failed to verify certificate: {meaning.format(host=host)}"
    return f"tls: {text.partition('] ')[2].partition(' (_ssl')[0] or text}"


def reason_of(error: BaseException) -> str:
    """The reason at the bottom of a chain of exceptions."""
    found: BaseException = error
    while True:
        inner = found.__cause__ or found.__context__
        for argument in found.args:
            if isinstance(argument, BaseException):
                inner = argument
        if inner is None or inner is found:
            break
        found = inner
        if isinstance(found, TimeoutError) and not found.strerror:
            return STALLED
        if isinstance(found, OSError) and found.strerror:
            return found.strerror.lower()
    text = str(found) or type(found).__name__
    if "IncompleteRead" in text or "IncompleteRead" in type(found).__name__:
        return "unexpected EOF"
    if "without response" in text:
        return "EOF"
    return text


def message(body: bytes) -> str:
    """The first error that a registry's answer lists, "" when there is none."""
    try:
        document: Any = loads(body)
    except ValueError:
        return ""
    if not isinstance(document, dict):
        return ""
    errors = document.get("errors")
    if isinstance(errors, dict):
        errors = [errors]
    if isinstance(errors, list) and errors:
        return _one(errors[0])
    for key in ("details", "message", "error_description", "error"):
        if isinstance(document.get(key), str):
            return _line(document[key])
    return ""


def _one(error: Any) -> str:
    if not isinstance(error, dict):
        return ""
    name = _line(error.get("code") or "")
    code = name.lower().replace("_", " ")
    text = _line(error.get("message") or "")
    if not text or text.lower() == code:
        return code
    if not code or text == _USUAL.get(name.upper()):
        return text
    return f"{code}: {text}"


def _line(text: object) -> str:
    return " ".join(str(text).split())[:512]


def failure(response: Response, doing: str) -> RegistryError:
    """The error for an answer that was not wanted; reads and ends the answer.

    ``doing`` says what was tried, as in ``reading manifest latest in host/name``.
    """
    from .transport import read_start

    body = read_start(response, ERROR_LIMIT)
    said = message(body)
    status = response.status
    if status == 429:
        said = f"toomanyrequests: {said}" if said and "toomanyrequests" not in said else said
    if not said and status == 401:
        said = _USUAL["UNAUTHORIZED"]
    if not said and body and status < 500:
        # A page of some other server: its beginning tells which.
        text = _line(body.decode("utf-8", "replace"))
        said = f'StatusCode: {status}, "{text[:50]}{"..." * (len(text) > 50)}"'
    if said in ("", "unknown"):
        said = f"received unexpected HTTP status: {status} {_reason(status)}".rstrip()
    kind: type[RegistryError] = RegistryError
    if status in (401, 403):
        kind = RegistryDenied
    elif status == 404:
        kind = RegistryNotFound
    return kind(f"{doing}: {said}" if doing else said)


def _reason(status: int) -> str:
    from http.client import responses

    return responses.get(status, "")
