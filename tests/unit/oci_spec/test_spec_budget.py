"""Generating a spec is on the way of every run: it imports little and takes little time."""

from __future__ import annotations

import os
import subprocess
import sys

import polypod

SCRIPT = """
import sys, time
sys.path[:0] = [CORE]
from polypod.engine import etc_files
from polypod.engine.init_binary import init_binary
from polypod.engine.namespaces import joined_paths
from polypod.engine.resolve_container import resolve_container
from polypod.engine.resolve_workdir import ensure_workdir
from polypod.kit import fastjson
from polypod.model.container import ContainerCreate, ImageSource, NetworkOptions, Process
from polypod.model.settings import Settings
from polypod.oci.host_facts import HostFacts
from polypod.oci.runtime_spec import generate, user_database

request = ContainerCreate(
    process=Process(command=("true",)), network=NetworkOptions(mode="none")
)
times = []
for _ in range(9):
    started = time.perf_counter()
    facts = HostFacts()
    container = resolve_container(
        request, id="a" * 64, name="x", image=ImageSource(id="b" * 64), image_config={},
        settings=Settings(), facts=facts, bundle=DIR, run_dir=DIR,
    )
    database = user_database(container, DIR)
    user = database.resolve("")
    ensure_workdir(container, DIR, user)
    binds = etc_files.prepare(
        container, Settings(), facts, rootfs=DIR, database=database, user=user,
        engine_version="1",
    )
    etc_files.write_network_files(container, Settings(), rootfs=DIR)
    fastjson.dumps(
        generate(container, DIR, facts, Settings(), binds=binds, database=database, user=user)
    )
    times.append(time.perf_counter() - started)
print(min(times), *sys.modules)
"""

# What a bare interpreter and the hot path's own list bring.
BANNED = frozenset(
    (
        "argparse",
        "collections",
        "contextlib",
        "ctypes",
        "dataclasses",
        "datetime",
        "enum",
        "functools",
        "hashlib",
        "json",
        "logging",
        "msgspec",
        "pathlib",
        "pluggy",
        "re",
        "shutil",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "typing",
    )
)


def test_imports_and_time(tmp_path):
    core = os.path.dirname(os.path.dirname(polypod.__file__))
    script = SCRIPT.replace("CORE", repr(core)).replace("DIR", repr(str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    seconds, *modules = done.stdout.split()
    assert not BANNED & set(modules)
    # 0.6 ms here; the bound is wide, because others use the machine too.
    assert float(seconds) < 0.004
