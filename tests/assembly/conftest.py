"""A laboratory: configuration, cache and plugins of its own, and commands run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

STATE = """
from polypod.spec.markers import hookimpl

class Driver:
    Config = None
    def __init__(self, *, config, root, run_root): self.config = config
    @hookimpl
    def state_get(self, bucket, keys): return {key: (b"v", 1) for key in keys}
    @hookimpl
    def state_list(self, bucket, prefix): return []
    @hookimpl
    def state_apply(self, operations, durable): return 1
    @hookimpl
    def state_check(self, repair): return []
    @hookimpl
    def state_info(self): return {"path": ""}
    @hookimpl
    def state_close(self): return True
"""


class Lab:
    """See the module's text. ``STATE`` is the code of a complete state driver."""

    STATE = STATE

    def __init__(self, root: Path) -> None:
        self.root = root
        self.site = root / "site"
        self.cache = root / "cache"
        self.site.mkdir()
        self.env = {
            **os.environ,
            "HOME": str(root),
            "XDG_CONFIG_HOME": str(root / "xdg"),
            "POLYPOD_CACHE_DIR": str(self.cache),
            "CONTAINERS_CONF": self.write("containers.conf", ""),
            "POLYPOD_CONF": self.write("polypod.conf", ""),
            "CONTAINERS_STORAGE_CONF": self.write(
                "storage.conf", f'[storage]\ngraphroot="{root}/graph"\nrunroot="{root}/run"\n'
            ),
            "PYTHONPATH": str(self.site),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, name: str, text: str) -> str:
        """Write a file below the laboratory's root."""
        path = self.root / name
        path.write_text(text)
        # Older than a clock tick, so that the next command may keep a snapshot.
        os.utime(path, ns=(1, hash(text) & 0xFFFFFFFF))
        return str(path)

    def install(
        self,
        group: str,
        name: str,
        code: str = STATE,
        *,
        package: str = "acme",
        version: str = "1.0",
        contract: str = "v1",
        attribute: str = "Driver",
    ) -> None:
        """Put a distribution with one plugin on the import path."""
        module = f"{package}_{group}_{name}"
        (self.site / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.site / f"{package}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        with open(info / "entry_points.txt", "a") as file:
            file.write(f"[polypod.{group}.{contract}]\n{name} = {module}:{attribute}\n")
        self.settle()

    def uninstall(self, package: str = "acme", version: str = "1.0") -> None:
        """Remove a distribution."""
        shutil.rmtree(self.site / f"{package}-{version}.dist-info")
        self.settle()

    def settle(self) -> None:
        """Date the site folder back, each time differently: see :meth:`write`."""
        self.ticks = getattr(self, "ticks", 0) + 1
        for path in (self.site, *self.site.glob("*.dist-info"), *self.site.glob("*/*.txt")):
            os.utime(path, ns=(self.ticks, self.ticks))

    def python(self, code: str, **env: str) -> Any:
        """Run code in a process of its own; returns what it assigns to ``result``."""
        script = textwrap.dedent(code) + "\nimport json; print(json.dumps(result))"
        done = subprocess.run(
            [sys.executable, "-P", "-c", script],
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def compose(self, **flags: Any) -> dict[str, Any]:
        """Put the engine together: what was chosen, the error, and the path taken."""
        return self.python(f"""
            import sys
            from polypod.assembly import compose
            from polypod.errors import PolypodError
            try:
                made = compose({flags!r})
                result = {{"chosen": made.chosen, "missing": made.missing, "error": "",
                    "entries": made.entries, "warnings": made.warnings,
                    "installed": made.installed, "origins": made.origins}}
            except PolypodError as error:
                result = {{"error": str(error), "code": error.exit_code,
                    "type": type(error).__name__}}
            result["slow"] = "pluggy" in sys.modules
            result["modules"] = sorted(sys.modules)
        """)

    def polypod(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "polypod", *args],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
