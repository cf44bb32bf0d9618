"""mounts.conf: copies of the administrator's files in every container."""

from __future__ import annotations

import json
import os

import pytest
from polypod.testing.box import IMAGE, CliBox


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        yield box


@pytest.fixture
def conf(box, tmp_path):
    os.makedirs(tmp_path / "secrets/deep")
    (tmp_path / "secrets/deep/key").write_text("k1")
    (tmp_path / "elsewhere").write_text("linked")
    os.symlink(tmp_path / "elsewhere", tmp_path / "secrets/link")
    os.chmod(tmp_path / "secrets/deep/key", 0o640)
    (tmp_path / "one").write_text("single")
    path = tmp_path / "mounts.conf"
    path.write_text(
        f"# a comment\n\n{tmp_path}/secrets:/run/secrets\n{tmp_path}/none:/none\n{tmp_path}/one:/etc/one\n"
    )
    return path


def run(box, conf, *words: str, code: int = 0) -> str:
    done = box.run("run", "--rm", "--network", "none", "--default-mounts-file", conf, *words, code=code)
    assert done.stderr == ""
    return done.stdout


def test_files_appear_and_the_hosts_stay_untouched(box, conf, tmp_path) -> None:
    script = "cat /run/secrets/deep/key /run/secrets/link /etc/one; stat -c %a /run/secrets/deep/key; echo x >/run/secrets/deep/key; ls /"
    out = run(box, conf, IMAGE, "sh", "-c", script)
    assert out.startswith("k1linkedsingle640\n")
    assert "none" not in out.split()
    assert (tmp_path / "secrets/deep/key").read_text() == "k1"


def test_a_users_own_mount_goes_first(box, conf, tmp_path) -> None:
    (tmp_path / "mine").mkdir()
    out = run(box, conf, "-v", f"{tmp_path}/mine:/run/secrets", IMAGE, "ls", "/run/secrets")
    assert out == ""


def test_they_survive_a_restart_and_are_no_volumes(box, conf, tmp_path) -> None:
    name = "again"
    flags = ("--default-mounts-file", conf)
    box("create", "--name", name, "--network", "none", *flags, IMAGE, "cat", "/etc/one")
    assert json.loads(box("container", "inspect", name))[0]["Mounts"] == []
    for _ in range(2):
        assert box(*flags, "start", "-a", name) == "single"
    box("rm", name)


@pytest.mark.parametrize("text", [None, "", "nonsense\n", "/tmp/bogus-polypod\n"])
def test_a_file_that_says_nothing(box, tmp_path, text) -> None:
    path = tmp_path / "other.conf"
    if text is not None:
        path.write_text(text)
    assert run(box, path, IMAGE, "echo", "fine") == "fine\n"
