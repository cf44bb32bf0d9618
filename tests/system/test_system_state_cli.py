"""``system migrate`` and ``system check`` as a user types them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


class Cli:
    """The program over roots of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        beside = os.path.join(os.path.dirname(sys.executable), "polypod")
        self.program = beside if os.path.exists(beside) else str(shutil.which("polypod"))

    def __call__(self, *words: str, code: int = 0) -> tuple[str, str]:
        roots = ("--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run")
        done = subprocess.run(
            [self.program, *roots, *words],
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout.strip(), done.stderr.strip()


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    if os.geteuid() != 0:
        pytest.skip("the storage driver needs root")
    return Cli(tmp_path)


def volumes(cli: Cli, *flags: str) -> list[str]:
    return cli(*flags, "volume", "ls", "-q")[0].splitlines()


def test_migrate_there_and_back(cli: Cli) -> None:
    for name in ("one", "two"):
        cli("volume", "create", name)
    out, _ = cli("system", "migrate", "--to", "kv")
    assert "from backend sqlite to kv" in out
    assert volumes(cli) == ["one", "two"]
    cli("volume", "rm", "one")
    assert volumes(cli, "--state-backend", "sqlite") == ["one", "two"]
    cli("system", "migrate", "--quiet", "--to", "json")
    assert volumes(cli) == ["two"]
    out, _ = cli("system", "migrate", "--to", "json")
    assert "already" in out
    cli("system", "migrate", "--to", "sqlite")
    assert volumes(cli) == ["two"]


def test_migrate_to_nowhere(cli: Cli) -> None:
    cli("volume", "create", "one")
    for words in (("--to", "nope"), ()):
        _, err = cli("system", "migrate", *words, code=125)
        assert "json, kv, sqlite" in err or "kv" in err
    assert volumes(cli) == ["one"]


def test_check_names_and_repairs(cli: Cli) -> None:
    for name in ("one", "victim", "two"):
        cli("--state-backend", "json", "volume", "create", name)
    (cli.folder / "root/polypod/backend").write_text("json\n")
    assert cli("system", "check") == ("", "")
    journal = cli.folder / "root/polypod/state.json.d/journal.jsonl"
    text = journal.read_text()
    at = text.index("victim", text.index('"record":"volume/victim"') + 30)
    journal.write_text(text[:at] + "V" + text[at + 1 :])
    out, err = cli("system", "check", code=125)
    assert out.startswith("damaged record volume/victim: ")
    assert "--repair" in err
    assert volumes(cli) == ["one", "two"]
    out, _ = cli("system", "check", "--repair")
    assert out.endswith("[repaired]")
    assert cli("system", "check") == ("", "")
    assert volumes(cli) == ["one", "two"]
