"""The artifact commands as a user types them; podman's e2e tests ask for these words."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from polypod.testing.box import CliBox
from polypod.testing.peers import need, run
from polypod.testing.program import Program

TITLE = "org.opencontainers.image.title"
CREATED = "org.opencontainers.image.created"
NAME = "localhost/test/artifact1"


@pytest.fixture
def cli() -> Iterator[Program]:
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Program(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "one.txt"
    path.write_text("first\n")
    return path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    path = tmp_path / "two.bin"
    path.write_bytes(b"\0" * 8192)
    return path


def inspect(cli: Program, name: str = NAME) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("artifact", "inspect", name))
    return found


def test_add_and_inspect(cli: Program, one: Path, two: Path) -> None:
    digest = cli("artifact", "add", "--type", "octet/foo", NAME, one, two).strip()
    assert re.fullmatch("[0-9a-f]{64}", digest)
    text = cli("artifact", "inspect", digest[:12])
    assert text.startswith('{\n     "Name": "localhost/test/artifact1:latest",\n     "Manifest": {\n')
    found = json.loads(text)
    assert found["Digest"] == f"sha256:{digest}"
    manifest = found["Manifest"]
    assert manifest["artifactType"] == "octet/foo"
    assert manifest["config"]["data"] == "e30="
    assert [layer["annotations"] for layer in manifest["layers"]] == [
        {TITLE: "one.txt"}, {TITLE: "two.bin"},
    ]  # fmt: skip
    kinds = [layer["mediaType"] for layer in manifest["layers"]]
    assert kinds == ["text/plain; charset=utf-8", "application/octet-stream"]
    template = '{{.Name}} {{.TotalSizeBytes}} {{len .Manifest.Layers}} {{index .Manifest.Annotations "%s"}}'
    words = cli("artifact", "inspect", "--format", template % CREATED, NAME).split()
    assert words == [f"{NAME}:latest", "8198", "2", manifest["annotations"][CREATED]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", words[3])


def test_add_says_what_podman_says(cli: Program, one: Path, two: Path) -> None:
    cli("artifact", "add", NAME, one)
    exists = f"Error: {NAME}:latest: artifact already exists"
    assert cli.fails(125, "artifact", "add", NAME, two) == exists
    taken = "Error: one.txt: file already exists in artifact"
    assert cli.fails(125, "artifact", "add", "--append", NAME, one) == taken
    assert cli.fails(125, "artifact", "add", "localhost/x", one, one) == taken
    both = "Error: --append and --replace options cannot be used together"
    assert cli.fails(125, "artifact", "add", "--append", "--replace", NAME, two) == both
    words = "Error: append option is not compatible with type option"
    assert cli.fails(125, "artifact", "add", "--append", "--type", "a/b", NAME, two) == words
    again = f"Error: duplicate layers {TITLE} labels within an artifact not allowed"
    title = f"--annotation={TITLE}=t"
    assert cli.fails(125, "artifact", "add", title, "localhost/x", one, two) == again
    missing = "Error: localhost/x:latest: artifact does not exist"
    assert cli.fails(125, "artifact", "add", "-a", "localhost/x", two) == missing
    no_value = 'Error: no value given for annotation "a"'
    assert cli.fails(125, "artifact", "add", "--annotation", "a", NAME, two) == no_value
    assert "must be canonical" in cli.fails(125, "artifact", "add", "short", two)
    absent = cli.fails(125, "artifact", "add", "localhost/x", "/nowhere/file")
    assert absent == "Error: open /nowhere/file: no such file or directory"
    assert "not a regular file" in cli.fails(125, "artifact", "add", "localhost/x", "/dev/null")
    assert len(cli("artifact", "ls", "-n").splitlines()) == 1


def test_append_and_replace(cli: Program, one: Path, two: Path) -> None:
    first = cli("artifact", "add", "--annotation", "color=blue", NAME, one)
    made = inspect(cli)["Manifest"]["annotations"]
    assert made["color"] == "blue"
    cli("artifact", "add", "--append", "--file-type", "text/yaml", NAME, two)
    manifest = inspect(cli)["Manifest"]
    assert manifest["annotations"] == made
    assert manifest["layers"][0]["annotations"] == {"color": "blue", TITLE: "one.txt"}
    assert manifest["layers"][1]["mediaType"] == "text/yaml"
    assert cli("artifact", "add", "--replace", NAME, two) != first
    assert [x["size"] for x in inspect(cli)["Manifest"]["layers"]] == [8192]
    cli("artifact", "add", "--replace", "localhost/new", two)
    blobs = os.listdir(f"{cli.folder}/root/artifacts/blobs/sha256")
    assert len(blobs) == 4  # two manifests, one config, one blob: nothing old is left


def test_ls(cli: Program, one: Path, two: Path) -> None:
    assert cli("artifact", "ls").split() == ["REPOSITORY", "TAG", "DIGEST", "CREATED", "SIZE"]
    digest = cli("artifact", "add", f"{NAME}:v1", one, two).strip()
    row = cli("artifact", "list").splitlines()[1]
    assert row.split()[:3] == [NAME, "v1", digest[:12]]
    assert row.endswith(" ago  8.198kB")
    assert cli("artifact", "ls", "--no-trunc", "--format", "{{.Digest}}").strip() == digest
    assert cli("artifact", "ls", "-q").strip() == digest[:12]
    at = cli("artifact", "ls", "--format", "{{.CreatedAt}}|{{.VirtualSize}}").strip()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC\|8198", at)
    assert json.loads(cli("artifact", "ls", "--format", "json"))[0]["Tag"] == "v1"


def test_inspect_of_anything_and_events(cli: Program, one: Path) -> None:
    digest = cli("artifact", "add", NAME, one).strip()
    assert json.loads(cli("inspect", NAME)) == json.loads(cli("inspect", "-t", "artifact", digest[:12]))
    assert cli("inspect", "-f", "{{.TotalSizeBytes}}", NAME) == "6\n"
    assert "artifact does not exist" in cli.fails(125, "inspect", "-t", "artifact", "nope")
    cli("artifact", "rm", NAME)
    flags = ("--stream=false", "--since", "1h", "--filter", f"artifact={digest[:9]}")
    events = cli("events", *flags, "--format", "{{.Type}} {{.Status}} {{.Name}}")
    assert events.splitlines() == [f"artifact {x} {NAME}:latest" for x in ("create", "remove")]


def test_rm(cli: Program, one: Path, two: Path) -> None:
    assert cli.fails(125, "artifact", "rm", "foobar") == "Error: foobar: artifact does not exist"
    words = "Error: at least one artifact name or digest must be specified"
    assert cli.fails(125, "artifact", "rm") == words
    assert cli("artifact", "rm", "--all", "--ignore") == ""
    digest = cli("artifact", "add", NAME, one)
    cli("artifact", "add", "localhost/b", two)
    words = "when using the --all switch, you may not pass any artifact names or digests"
    assert cli.fails(125, "artifact", "rm", "-a", NAME) == f"Error: {words}"
    assert "does not exist" in cli.fails(125, "artifact", "rm", NAME, "localhost/nope")
    assert len(cli("artifact", "ls", "-n").splitlines()) == 2  # all or none
    assert cli("artifact", "rm", "-i", "localhost/nope", digest[:12]) == digest
    assert cli("artifact", "rm", "-a") != ""
    assert cli("artifact", "ls", "--noheading") == ""
    assert os.listdir(f"{cli.folder}/root/artifacts/blobs/sha256") == []


def test_extract(cli: Program, one: Path, two: Path, tmp_path: Path) -> None:
    cli("artifact", "add", NAME, one, two)
    target = tmp_path / "target"
    several = cli.fails(125, "artifact", "extract", NAME, target)
    assert several.startswith("Error: the artifact consists of several blobs and the target")
    cli("artifact", "extract", "--title", "one.txt", NAME, target)
    assert target.read_text() == "first\n"
    folder = tmp_path / "folder"
    folder.mkdir()
    cli("artifact", "extract", NAME, folder)
    assert (folder / "one.txt").read_text() == "first\n"
    assert (folder / "two.bin").stat().st_size == 8192
    digest = inspect(cli)["Manifest"]["layers"][0]["digest"]
    cli("artifact", "extract", "--digest", digest, NAME, folder)
    assert (folder / digest.replace(":", "-")).read_text() == "first\n"
    for flag in ("title", "digest"):
        said = cli.fails(125, "artifact", "extract", f"--{flag}", "blah", NAME, folder)
        assert said == f'Error: no blob with the {flag} "blah"'


def test_a_title_cannot_lead_out_of_the_directory(cli: Program, one: Path, tmp_path: Path) -> None:
    cli("artifact", "add", f"--annotation={TITLE}=../../evil", NAME, one)
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    said = cli.fails(125, "artifact", "extract", NAME, folder)
    assert said.startswith('Error: invalid name: "../../evil" cannot contain /')
    cli("artifact", "extract", NAME, folder / "file")
    assert (folder / "file").read_text() == "first\n"


def test_a_damaged_artifact_is_listed_named_and_removed(cli: Program, one: Path) -> None:
    digest = cli("artifact", "add", NAME, one).strip()
    cli("artifact", "add", "localhost/good", one)
    with open(f"{cli.folder}/root/artifacts/blobs/sha256/{digest}", "w", encoding="utf-8") as file:
        file.write("{}")
    rows = cli("artifact", "ls", "--format", "{{.Repository}} {{.Size}}").splitlines()
    assert rows == [f"{NAME} <damaged>", "localhost/good 6B"]
    assert "was changed" in cli.fails(125, "artifact", "inspect", NAME)
    assert cli("artifact", "rm", NAME).strip() == digest
    assert inspect(cli, "localhost/good")["Name"] == "localhost/good:latest"


def test_many_at_once(cli: Program, one: Path) -> None:
    names = [f"localhost/many/a{n}" for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: cli("artifact", "add", name, one), names))
    listed = cli("artifact", "ls", "--format", "{{.Repository}}").split()
    assert sorted(listed) == names


def test_skopeo_reads_the_store(cli: Program, one: Path, tmp_path: Path) -> None:
    need("skopeo")
    digest = cli("artifact", "add", NAME, one).strip()
    store = f"oci:{cli.folder}/root/artifacts:{NAME}:latest"
    run("skopeo", "copy", "-q", store, f"dir:{tmp_path}/out")
    manifest = (tmp_path / "out/manifest.json").read_bytes()
    assert json.loads(manifest)["layers"][0]["annotations"][TITLE] == "one.txt"
    run("skopeo", "copy", "-q", f"dir:{tmp_path}/out", f"oci:{cli.folder}/root/artifacts:{NAME}:by")
    assert cli("artifact", "inspect", "-f", "{{.Digest}}", f"{NAME}:by").strip() == f"sha256:{digest}"


def test_mounts(one: Path, two: Path) -> None:
    with CliBox() as box:
        box("artifact", "add", "localhost/single", one)
        box("artifact", "add", "localhost/multi", one, two)

        def seen(mount: str, *command: str) -> str:
            flags = ("--rm", "--network", "none", "--mount", f"type=artifact,{mount}")
            return box("run", *flags, "localhost/box", *command)

        assert seen("src=localhost/single,dst=/test", "cat", "/test") == "first\n"
        assert seen("src=localhost/single,dst=/etc/passwd", "cat", "/etc/passwd") == "first\n"
        assert seen("src=localhost/single,dst=/tmp,name=x", "cat", "/tmp/x") == "first\n"
        assert seen("src=localhost/multi,dest=/t", "ls", "/t").split() == ["one.txt", "two.bin"]
        listed = seen("src=localhost/multi,dst=/tmp,title=one.txt", "ls", "/tmp")
        assert listed.split() == ["one.txt"]
        listed = seen("src=localhost/multi,dst=/t,name=my", "ls", "/t")
        assert listed.split() == ["my-0", "my-1"]
        assert seen("src=localhost/single,dst=/t", "sh", "-c", "echo x > /t || echo ro") == "ro\n"

        flags = ("--mount", "type=artifact,src=localhost/multi,dst=/etc/passwd")
        said = box.fails(125, "run", "--rm", "--network", "none", *flags, "localhost/box", "true")
        assert 'contains more than one blob and container path "/etc/passwd" is a file' in said
        flags = ("--mount", "type=artifact,source=localhost/nope,target=/tmp")
        said = box.fails(125, "create", *flags, "localhost/box")
        assert said == "Error: localhost/nope:latest: artifact does not exist"

        flags = ("-d", "--name", "c", "--network", "none", "--mount")
        box("run", *flags, "type=artifact,src=localhost/single,dst=/tmp", "localhost/box", "sleep", "100")
        box("artifact", "rm", "localhost/single")
        assert box("exec", "c", "cat", "/tmp/one.txt") == "first\n"
        said = box.fails(125, "restart", "-t0", "c")
        assert "localhost/single:latest: artifact does not exist" in said
        box("artifact", "add", "localhost/single", two)
        box("start", "c")
        assert box("exec", "c", "cat", "/tmp/two.bin") == "\0" * 8192


def test_python(tmp_path: Path, one: Path) -> None:
    from polypod import Engine

    with Engine(root=f"{tmp_path}/r", runroot=f"{tmp_path}/run") as engine:
        digest = engine.artifacts.add(NAME, [str(one)], annotations={"a": "b"})
        assert [artifact.digest for artifact in engine.artifacts.list()] == [digest]
        assert engine.artifacts.get(NAME).size == 6
        assert engine.artifacts.exists(digest[7:20])
        assert engine.artifacts.extract(NAME, f"{tmp_path}/out") == [f"{tmp_path}/out"]
        assert engine.artifacts.remove(NAME) == [digest]
        assert not engine.artifacts.exists(NAME)
