"""The start cache gives what Python's own import would give, or steps aside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
sys.path.append({site!r})
from polypod import startcache
startcache.install()
import subject
print(subject.VALUE, subject.__file__, type(subject.__spec__.loader).__name__)
startcache.keep()
"""


@pytest.fixture
def place(tmp_path):
    import polypod

    site = tmp_path / "site"
    site.mkdir()
    (site / "polypod").symlink_to(Path(polypod.__file__).parent)
    (site / "subject.py").write_text("VALUE = 1\n")
    return tmp_path


def start(place, **env):
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT.format(site=str(place / "site"))],
        env={"POLYPOD_CACHE_DIR": str(place / "cache"), "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def cache_file(place):
    [found] = (place / "cache").glob("code-*")
    return found


def test_the_second_start_takes_the_module_from_the_cache(place):
    path = str(place / "site/subject.py")
    assert start(place) == ["1", path, "SourceFileLoader"]
    assert start(place) == ["1", path, "StartCache"]
    assert cache_file(place).stat().st_mode & 0o777 == 0o600


def test_a_changed_source_is_noticed(place):
    start(place)
    (place / "site/subject.py").write_text("VALUE = 22\n")
    assert start(place)[0] == "22"
    assert start(place)[2] == "StartCache"


@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: b"", lambda data: b"\xff" * 200])
def test_a_damaged_file_is_not_read(place, damage):
    start(place)
    file = cache_file(place)
    file.write_bytes(damage(file.read_bytes()))
    assert start(place)[0] == "1"
    assert start(place)[2] == "StartCache"


def test_a_file_that_others_can_write_is_not_read(place):
    start(place)
    cache_file(place).chmod(0o666)
    assert start(place)[2] == "SourceFileLoader"


def test_it_can_be_switched_off(place):
    start(place)
    assert start(place, POLYPOD_START_CACHE="0")[2] == "SourceFileLoader"


def test_an_old_installations_cache_is_forgotten(place):
    (place / "cache").mkdir()
    old = place / "cache/code-0-0"
    old.write_bytes(b"")
    os.utime(old, (1, 1))
    start(place)
    assert not old.exists()


LISTS = """
import os, sys
sys.path.insert(0, {site!r})
from polypod import startcache
sys.path.append(sys.path.pop(0))
startcache.install()
listed = []
sys.addaudithook(lambda event, args: listed.append(args) if event == "os.listdir" else None)
import __future__, {module}
print(len(listed), {module}.__file__, __import__("sys").modules[{module!r}].__spec__.origin)
startcache.keep()
"""


def test_a_c_module_is_found_without_listing_a_folder(place):
    import _json as module  # has a shared library of its own in most builds

    if not hasattr(module, "__file__"):
        pytest.skip("this Python has _json built in")
    script = LISTS.format(site=str(place / "site"), module="_json")
    env = {"POLYPOD_CACHE_DIR": str(place / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-I", "-S", "-c", script]
    first, second = (
        subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    )
    assert first[1:] == second[1:] == [module.__file__, module.__file__]
    assert int(first[0]) > 0
    assert int(second[0]) == 0
