"""Docker's credential helpers: programs ``docker-credential-NAME`` that speak JSON."""

from __future__ import annotations

from ..errors import RegistryError
from ..kit.fastjson import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess

TIMEOUT = 60.0  # seconds: some ask the user
LIMIT = 1 << 20


def get(helper: str, server: str) -> tuple[str, str] | None:
    """User and secret for a server, ``None`` when the helper knows none."""
    code, output = _call(helper, "get", server)
    if code != 0:
        if "credentials not found" in output.lower() or "not found in native keychain" in output:
            return None
        raise RegistryError(f"docker-credential-{helper} get: {output or f'exit code {code}'}")
    document = _document(helper, output)
    username, secret = document.get("Username"), document.get("Secret")
    if not isinstance(username, str) or not isinstance(secret, str):
        raise RegistryError(f"docker-credential-{helper} get: its answer has no user and secret")
    return (username, secret) if username or secret else None


def store(helper: str, server: str, username: str, secret: str) -> None:
    """Keep credentials with a helper."""
    body = dumps({"ServerURL": server, "Username": username, "Secret": secret})
    code, output = _call(helper, "store", body)
    if code != 0:
        raise RegistryError(f"docker-credential-{helper} store: {output or f'exit code {code}'}")


def erase(helper: str, server: str) -> bool:
    """Forget credentials; returns whether the helper had any."""
    if get(helper, server) is None:
        return False
    code, output = _call(helper, "erase", server)
    if code != 0:
        raise RegistryError(f"docker-credential-{helper} erase: {output or f'exit code {code}'}")
    return True


def listed(helper: str) -> dict[str, str]:
    """Servers and users that a helper knows."""
    code, output = _call(helper, "list", "")
    if code != 0:
        raise RegistryError(f"docker-credential-{helper} list: {output or f'exit code {code}'}")
    return {key: value for key, value in _document(helper, output).items() if isinstance(value, str)}


def _document(helper: str, output: str) -> dict[str, object]:
    try:
        document = loads(output)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RegistryError(f"docker-credential-{helper}: its answer is not a JSON object")
    return document


def _call(helper: str, action: str, text: str) -> tuple[int, str]:
    """Run the helper; its exit code, and its output or what it complained about, in one line."""
    import subprocess

    if not helper or "/" in helper:
        raise RegistryError(f'invalid credential helper "{helper}"')
    program = f"docker-credential-{helper}"
    try:
        code, out, complaint = _run(program, action, text.encode())
    except FileNotFoundError as error:
        raise RegistryError(f"{program}: executable file not found in $PATH") from error
    except subprocess.TimeoutExpired as error:
        raise RegistryError(f"{program} {action}: no answer for {TIMEOUT:g} seconds") from error
    except OSError as error:
        raise RegistryError(f"{program}: {(error.strerror or str(error)).lower()}") from error
    output = out.decode("utf-8", "replace").strip()
    if code != 0:
        output = output or complaint[:4096].decode("utf-8", "replace").strip()
        output = " ".join(output.split())
    return code, output


def _run(program: str, action: str, data: bytes) -> tuple[int, bytes, bytes]:
    """Exit code, output and complaints of a program; never more of them than ``LIMIT``."""
    import os
    import subprocess
    import time

    given = os.memfd_create("polypod-credentials")
    try:
        os.write(given, data)
        os.lseek(given, 0, os.SEEK_SET)
        child = subprocess.Popen(
            [program, action], stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    finally:
        os.close(given)
    deadline = time.monotonic() + TIMEOUT
    with child:
        try:
            out, complaint = _outputs(child, program, deadline)
            code = child.wait(max(0.0, deadline - time.monotonic()))
        except BaseException:
            child.kill()
            raise
    return code, out, complaint


def _outputs(child: subprocess.Popen[bytes], program: str, deadline: float) -> tuple[bytes, bytes]:
    import os
    import selectors
    import subprocess
    import time

    assert child.stdout is not None and child.stderr is not None
    got = {child.stdout.fileno(): bytearray(), child.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as waiting:
        for fd in got:
            waiting.register(fd, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(program, TIMEOUT)
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                if not piece:
                    waiting.unregister(key.fd)
                got[key.fd] += piece
                if len(got[key.fd]) > LIMIT:
                    raise RegistryError(f"{program}: its answer is longer than {LIMIT} bytes")
    out, complaint = got.values()
    return bytes(out), bytes(complaint)
