"""The bench measures what the project promises, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "tests" / "bench"

# Section 9 of the issue that set the targets; they may get stricter, never laxer.
TARGETS = {
    "ps": 0.6, "ps-many": 0.15, "inspect": 0.7, "version": 0.6, "run": 0.4, "run-bridge": 0.7,
    "exec": 0.35, "create": 0.7, "start": 0.5, "run-32": 0.5, "load": 0.7, "in-process": 0.3,
}  # fmt: skip

# Section 4 of the issue about images.
IMAGE_TARGETS = {
    "pull-gzip": 0.6, "pull-zstd": 0.8, "pull-small": 0.7, "push-gzip": 0.8, "load-image": 0.8,
    "save-docker-archive": 0.8, "commit": 0.8, "images-table": 0.5, "rmi": 0.5,
}  # fmt: skip


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> object:
    """A loader of the bench's modules, which lie beside its script."""
    monkeypatch.syspath_prepend(str(BENCH))
    return import_module


def _modules(load: object, *names: str) -> list[ModuleType]:
    assert callable(load)
    return [load(name) for name in names]


def test_every_promised_ratio_is_measured(bench: object) -> None:
    (cases,) = _modules(bench, "cases")
    found = {case.name: case.target for case in cases.CASES}
    assert found.keys() == TARGETS.keys()
    assert all(found[name] <= target for name, target in TARGETS.items())
    backends = {(case.backend, case.peer) for case in cases.BACKEND_CASES}
    assert backends == {(b, c) for b in ("kv", "sqlite", "json") for c in ("ps", "run", "create")}


def test_an_unknown_case_is_named(bench: object) -> None:
    (selection,) = _modules(bench, "selection")
    with pytest.raises(ValueError, match="no case named nosuch; there are: containers images ps "):
        selection.choose("ps,nosuch")


def test_a_group_means_all_of_its_cases(bench: object) -> None:
    cases, images, selection = _modules(bench, "cases", "cases_images", "selection")
    assert selection.choose("") == (cases.ALL, images.CASES)
    assert selection.choose("images") == ((), images.CASES)
    containers, rest = selection.choose("containers,rmi")
    assert containers == cases.ALL
    assert [case.name for case in rest] == ["rmi"]


def test_every_promised_ratio_of_images_is_measured(bench: object) -> None:
    (cases,) = _modules(bench, "cases_images")
    found = {case.name: case.target for case in cases.CASES}
    assert all(found[name] <= target for name, target in IMAGE_TARGETS.items())
    assert "pull-crowd" in found
    names = [case.name for case in cases.CASES if case.skopeo]
    assert {name for name in IMAGE_TARGETS if name.startswith(("pull", "push", "load", "save"))} <= set(names)


def test_the_material_is_the_same_each_time(bench: object, tmp_path: Path) -> None:
    (material,) = _modules(bench, "material_images")
    digests = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        material.main(str(folder), "4", "20", "50", *material.PARTS)
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".tar")
        digests.append([(path.relative_to(folder), path.read_bytes()) for path in files])
        packed = sum(path.stat().st_size for path in (folder / "oci" / "blobs").rglob("*"))
        assert packed > 1_000_000
    assert digests[0] == digests[1]


def test_the_table_tells_ratio_and_verdict(bench: object) -> None:
    measure, report = _modules(bench, "measure", "report")
    samples = {
        ("ps", "polypod"): [measure.Sample(0.010, 0.1)] * 3,
        ("ps", "podman"): [measure.Sample(0.020, 0.1)] * 3,
        ("run", "polypod"): [measure.Sample(0.090, 0.2), measure.Sample(0.110, 0.2)],
        ("run", "podman"): [measure.Sample(0.200, 0.4)],
    }
    rows = report.main_table(samples, {"many": "1,000", "size": "300"})
    assert rows[2] == (
        "| `ps`, no container | 10.0 (10.0-10.0) | 20.0 (20.0-20.0) | 0.50 | 0.6 | yes |"
    )
    assert rows[3].endswith("| 100 (92-108) | 200 (200-200) | 0.50 | 0.4 | **no** |")
    assert report.cpu_table(samples, {})[2].endswith("| 200 | 400 | 0.50 |")


def test_the_page_has_every_case(bench: object) -> None:
    (cases,) = _modules(bench, "cases")
    page = (ROOT / "docs" / "reference" / "benchmarks.md").read_text()
    for case in cases.ALL:
        words = {"many": "1,000", "size": "300"}
        assert f"| {case.label.format_map(words)} |" in page, case.name
    (images,) = _modules(bench, "cases_images")
    words = {
        "megabytes": "500", "images": "1,000", "hundred": "100", "files": "100,000", "changed": "200",
    }  # fmt: skip
    _, heading, section = page.partition("\n## Images\n")
    assert heading
    for case in images.CASES:
        # Times and costs on a tmpfs, and the same on a disk.
        rows = section.count(f"\n| {case.label.format_map(words)} |")
        assert rows == (4 if case.disk else 2), case.name
    assert re.search(r"^\| (kernel|podman|crun|conmon|Python) \| \S", page, re.MULTILINE)


needs_peers = pytest.mark.skipif(
    os.geteuid() != 0
    or shutil.which("podman") is None
    or not Path(sys.executable).with_name("polypod").exists(),
    reason="needs root, podman and an installed polypod",
)


def _command(out: Path, *args: str) -> list[str]:
    return [sys.executable, str(BENCH / "run.py"), "--quick", "--out", str(out), *args]


def _mounts() -> set[str]:
    return {line for line in Path("/proc/mounts").read_text().splitlines() if "bench" in line}


@needs_peers
def test_a_quick_run_writes_a_page_and_leaves_nothing(tmp_path: Path) -> None:
    args = ("--only", "version,run", "--rounds", "1", "--store", "tmpfs")
    before = _mounts()
    done = subprocess.run(
        _command(tmp_path / "page.md", *args), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| `version` |" in (tmp_path / "page.md").read_text()
    assert _mounts() <= before


@needs_peers
@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_a_quick_run_measures_images_on_tmpfs_and_disk(tmp_path: Path) -> None:
    page, disk = tmp_path / "page.md", tmp_path / "disk"
    disk.mkdir()
    before = _mounts()
    page.write_text("# Kept\n")
    args = ("--only", "load-image,commit,rmi,images-table", "--rounds", "1", "--disk", str(disk))
    done = subprocess.run(_command(page, *args), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("# Kept\n")
    assert text.count("| `commit` of a 12 MB change |") == 4  # times and costs, on tmpfs and disk
    assert re.search(r"^\| `images`, 100 images \| \d+(\.\d)? ", text, re.MULTILINE)
    assert _mounts() <= before
    assert not list(disk.iterdir())


@needs_peers
def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    stores.mkdir()
    with subprocess.Popen(
        # A store on the file system below is removed too. The session gets Ctrl-C as a terminal's.
        _command(tmp_path / "page.md", "--only", "version", "--rounds", "100000",
                 "--store", str(stores)),
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            if "round 1 of" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130, said
    assert not list(stores.iterdir())
    assert not _processes_naming(str(stores))


def _processes_naming(text: str) -> list[str]:
    deadline = time.monotonic() + 10
    while True:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                line = (entry / "cmdline").read_text() if entry.name.isdigit() else ""
            except (OSError, UnicodeDecodeError):
                continue
            if text in line:
                found.append(line)
        if not found or time.monotonic() > deadline:
            return found
        os.sched_yield()
