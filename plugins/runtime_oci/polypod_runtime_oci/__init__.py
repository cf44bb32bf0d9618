"""Any OCI runtime with the usual command line, by its path."""

from __future__ import annotations

from polypod.errors import DriverUnavailable
from polypod.kit.oci_cli import OCIRuntimeCLI


class OCI(OCIRuntimeCLI):
    """Runtime driver ``oci``: whatever binary ``engine.runtimes`` or ``--runtime`` names."""

    def find(self, path: str) -> str:
        """See the base; there is no name to look for."""
        if not path:
            raise DriverUnavailable(
                "the OCI runtime has no path: name it in engine.runtimes of containers.conf,"
                " or give --runtime /path/to/binary"
            )
        return super().find(path)


__all__ = ["OCI"]
