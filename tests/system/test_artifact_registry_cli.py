"""``artifact push`` and ``pull`` over a real registry, beside skopeo; and a registry that misbehaves."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.testing.peers import need, run
from polypod.testing.program import Program
from polypod.testing.registry import Registry
from polypod.testing.signing import gnupg

TITLE = "org.opencontainers.image.title"
PLAIN = "--tls-verify=false"


@pytest.fixture
def cli() -> Iterator[Program]:
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Program(folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with Registry() as registry:
        yield registry


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files of several sizes, one of them empty."""
    found = []
    for number, size in enumerate((0, 1, 100_000, 3_000_000)):
        path = tmp_path / f"file{number}"
        path.write_bytes(os.urandom(size))
        found.append(path)
    return found


def blobs(cli: Program) -> set[str]:
    return set(os.listdir(f"{cli.folder}/root/artifacts/blobs/sha256"))


def test_there_and_back(cli: Program, registry: Registry, files: list[Path], tmp_path: Path) -> None:
    name = f"{registry.host}/test/there:v1"
    digest = cli("artifact", "add", "--annotation", "a=b", name, *files).strip()
    done = cli.run("artifact", "push", PLAIN, "--digestfile", tmp_path / "digest", name)
    assert done.stdout == ""
    assert done.stderr.startswith("Getting image source signatures\nCopying blob sha256:")
    assert done.stderr.endswith("Writing manifest to image destination\n")
    assert (tmp_path / "digest").read_text() == f"sha256:{digest}"
    manifest = cli("artifact", "inspect", name)
    had = blobs(cli)
    cli("artifact", "rm", name)
    assert blobs(cli) == set()
    assert cli("artifact", "inspect", "--remote", PLAIN, name) == manifest
    assert cli.run("artifact", "pull", "-q", PLAIN, name).stderr == ""
    assert cli("artifact", "inspect", name) == manifest
    assert blobs(cli) == had
    cli("artifact", "extract", name, _folder(tmp_path))
    for path in files:
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    cli("artifact", "pull", PLAIN, f"{registry.host}/test/there@sha256:{digest}")
    assert len(cli("artifact", "ls", "-n").splitlines()) == 2


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_skopeo_both_ways(cli: Program, registry: Registry, files: list[Path], tmp_path: Path) -> None:
    need("skopeo")
    name = f"{registry.host}/test/skopeo:v1"
    cli("artifact", "add", name, *files)
    cli("artifact", "push", "-q", PLAIN, name)
    raw = run("skopeo", "inspect", "--raw", PLAIN, f"docker://{name}")
    assert [x["annotations"][TITLE] for x in json.loads(raw)["layers"]] == [f.name for f in files]
    other = f"{registry.host}/test/copied:v2"
    source, target = f"docker://{name}", f"docker://{other}"
    run("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)
    cli("artifact", "pull", PLAIN, other)
    digests = cli("artifact", "ls", "-n", "--format", "{{.Digest}}").split()
    assert len(digests) == 2
    assert len(set(digests)) == 1


def test_only_what_is_missing_or_damaged_is_fetched(
    cli: Program, registry: Registry, files: list[Path]
) -> None:
    name = f"{registry.host}/test/again:v1"
    cli("artifact", "add", name, *files)
    cli("artifact", "push", "-q", PLAIN, name)
    layers = json.loads(cli("artifact", "inspect", name))["Manifest"]["layers"]
    store = f"{cli.folder}/root/artifacts/blobs/sha256"
    good, bad = (f"{store}/{layers[n]['digest'][7:]}" for n in (3, 2))
    inode = os.stat(good).st_ino
    with open(bad, "wb") as file:
        file.write(b"damaged")
    cli("artifact", "pull", PLAIN, name)
    assert os.stat(good).st_ino == inode
    with open(bad, "rb") as file:
        assert file.read() == files[2].read_bytes()


def test_what_is_no_artifact(cli: Program, registry: Registry, tmp_path: Path) -> None:
    missing = cli.fails(125, "artifact", "pull", PLAIN, f"{registry.host}/test/nope:v1")
    assert "nope" in missing
    assert "unknown" in missing
    said = cli.fails(125, "artifact", "push", PLAIN, f"{registry.host}/test/nope:v1")
    assert said == f"Error: {registry.host}/test/nope:v1: artifact does not exist"
    refused = cli.fails(
        125, "artifact", "pull", "--retry", "1", "--retry-delay", "10ms", "127.0.0.1:1/mybad"
    )
    assert "connection refused" in refused
    assert "retrying in 10ms" in refused
    said = cli.fails(125, "artifact", "push", "--authfile", "/nowhere", PLAIN, f"{registry.host}/x:y")
    assert "credential file is not accessible" in said


def test_with_a_password(cli: Program, files: list[Path]) -> None:
    with Registry(user="u", password="p") as registry:
        name = f"{registry.host}/test/secret:v1"
        cli("artifact", "add", name, files[1])
        said = cli.fails(125, "artifact", "push", PLAIN, "--creds=u:wrong", name)
        assert "authentication required" in said
        cli("artifact", "push", "-q", PLAIN, "--creds=u:p", name)
        cli("artifact", "rm", "-a")
        cli("artifact", "pull", PLAIN, "--creds=u:p", name)


def test_a_reject_in_the_policy(cli: Program, registry: Registry, files: list[Path], tmp_path: Path) -> None:
    name = f"{registry.host}/test/policy:v1"
    cli("artifact", "add", name, files[1])
    cli("artifact", "push", "-q", PLAIN, name)
    cli("artifact", "rm", "-a")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "reject"}]}')
    said = cli.fails(125, "artifact", "pull", PLAIN, "--signature-policy", policy, name)
    assert "rejected by policy" in said
    assert blobs(cli) == set()


def test_a_registry_that_sends_other_bytes(
    cli: Program, registry: Registry, files: list[Path]
) -> None:
    name = f"{registry.host}/test/wrong:v1"
    cli("artifact", "add", name, files[2])
    cli("artifact", "push", "-q", PLAIN, name)
    digest = json.loads(cli("artifact", "inspect", name))["Manifest"]["layers"][0]["digest"][7:]
    cli("artifact", "rm", "-a")
    kept = registry.storage / "docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    kept.write_bytes(b"x" * 100_000)
    said = cli.fails(125, "artifact", "pull", PLAIN, "--retry", "0", name)
    assert "digest" in said
    assert blobs(cli) == set()
    assert os.listdir(f"{cli.folder}/root/artifacts/.polypod") == []


def test_a_signature_goes_along(
    cli: Program, registry: Registry, files: list[Path], tmp_path: Path
) -> None:
    name = f"{registry.host}/test/signed:v1"
    cli("artifact", "add", name, files[1])
    where = tmp_path / ".config/containers/registries.d"
    where.mkdir(parents=True)
    (where / "x.yaml").write_text(f"default-docker:\n  lookaside: file://{tmp_path}/look\n")
    with gnupg() as ring:
        key = ring.make_key("me@example.org")
        ring.make_key("other@example.org")
        env = {**ring.env, "HOME": str(tmp_path)}

        def pull(owner: str, code: int = 0) -> str:
            public = str(ring.export(owner, tmp_path / "key.gpg"))
            rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": public}
            policy = tmp_path / "policy.json"
            policy.write_text(json.dumps({"default": [rule]}))
            flags = (PLAIN, "-q", "--signature-policy", policy, name)
            return cli.run("artifact", "pull", *flags, code=code, env=env).stderr

        cli("artifact", "push", "-q", PLAIN, name, env=env)
        assert "signature" in pull("me@example.org", 125)
        cli("artifact", "push", "-q", PLAIN, "--sign-by", key, name, env=env)
        assert pull("me@example.org") == ""
        assert "rejected" in pull("other@example.org", 125)
