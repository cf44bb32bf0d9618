"""The composition snapshot: used when it is true, and only then."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Lab

COSTLY = {
    "stevedore", "pluggy", "msgspec", "tomllib", "importlib.metadata", "re", "json", "typing",
    "enum", "functools", "collections", "contextlib", "dataclasses", "pathlib", "subprocess",
    "socket", "threading", "tempfile", "shutil", "logging", "argparse", "datetime", "hashlib",
    "ctypes",
}  # fmt: skip


def test_second_start_takes_the_hot_path_and_chooses_the_same(lab: Lab) -> None:
    first, second = lab.compose(), lab.compose()
    assert (first["error"], first["slow"], second["slow"]) == ("", True, False)
    keys = ("chosen", "entries", "missing", "installed", "origins")
    assert {key: first[key] for key in keys} == {key: second[key] for key in keys}


def test_hot_path_imports_nothing_costly(lab: Lab) -> None:
    code = """
        import sys
        before = set(sys.modules)
        from polypod.assembly import compose
        compose({})
        result = sorted(set(sys.modules) - before)
    """
    lab.python(code)
    assert COSTLY.isdisjoint(lab.python(code))


def test_hot_path_is_quick(lab: Lab) -> None:
    code = """
        import time
        from polypod.assembly import compose
        from polypod.assembly import composition, snapshot
        from polypod.model import settings
        def once():
            start = time.perf_counter()
            compose({})
            return time.perf_counter() - start
        result = min(once() for _ in range(9))
    """
    lab.python(code)
    # 0.2 ms on an idle host; the bound only catches a slow path taken by mistake.
    assert lab.python(code) < 0.005


def test_snapshot_equals_live_discovery(lab: Lab) -> None:
    lab.install("state", "extra")
    lab.install("observer", "watcher", "class Driver:\n    pass\n", package="other")
    lab.compose()
    hot = lab.compose()
    live = lab.python("""
        from stevedore import ExtensionManager
        result = {}
        for group in ("state", "runtime", "network", "storage", "monitor", "observer", "command"):
            manager = ExtensionManager(f"polypod.{group}.v1",
                on_load_failure_callback=lambda *_: None)
            result[group] = {point.name: point.value for point in manager.list_entry_points()}
    """)
    assert not hot["slow"]
    assert hot["installed"] == {group: sorted(names) for group, names in live.items()}
    for key, entry in hot["entries"].items():
        group, name = key.split(".")
        assert live[group][name] == entry["target"]


@pytest.mark.parametrize("change", ["install", "remove", "upgrade", "edit"])
def test_a_change_of_plugins_is_noticed_by_the_next_command(lab: Lab, change: str) -> None:
    lab.install("state", "extra")
    lab.compose(state_backend="extra")
    before = lab.compose(state_backend="extra")
    assert not before["slow"]
    if change == "install":
        lab.install("state", "more", package="other")
        after = lab.compose(state_backend="extra")
        assert "more" in after["installed"]["state"]
    elif change == "remove":
        lab.uninstall()
        after = lab.compose(state_backend="extra")
        assert "'extra' (asked for by flag --state-backend) is not installed" in after["error"]
    elif change == "upgrade":
        lab.uninstall()
        lab.install("state", "extra", version="2.0")
        after = lab.compose(state_backend="extra")
        assert after["entries"]["state.extra"]["version"] == "2.0"
    else:  # as an editable install would be changed: entry_points.txt in place
        lab.install("state", "second")
        after = lab.compose(state_backend="extra")
        assert "second" in after["installed"]["state"]
    assert after["slow"]


def test_a_change_of_configuration_is_noticed(lab: Lab) -> None:
    lab.install("state", "extra")
    lab.compose()
    assert not lab.compose()["slow"]
    lab.write("polypod.conf", 'state_backend="extra"\n')
    assert lab.compose()["chosen"]["state"] == "extra"
    assert not lab.compose()["slow"]
    # Files that were absent: a drop-in, and what a migration leaves behind.
    (lab.root / "graph/polypod").mkdir(parents=True)
    (lab.root / "graph/polypod/backend").write_text("kv\n")
    assert lab.compose()["chosen"]["state"] == "kv"


def test_flags_and_environment_have_snapshots_of_their_own(lab: Lab) -> None:
    lab.compose()
    assert lab.compose(root=str(lab.root / "elsewhere"))["slow"]
    assert not lab.compose()["slow"]
    lab.env["STORAGE_DRIVER"] = "overlay"
    assert lab.compose()["slow"]


@pytest.mark.parametrize("harm", ["empty", "torn", "garbage", "foreign", "readable", "link"])
def test_a_snapshot_that_cannot_be_trusted_is_not_read(lab: Lab, harm: str) -> None:
    lab.compose()
    [path] = lab.cache.iterdir()
    data = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert lab.cache.stat().st_mode & 0o777 == 0o700
    if harm == "empty":
        path.write_bytes(b"")
    elif harm == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif harm == "garbage":
        path.write_bytes(os.urandom(len(data)))
    elif harm == "foreign":
        if os.geteuid():
            pytest.skip("only root can give a file away")
        os.chown(path, 65534, 65534)
    elif harm == "readable":
        path.chmod(0o644)
    else:
        path.rename(lab.root / "real")
        path.symlink_to(lab.root / "real")
    again = lab.compose()
    assert (again["slow"], again["error"]) == (True, "")
    assert not lab.compose()["slow"], "the slow path did not mend it"


def test_no_cache_directory_costs_time_only(lab: Lab) -> None:
    lab.cache.write_text("not a directory")
    assert lab.compose()["error"] == ""
    assert lab.compose()["slow"]


def test_old_snapshots_are_removed(lab: Lab) -> None:
    lab.compose()
    for number in range(80):
        (lab.cache / f"{number:08x}.snapshot").write_bytes(b"")
    lab.compose(root=str(lab.root / "x"))
    assert len(list(lab.cache.iterdir())) <= 64


def test_a_plugin_used_later_is_kept_too(lab: Lab) -> None:
    code = """
        import sys
        from polypod.assembly import compose
        made = compose({})
        made.state_named("extra", "/nowhere", "/nowhere")
        result = "pluggy" in sys.modules
    """
    lab.install("state", "extra")
    lab.compose()
    assert lab.python(code)
    assert not lab.python(code)


def test_site_folders_are_found_without_site(lab: Lab) -> None:
    """The launcher starts with -I -S: a .pth file's folder is still looked into."""
    lab.install("state", "extra")
    script = lab.root / "start.py"
    script.write_text(
        "import sys; sys.path += sys.argv[1].split(':')\n"
        "from polypod.assembly import compose\n"
        "made = compose({'state_backend': 'extra'})\n"
        "driver = made.state('/r', '/r')\n"
        "print(driver.plugin, 'pluggy' in sys.modules)\n"
    )
    import subprocess

    import polypod

    core = os.path.dirname(os.path.dirname(polypod.__file__))
    plugins = [entry for entry in sys.path if "site-packages" in entry or "/plugins/" in entry]
    argv = [sys.executable, "-I", "-S", str(script), ":".join([core, *plugins])]
    outputs = [subprocess.check_output(argv, env=lab.env, text=True) for _ in range(3)]
    # The first import writes __pycache__ into the site folder, which the second start notices.
    assert outputs[0] == "state backend 'extra' of acme 1.0 True\n"
    assert outputs[2] == "state backend 'extra' of acme 1.0 False\n"
