"""How a user wants registries to be reached: one value from the command line to the socket."""

from __future__ import annotations

import os

from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_DELAY = 60.0  # seconds between two tries, whatever a server or a doubling asks for


class Access(Struct):
    """Flags that concern registries, each with the meaning of podman-pull(1).

    ``tls_verify`` is ``None`` where nobody said so: then registries.conf decides.
    ``creds`` is ``user[:password]``. ``compat_auth_file`` is an ``authfile`` in Docker's format.
    ``retry`` counts the tries after the first;
    ``retry_delay`` is in seconds, 0 for one that doubles from one second on.
    ``timeout`` is how long a read may stand still, ``connect_timeout`` how long a
    connection may take, both in seconds. ``environ`` replaces the process's environment.
    """

    tls_verify: bool | None = None
    cert_dir: str = ""
    creds: str = ""
    authfile: str = ""
    compat_auth_file: str = ""
    retry: int = 3
    retry_delay: float = 0.0
    registries_conf: str = ""
    timeout: float = 60.0
    connect_timeout: float = 30.0
    environ: Mapping[str, str] | None = None

    @property
    def env(self) -> Mapping[str, str]:
        """The environment that counts."""
        return os.environ if self.environ is None else self.environ

    def delay(self, attempt: int, asked: float = 0.0) -> float:
        """Seconds to wait before try ``attempt`` (1 is the first repeat).

        ``asked`` is what the server wants (Retry-After), honoured up to a minute.
        """
        wanted = self.retry_delay or float(2 ** min(attempt - 1, 6))
        return min(max(wanted, asked), MAX_DELAY)


def duration_text(seconds: float) -> str:
    """Seconds as Go prints a duration: ``5s``, ``500ms``, ``1m0s``."""
    if seconds and seconds < 1:
        return f"{round(seconds * 1000):d}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
