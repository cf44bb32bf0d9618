"""Core and each plugin are distributions of their own, and the whole is the sum of them.

Wheels are built from copies of the folders with pip, offline, and installed into
virtual environments that see the dependencies of the running one through links.
"""

from __future__ import annotations

import configparser
import fcntl
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
CORE = TREE / "core"
EXAMPLE = TREE / "docs/plugins/example"
PLUGINS = sorted(path.parent for path in (TREE / "plugins").glob("*/setup.cfg"))


def config(folder: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(folder / "setup.cfg")
    return parser


def lines(parser: configparser.ConfigParser, section: str, key: str) -> list[str]:
    return [line.strip() for line in parser.get(section, key, fallback="").split("\n") if line]


def entry_points(parser: configparser.ConfigParser) -> dict[str, dict[str, str]]:
    section = "options.entry_points"
    return {
        group: dict((part.strip() for part in line.split("=", 1)) for line in lines(parser, section, group))
        for group in (parser.options(section) if parser.has_section(section) else ())
    }


def requirements(parser: configparser.ConfigParser) -> set[str]:
    return {line for line in lines(parser, "options", "install_requires") if line != "polypod-core"}


def packages_below(folder: Path) -> set[str]:
    return {
        ".".join(path.parent.relative_to(folder).parts)
        for path in folder.rglob("__init__.py")
        if not {"tests", "build"} & set(path.relative_to(folder).parts)
    }


def test_root_has_the_entry_points_of_the_parts() -> None:
    parts: dict[str, dict[str, str]] = {}
    for folder in PLUGINS:
        for group, points in entry_points(config(folder)).items():
            parts.setdefault(group, {}).update(points)
    assert entry_points(config(TREE)) == parts


def test_root_has_the_packages_and_requirements_of_the_parts() -> None:
    root = config(TREE)
    parts = [config(folder) for folder in (CORE, *PLUGINS)]
    packages = {name for part in parts for name in lines(part, "options", "packages")}
    assert set(lines(root, "options", "packages")) == packages
    assert requirements(root) == set().union(*map(requirements, parts))
    for section in ("options.package_data",):
        data = {key: value for part in parts if section in part for key, value in part[section].items()}
        assert dict(root[section]) == data


@pytest.mark.parametrize("folder", [CORE, *PLUGINS], ids=lambda path: path.name)
def test_each_part_is_complete(folder: Path) -> None:
    part = config(folder)
    assert set(lines(part, "options", "packages")) == packages_below(folder)
    assert (folder / "README.md").is_file()
    assert (folder / "pyproject.toml").read_text() == (CORE / "pyproject.toml").read_text()
    assert part["options"]["python_requires"] == config(TREE)["options"]["python_requires"]
    if folder != CORE:
        assert part["metadata"]["name"] == "polypod-" + folder.name.replace("_", "-")
        assert "polypod-core" in lines(part, "options", "install_requires")
        assert entry_points(part), "a plugin without an entry point"


# -- wheels ------------------------------------------------------------------------------------


def needs_builder() -> None:
    try:
        version = metadata.version("setuptools")
    except metadata.PackageNotFoundError:
        version = "0"
    if int(version.partition(".")[0]) < 71:
        pytest.skip("setuptools >= 71 is not installed: no wheels can be built offline")


def run(*argv: object, **options: object) -> str:
    done = subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload]
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def pip(*argv: object) -> None:
    run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *argv)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of core, each plugin and the example, built once a test run."""
    needs_builder()
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    out = base / "polypod-wheels"
    with open(base / "polypod-wheels.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            sources = base / "polypod-sources"
            ignore = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", "tests", ".*")
            for folder in (CORE, *PLUGINS, EXAMPLE):
                shutil.copytree(folder, sources / folder.name, ignore=ignore)
            pip(
                "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", base / "draft",
                *sorted(sources.iterdir()),
            )  # fmt: skip
            (base / "draft").rename(out)
            shutil.rmtree(sources)
    return out


def wheel(wheels: Path, name: str) -> Path:
    [found] = wheels.glob(f"{name.replace('-', '_')}-*.whl")
    return found


def link_dependencies(site: Path) -> None:
    """Everything but polypod that the running interpreter has installed."""
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("polypod", "__editable__")) and entry.suffix != ".pth":
            (site / entry.name).symlink_to(entry)


class Venv:
    """A virtual environment with an own configuration, cache and store."""

    def __init__(self, root: Path) -> None:
        self.root = root
        run(sys.executable, "-m", "venv", "--without-pip", root / "venv")
        self.python = root / "venv/bin/python"
        [self.site] = (root / "venv/lib").glob("python*/site-packages")
        link_dependencies(self.site)
        (root / "storage.conf").write_text(f'[storage]\ngraphroot="{root}/graph"\nrunroot="{root}/run"\n')
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "POLYPOD_CACHE_DIR": str(root / "cache"),
            "CONTAINERS_STORAGE_CONF": str(root / "storage.conf"),
        }

    def install(self, *wheels: Path) -> None:
        pip("--python", self.python, "install", "--no-deps", "--no-index", *wheels)

    def uninstall(self, name: str) -> None:
        pip("--python", self.python, "uninstall", "--yes", name)

    def polypod(self, *argv: str, before: tuple[str, ...] = ()) -> str:
        return run(*before, self.root / "venv/bin/polypod", *argv, env=self.env)

    def plugins(self, **options: tuple[str, ...]) -> dict[str, dict[str, str]]:
        found = json.loads(self.polypod("plugin", "ls", "--format", "json", **options))
        return {f"{one['Group']}.{one['Name']}": one for one in found}


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    # A path with a space: the launcher must not mind.
    root = tmp_path / "a host"
    root.mkdir()
    return Venv(root)


@pytest.mark.parametrize("folder", PLUGINS, ids=lambda path: path.name)
def test_each_plugin_works_with_core_alone(folder: Path, wheels: Path, venv: Venv) -> None:
    for name in ("polypod-core", config(folder)["metadata"]["name"]):
        zipfile.ZipFile(wheel(wheels, name)).extractall(venv.site)  # pip does it slower
    argv = (venv.python, "-P", "-m", "polypod", "plugin", "ls", "--format", "json")
    found = json.loads(run(*argv, env=venv.env))
    expected = [
        (group.split(".")[1], name)
        for group, points in entry_points(config(folder)).items()
        for name in points
    ]
    assert [(one["Group"], one["Name"]) for one in found] == expected
    assert all(one["Status"] in ("active", "available", "unavailable") for one in found), found


def test_installing_removing_and_upgrading_is_noticed(wheels: Path, venv: Venv) -> None:
    venv.install(wheel(wheels, "polypod-core"), wheel(wheels, "polypod-state-sqlite"))
    assert set(venv.plugins()) == {"state.sqlite"}
    script = (
        "import sys; from polypod.assembly import compose; made = compose({});"
        "print(made.installed['state'], made.describe('state'), 'pluggy' in sys.modules)"
    )

    def compose() -> str:
        return run(venv.python, "-P", "-c", script, env=venv.env).strip()

    compose()
    assert compose() == "['sqlite'] sqlite (polypod-state-sqlite 0.1.0) False"
    venv.install(wheel(wheels, "polypod-state-json"))
    assert compose() == "['json', 'sqlite'] sqlite (polypod-state-sqlite 0.1.0) True"
    venv.uninstall("polypod-state-json")
    assert compose().startswith("['sqlite'] ")
    # The same plugin in a newer version, as an upgrade leaves it.
    [old] = venv.site.glob("polypod_state_sqlite-*.dist-info")
    text = (old / "METADATA").read_text().replace("Version: 0.1.0", "Version: 0.2.0")
    (old / "METADATA").write_text(text)
    old.rename(old.with_name("polypod_state_sqlite-0.2.0.dist-info"))
    assert compose() == "['sqlite'] sqlite (polypod-state-sqlite 0.2.0) True"


def unshare_works() -> bool:
    return os.geteuid() == 0 and shutil.which("unshare") is not None


@pytest.mark.skipif(not unshare_works(), reason="needs root and unshare, to lay files over /usr/share")
def test_core_and_two_plugins_with_vendor_defaults(wheels: Path, venv: Venv) -> None:
    """What a distribution that splits polypod ships: see docs/howto/packaging.md."""
    parts = ("polypod-core", "polypod-state-json", "polypod-runtime-runc")
    venv.install(*(wheel(wheels, name) for name in parts))
    share = venv.root / "share"
    (share / "polypod").mkdir(parents=True)
    (share / "containers").mkdir()
    (share / "polypod/polypod.conf").write_text('# vendor\nstate_backend = "json"\n')
    (share / "containers/containers.conf").write_text('[engine]\nruntime = "runc"\n')
    script = venv.root / "with-vendor-files"
    # The host's /usr/share in a mount namespace of its own, with the vendor's files in it.
    script.write_text(
        "#!/bin/sh\nset -e\nmount -t tmpfs none /mnt\nmkdir /mnt/upper /mnt/work\n"
        f"cp -r '{share}/.' /mnt/upper\n"
        "mount -t overlay none -o lowerdir=/usr/share,upperdir=/mnt/upper,workdir=/mnt/work"
        ' /usr/share\nexec "$@"\n'
    )
    script.chmod(0o755)
    before = ("unshare", "--mount", str(script))
    plugins = venv.plugins(before=before)
    assert {name: one["Status"] for name, one in plugins.items()} == {
        "state.json": "active",
        "runtime.runc": "active",
    }
    assert plugins["state.json"]["ChosenBy"] == "/usr/share/polypod/polypod.conf:2"
    assert plugins["runtime.runc"]["ChosenBy"] == "/usr/share/containers/containers.conf:2"
    # A command that needs no other group works; one that does says what is missing.
    done = subprocess.run(
        [*before, venv.root / "venv/bin/polypod", "container", "exists", "nope"],
        env=venv.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")


def test_the_third_party_example(wheels: Path, venv: Venv) -> None:
    parts = ("polypod-core", "polypod-example", "polypod-runtime-crun", "polypod-storage-vfs")
    venv.install(*(wheel(wheels, name) for name in parts))
    (venv.root / "polypod.conf").write_text(
        f'state_backend = "lines"\n[plugin.observer.audit]\npath = "{venv.root}/audit"\n'
    )
    venv.env["POLYPOD_CONF"] = str(venv.root / "polypod.conf")
    plugins = venv.plugins()
    for name in ("state.lines", "observer.audit"):
        assert plugins[name]["Status"] == "active"
        assert plugins[name]["Distribution"] == "polypod-example"
    venv.polypod("volume", "create", "data")
    assert (venv.root / "graph/polypod/state.lines").read_text().startswith("polypod-lines 1 ")
    assert "data" in venv.polypod("volume", "ls", "--quiet")
    event = json.loads((venv.root / "audit").read_text().splitlines()[0])
    assert (event["type"], event["status"], event["name"]) == ("volume", "create", "data")


def test_the_installed_example_passes_the_conformance_suite(wheels: Path, venv: Venv) -> None:
    venv.install(*(wheel(wheels, name) for name in ("polypod-core", "polypod-example")))
    argv = ("-m", "pytest", "--import-mode=importlib", "-p", "no:cacheprovider", EXAMPLE / "tests")
    output = run(venv.python, *argv, "-o", "addopts=", cwd=venv.root, env=venv.env)
    assert " passed" in output
