"""Of a damaged image only the bad layers are fetched again, whatever the damage is."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from polypod.testing.box import IMAGE, CliBox
from polypod.testing.registry import Registry

PLAIN = "--tls-verify=false"


class Store:
    """A box with an image of three layers, pulled from a registry. ``layers`` are their IDs, lowest first."""

    def __init__(self, box: CliBox, registry: Registry) -> None:
        self.box = box
        self.root = Path(box.folder, "root")
        self.name = f"{registry.host}/t/img:1"
        source = IMAGE
        for number in (1, 2):
            command = f"echo {number} > /file{number}"
            box("run", "--name", "c", "--network", "none", source, "sh", "-c", command)
            box("commit", "-q", "c", self.name)
            box("rm", "c")
            source = self.name
        box("push", "-q", PLAIN, self.name)
        box("save", "-q", "-o", f"{box.folder}/img.tar", self.name)
        box("rmi", "-a", "-f")
        box("pull", "-q", PLAIN, self.name)
        table = self.table()
        found, parent = [], ""
        while len(found) < len(table):
            [parent] = [layer["id"] for layer in table if layer.get("parent", "") == parent]
            found.append(parent)
        self.layers = found

    def table(self) -> list[dict[str, str]]:
        records: list[dict[str, str]] = json.loads((self.root / "overlay-layers/layers.json").read_text())
        return records

    def diff(self, number: int) -> Path:
        return self.root / "overlay" / self.layers[number] / "diff"

    def fetched(self, *words: str) -> list[int]:
        """Pull (or load) again; the layers that were copied."""
        lines = self.box.run(*(words or ("pull", PLAIN, self.name))).stderr.splitlines()
        copied = [line for line in lines if line.startswith("Copying blob")]
        assert len(copied) == 3
        return [number for number, line in enumerate(copied) if "skipped" not in line]

    def runs(self) -> str:
        return self.box("run", "--rm", "--network", "none", self.name, "cat", "/file1", "/file2")


@pytest.fixture
def store() -> Iterator[Store]:
    with Registry() as registry, CliBox() as box:
        yield Store(box, registry)


def no_diff(store: Store) -> None:
    shutil.rmtree(store.diff(1))


def no_files(store: Store) -> None:
    shutil.rmtree(store.diff(1).parent)


def no_record(store: Store) -> None:
    rest = [layer for layer in store.table() if layer["id"] != store.layers[1]]
    (store.root / "overlay-layers/layers.json").write_text(json.dumps(rest))


def other_content(store: Store) -> None:
    (store.diff(1) / "file1").write_text("X\n")


def a_file_too_many(store: Store) -> None:
    (store.diff(1) / "extra").write_text("X\n")


def split_of(store: Store) -> Path:
    return store.root / f"overlay-layers/{store.layers[1]}.tar-split.gz"


def no_gzip(store: Store) -> None:
    data = split_of(store).read_bytes()
    split_of(store).write_bytes(data[:20] + b"garbage" + data[27:])


def no_end(store: Store) -> None:
    split_of(store).write_bytes(split_of(store).read_bytes()[:-20])


def other_lines(store: Store) -> None:
    split_of(store).write_bytes(gzip.compress(b'{"a":1}\n[]\n'))


DAMAGES = [no_diff, no_files, no_record, other_content, a_file_too_many, no_gzip, no_end, other_lines]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("how", ["pull", "load"])
def test_only_the_bad_layer(store: Store, damage: Callable[[Store], None], how: str) -> None:
    damage(store)
    assert store.layers[1] in store.box.run("system", "check", code=125).stdout
    words = ("load", "-i", f"{store.box.folder}/img.tar") if how == "load" else ()
    assert store.fetched(*words) == [1]
    assert store.box("system", "check", "-m", "0") == ""
    assert store.runs() == "1\n2\n"
    assert not (store.diff(1) / "extra").exists()
    assert store.fetched(*words) == []


def test_nothing_is_pulled_away_under_a_running_container(store: Store) -> None:
    flags = ("-d", "--name", "c", "--network", "none")
    store.box("run", *flags, store.name, "sleep", "100")
    a_file_too_many(store)
    store.box.run("system", "check", code=125)
    assert store.fetched() == []
    assert store.box("exec", "c", "cat", "/file1") == "1\n"
    store.box("rm", "-f", "-t0", "c")
    assert store.fetched() == [1]


def test_what_a_layer_stands_on_is_rebuilt(store: Store) -> None:
    """Links lost for good: without l/NAME and link file nothing on disk tells the name any more."""
    directory = store.diff(1).parent
    os.unlink(store.root / "overlay/l" / (directory / "link").read_text())
    os.unlink(directory / "link")
    out = store.box.run("system", "check", code=125).stdout
    assert store.layers[1] in out
    done = store.box.run("system", "check", "--repair")
    assert "[repaired]" in done.stdout
    assert "Deleted" not in done.stdout
    assert store.box("system", "check") == ""
    assert store.runs() == "1\n2\n"
