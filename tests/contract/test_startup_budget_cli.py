"""The start-up budget: what the hot commands may import, so that it cannot grow unseen.

``python -I -S`` starts in 6 ms and podman answers in 18; each module below costs
between half a millisecond and fifty.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polypod
import pytest
from polypod.cli.tree import TREE

BANNED = frozenset((
    "argparse", "asyncio", "boltons", "collections", "contextlib", "ctypes", "dataclasses",
    "datetime", "decimal", "email", "enum", "functools", "gotpl", "hashlib", "http",
    "importlib.metadata", "inspect", "json", "logging", "msgspec", "pathlib", "pkgutil", "pluggy",
    "random", "re", "shutil", "socket", "ssl", "stevedore", "subprocess", "tempfile", "threading",
    "tokenize", "traceback", "typing", "typing_extensions", "urllib", "uuid", "warnings", "weakref",
))  # fmt: skip

SOURCE = str(Path(polypod.__file__).parent.parent)

# The commands whose time is in the benchmarks, and the cleanup that conmon calls.
HOT = (
    "attach", "container cleanup", "container exists", "container inspect", "create", "exec",
    "inspect", "kill", "ps", "rm", "run", "start", "stop", "version", "wait",
)  # fmt: skip

_RUN = """
import os, sys
sys.path.append({source!r})
leave = os._exit
def tell(code):
    os.write(2, b"\\0" + "\\n".join(sys.modules).encode())
    leave(code)
os._exit = tell
sys.argv = ["polypod", *{args!r}]
from polypod.cli.main import main
main()
"""


def modules_after(code: str) -> set[str]:
    """Return the modules that a bare interpreter has imported after ``code``."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert "\0" in done.stderr, done.stderr
    return set(done.stderr.rpartition("\0")[2].split())


def banned(modules: set[str]) -> list[str]:
    return sorted(modules & BANNED)


@pytest.mark.parametrize(
    "args",
    [
        ["version"],
        ["version", "--format", "{{.Client.Version}}"],
        ["--log-level=error", "version"],
        ["-v"],
        ["--nope"],
        ["run", "--help"],
    ],
)
def test_command_lines(args: list[str]) -> None:
    found = modules_after(_RUN.format(source=SOURCE, args=args))
    assert "polypod.cli.main" in found
    assert banned(found) == []


@pytest.mark.parametrize("path", HOT)
def test_modules_of_hot_commands(path: str) -> None:
    """Importing the command and all that it imports at module level."""
    module = f"polypod.cli.commands.{TREE[path][0]}"
    import_module(module)  # a missing one fails here, in its own words
    code = (
        f"import sys; sys.path.append({SOURCE!r}); import polypod.cli.main, {module}, os; "
        "os.write(2, b'\\0' + '\\n'.join(sys.modules).encode())"
    )
    assert banned(modules_after(code)) == []


def test_only_the_called_command_is_imported() -> None:
    found = modules_after(_RUN.format(source=SOURCE, args=["version"]))
    commands = {name for name in found if name.startswith("polypod.cli.commands.")}
    assert commands == {"polypod.cli.commands.version"}
    assert not {"polypod.cli.help", "polypod.cli.globals", "polypod.cli.render"} & found


def test_parsing_a_long_run_line() -> None:
    args = ["run", "-d", "--rm", "--name", "x", "-e", "A=b", "-v", "/a:/b", "--memory=1g", "--bad"]
    found = modules_after(_RUN.format(source=SOURCE, args=args))
    assert banned(found) == []


# The launcher as installed, with ``os._exit`` telling what was imported.
_LAUNCH = """
import os, sys
leave = os._exit
def tell(code):
    os.write(2, b"\\0" + "\\n".join(sys.modules).encode())
    leave(code)
os._exit = tell
sys.argv = [{launcher!r}, "polypod", *{args!r}]
exec(compile(open({launcher!r}).read(), {launcher!r}, "exec"))
"""


class Installed:
    """The installed program over a store of its own."""

    def __init__(self, root: Path) -> None:
        self.launcher = Path(sys.prefix) / "bin" / "polypod"
        self.roots = ["--root", str(root / "root"), "--runroot", str(root / "run")]

    def run(self, *args: str) -> str:
        done = subprocess.run(
            [str(self.launcher), *self.roots, *args], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def modules(self, *args: str) -> set[str]:
        """What a second call of the command imports, beyond what ``site`` alone does."""
        code = _LAUNCH.format(launcher=str(self.launcher), args=[*self.roots, *args])
        return modules_after(code) - self.baseline()

    def baseline(self) -> set[str]:
        """Where polypod is found by a .pth file only, the other .pth files run too."""
        site = Path(sys.prefix) / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
        if (site / "site-packages" / "polypod").exists():
            return set()
        code = "import sys, os, site; os.write(2, b'\\0' + '\\n'.join(sys.modules).encode())"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return set(done.stderr.rpartition("\0")[2].split())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """polypod with an image, on root's rights."""
    made = Installed(tmp_path_factory.mktemp("budget"))
    if os.geteuid() or not made.launcher.exists() or not shutil.which("conmon"):
        pytest.skip("needs root, conmon, and polypod installed")
    from polypod.testing import busybox

    tar = tmp_path_factory.mktemp("image") / "busybox.tar"
    try:
        busybox.find_busybox()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    subprocess.run([sys.executable, "-m", "polypod.testing.busybox", str(tar)], check=True)
    made.run("import", str(tar), "bb")
    yield made
    made.run("rm", "-fa", "-t", "0")


def test_lists_and_inspects(installed: Installed) -> None:
    installed.run("create", "--name", "seen", "--network", "none", "bb", "true")
    for args in (["ps", "-a"], ["ps", "-a", "--format", "{{.Names}}"], ["inspect", "seen"]):
        installed.run(*args)
        found = installed.modules(*args)
        if args[0] == "ps":
            assert banned(found) == [], args
        assert not {"stevedore", "pluggy", "msgspec", "re", "typing"} & found, args


def test_an_empty_list_needs_no_locks_and_no_models(tmp_path: Path) -> None:
    empty = Installed(tmp_path)
    if os.geteuid() or not empty.launcher.exists():
        pytest.skip("needs root, and polypod installed")
    empty.run("ps")
    found = empty.modules("ps")
    assert not {"fcntl", "zlib", "polypod.model.container", "polypod.store.store"} & found


def test_running_containers(installed: Installed) -> None:
    for args in (
        ["run", "--rm", "--network", "none", "bb", "true"],
        ["create", "--network", "none", "bb", "true"],
        ["run", "-d", "--name", "long", "--network", "none", "bb", "sleep", "1000"],
        ["exec", "long", "true"],
        ["stop", "-t", "0", "long"],
        ["rm", "long"],
    ):
        if args[0] in ("run", "create") and "--name" not in args:
            installed.run(*args)
        assert banned(installed.modules(*args)) == [], args
