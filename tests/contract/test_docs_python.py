"""The Python examples of the documentation run, on roots of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polypod
import pytest
from polypod.testing.images import make_busybox_image
from polypod.testing.peers import unmount_below

PAGE = Path(__file__).parents[2] / "docs/howto/python.md"


@pytest.fixture
def roots(tmp_path_factory):
    base = tmp_path_factory.mktemp("docs")
    (base / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{base}/root"\nrunroot = "{base}/run"\n'
    )
    with polypod.Engine(root=str(base / "root"), runroot=str(base / "run")) as engine:
        make_busybox_image(engine.runtime)
    yield base
    unmount_below(base)


def test_the_examples_run_one_after_the_other(roots, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) >= 5
    script = roots / "examples.py"
    script.write_text("\n\n".join(blocks))
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(roots / "storage.conf"))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "stdout b'out\\n'" in done.stdout
