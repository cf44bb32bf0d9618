"""The ``manifest`` commands as a user types them; podman reads and writes the same lists."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from polypod.testing.images import tar_of
from polypod.testing.peers import Podman, need, run
from polypod.testing.program import Program
from polypod.testing.registry import Registry

INSECURE = "--tls-verify=false"
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def podman(cli: Program) -> Podman:
    return Podman(f"{cli.folder}/root", f"{cli.folder}/run")


@pytest.fixture
def images(cli: Program, tmp_path: Path) -> dict[str, str]:
    """Two images of different platforms: architecture -> ID."""
    found = {}
    for architecture in ("amd64", "arm64"):
        tar = tmp_path / f"{architecture}.tar"
        tar.write_bytes(tar_of({architecture: os.urandom(1000)}))
        name = f"localhost/img:{architecture}"
        found[architecture] = cli("import", "-q", "--arch", architecture, tar, name).strip()[7:]
    return found


def shown(cli: Program, name: str, *flags: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("manifest", "inspect", *flags, name))
    return found


def raw(name: str) -> dict[str, Any]:
    need("skopeo")
    found: dict[str, Any] = json.loads(
        run("skopeo", "inspect", INSECURE, "--raw", f"docker://{name}")
    )
    return found


def fill(cli: Program, name: str) -> str:
    made = cli("manifest", "create", name).strip()
    for architecture in ("amd64", "arm64"):
        added = cli("manifest", "add", name, f"containers-storage:localhost/img:{architecture}")
        assert added.strip() == made
    return made


def test_an_empty_list(cli: Program, images: dict[str, str]) -> None:
    made = cli("manifest", "create", "m:1.0").strip()
    assert shown(cli, made, "-v") == {"schemaVersion": 2, "mediaType": LIST, "manifests": None}
    listed = cli("images", "--format", "{{.ID}}", "--no-trunc")
    assert f"sha256:{made}" in listed and f"sha256:{images['amd64']}" in listed
    cli("manifest", "exists", "m:1.0")
    cli("image", "exists", "m:1.0")
    cli.run("manifest", "exists", "nothing", code=1)
    assert "image is not a manifest list" in cli.fails(125, "manifest", "exists", "img:amd64")
    taken = cli.fails(125, "manifest", "create", "m:1.0")
    assert taken == (
        f'Error: image name "localhost/m:1.0" is already associated with image "{made}": '
        "that name is already in use"
    )
    assert cli("manifest", "create", "--amend", "m:1.0").strip() == made
    assert cli("rmi", "m:1.0").splitlines() == ["Untagged: localhost/m:1.0", f"Deleted: {made}"]


def test_add_annotate_and_remove(cli: Program, images: dict[str, str], podman: Podman) -> None:
    made = fill(cli, "m:1.0")
    rows = shown(cli, "m:1.0")["manifests"]
    assert [row["platform"]["architecture"] for row in rows] == ["amd64", "arm64"]
    assert json.loads(podman("manifest", "inspect", "m:1.0"))["manifests"] == rows
    first = rows[0]["digest"]
    flags = ("--annotation", "a=b", "--arch", "arm", "--variant", "v7", "--os-version", "9",
             "--features", "f", "--os-features", "g")  # fmt: skip
    assert cli("manifest", "annotate", *flags, "m:1.0", first).strip() == made
    row = shown(cli, "m:1.0")["manifests"][0]
    assert row["annotations"] == {"a": "b"}
    assert row["platform"] == {
        "architecture": "arm", "os": "linux", "os.version": "9", "os.features": ["g"],
        "variant": "v7",
    }  # fmt: skip
    cli("manifest", "annotate", "--index", "--annotation", "i=j", "m:1.0")
    cli("manifest", "annotate", "--subject", "containers-storage:img:amd64", "m:1.0")
    document = shown(cli, "m:1.0")
    assert document["annotations"] == {"i": "j"}
    assert document["subject"]["digest"] == cli.inspect("img:amd64")["Digest"]
    assert cli("manifest", "remove", "m:1.0", first).strip() == made
    assert len(shown(cli, "m:1.0")["manifests"]) == 1
    assert "no instance matching" in cli.fails(125, "manifest", "remove", "m:1.0", first)
    assert "invalid image digest" in cli.fails(125, "manifest", "remove", "m:1.0", "x")
    assert "requires --artifact" in cli.fails(
        125, "manifest", "add", "--artifact-type", "t", "m:1.0", "img:amd64"
    )
    assert cli("manifest", "rm", "m:1.0").splitlines()[-1] == f"Deleted: {made}"
    assert cli.fails(1, "manifest", "rm", "m:1.0") == "Error: m:1.0: image not known"
    assert cli("manifest", "rm", "--ignore", "m:1.0") == ""


def test_lists_of_podman_and_lists_for_podman(
    cli: Program, images: dict[str, str], podman: Podman, tmp_path: Path
) -> None:
    podman("manifest", "create", "theirs", "containers-storage:localhost/img:amd64")
    cli("manifest", "add", "theirs", "containers-storage:localhost/img:arm64")
    podman("manifest", "annotate", "--annotation", "x=y", "theirs",
           shown(cli, "theirs")["manifests"][0]["digest"])  # fmt: skip
    assert shown(cli, "theirs")["manifests"][0]["annotations"] == {"x": "y"}
    fill(cli, "ours")
    podman("manifest", "push", "--all", "ours", f"dir:{tmp_path}/theirs")
    cli("manifest", "push", "ours", f"dir:{tmp_path}/ours")
    assert sorted(os.listdir(tmp_path / "theirs")) == sorted(os.listdir(tmp_path / "ours"))
    podman("manifest", "rm", "ours")
    assert cli.run("manifest", "exists", "ours", code=1)


def test_lists_of_buildah_and_lists_for_buildah(
    cli: Program, images: dict[str, str], registry: Registry, tmp_path: Path
) -> None:
    need("buildah")

    def buildah(*words: object) -> str:
        return run("buildah", "--root", f"{cli.folder}/root", "--runroot", f"{cli.folder}/run",
                   "--storage-driver", "overlay", *words)  # fmt: skip

    buildah("manifest", "create", "theirs")
    buildah("manifest", "add", "theirs", "containers-storage:localhost/img:arm64")
    cli("manifest", "add", "theirs", "containers-storage:localhost/img:amd64")
    assert len(json.loads(buildah("manifest", "inspect", "theirs"))["manifests"]) == 2
    fill(cli, "ours")
    cli("manifest", "annotate", "--annotation", "a=b", "ours", cli.inspect("img:amd64")["Digest"])
    rows = json.loads(buildah("manifest", "inspect", "ours"))["manifests"]
    assert rows == shown(cli, "ours")["manifests"]
    name = f"{registry.host}/b{os.urandom(4).hex()}:1"
    cli("manifest", "push", "-q", INSECURE, "ours", name)
    buildah("pull", "-q", INSECURE, name)
    buildah("manifest", "rm", "theirs")
    assert cli.run("manifest", "exists", "theirs", code=1)


def test_the_image_for_this_host_stands_for_the_list(
    cli: Program, images: dict[str, str]
) -> None:
    made = fill(cli, "m:1.0")
    assert cli.inspect("m:1.0")["Id"] == images["amd64"]
    assert cli("image", "tree", "m:1.0").startswith(f"Image ID: {images['amd64'][:12]}")
    assert "amd64" in cli("image", "diff", "m:1.0")
    cli("save", "-q", "-o", f"{cli.folder}/m.tar", "m:1.0")
    assert cli("system", "check") == ""
    cli("tag", "m:1.0", "other:2")
    assert cli("images", "-q", "--no-trunc", "other:2").strip() == f"sha256:{made}"
    assert json.loads(cli("manifest", "inspect", "other:2"))["mediaType"] == INDEX
    cli("create", "--name", "c", "m:1.0", "/x")
    assert json.loads(cli("container", "inspect", "c"))[0]["Image"] == images["amd64"]
    cli("create", "--arch", "arm64", "--name", "d", "m:1.0", "/x")
    assert json.loads(cli("container", "inspect", "d"))[0]["Image"] == images["arm64"]
    assert "image not known" in cli.fails(
        125, "create", "--pull", "never", "--platform", "linux/s390x", "m:1.0", "/x"
    )
    cli("rm", "c", "d")
    cli("rmi", "-f", "img:amd64")
    error = cli.fails(125, "image", "inspect", "m:1.0")
    assert f"of manifest list {made} in local containers storage: image not known" in error


def test_several_add_to_one_list_at_once(cli: Program, podman: Podman, tmp_path: Path) -> None:
    for number in range(6):
        tar = tmp_path / f"{number}.tar"
        tar.write_bytes(tar_of({"f": os.urandom(100)}))
        cli("import", "-q", tar, f"localhost/n:{number}")
    cli("manifest", "create", "m")
    running = [
        cli.start("manifest", "add", "m", f"containers-storage:localhost/n:{number}")
        for number in range(5)
    ]
    podman("manifest", "add", "m", "containers-storage:localhost/n:5")
    for process in running:
        _, told = process.communicate()
        assert process.returncode == 0, told
    assert len(shown(cli, "m")["manifests"]) == 6


def test_push_of_a_list(
    cli: Program, images: dict[str, str], registry: Registry, tmp_path: Path
) -> None:
    made = fill(cli, "m:1.0")
    name = f"{registry.host}/list{os.urandom(4).hex()}:1"
    digest = tmp_path / "digest"
    done = cli.run("manifest", "push", INSECURE, "--digestfile", digest, "m:1.0", name)
    assert done.stdout == ""
    assert "Copying 2 images generated from 2 images in list" in done.stderr
    there = raw(name)
    assert there["mediaType"] == INDEX
    assert [e["platform"]["architecture"] for e in there["manifests"]] == ["amd64", "arm64"]
    assert shown(cli, name, INSECURE)["manifests"][1]["digest"] == there["manifests"][1]["digest"]
    told = run("skopeo", "inspect", INSECURE, "--raw", f"docker://{name}").encode()
    import hashlib

    assert digest.read_text() == "sha256:" + hashlib.sha256(told).hexdigest()
    run("skopeo", "copy", "--all", "--src-tls-verify=false", f"docker://{name}", f"dir:{tmp_path}/d")
    cli("manifest", "push", "-q", INSECURE, "--format", "v2s2", "m:1.0", f"{name}-docker")
    there = raw(f"{name}-docker")
    assert there["mediaType"] == LIST
    assert all("docker" in entry["mediaType"] for entry in there["manifests"])
    cli("manifest", "push", "-q", "--rm", INSECURE, "m:1.0", name)
    assert cli.run("manifest", "exists", made, code=1)
    cli("manifest", "create", "all")
    cli("manifest", "add", "--all", INSECURE, "all", f"docker://{name}")
    assert len(shown(cli, "all")["manifests"]) == 2
    cli("manifest", "create", "one")
    cli("manifest", "add", INSECURE, "one", f"docker://{name}")
    assert [e["platform"]["architecture"] for e in shown(cli, "one")["manifests"]] == ["amd64"]
    other = f"{registry.host}/other{os.urandom(4).hex()}:1"
    cli("rmi", "-f", "img:amd64", "img:arm64")
    cli("manifest", "push", "-q", INSECURE, "all", other)  # from registry to registry
    assert raw(other)["manifests"] == raw(name)["manifests"]


@pytest.mark.parametrize("added", ["zstd", "zstd:chunked"])
def test_add_compression(
    cli: Program, images: dict[str, str], registry: Registry, added: str
) -> None:
    fill(cli, "m:1.0")
    name = f"{registry.host}/z{os.urandom(4).hex()}:1"
    cli("manifest", "push", "-q", INSECURE, "--compression-format", "gzip",
        "--add-compression", added, "m:1.0", name)  # fmt: skip
    entries = raw(name)["manifests"]
    marks = [e.get("annotations") for e in entries]
    assert marks[:2] == [None, None]
    assert [m["io.github.containers.compression.zstd"] for m in marks[2:]] == ["true", "true"]
    platforms = [e["platform"]["architecture"] for e in entries]
    assert platforms == ["amd64", "arm64", "amd64", "arm64"]
    assert shown(cli, name, INSECURE)["manifests"][3]["digest"] == entries[3]["digest"]


def test_artifacts_in_a_list(cli: Program, registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "listed.txt").write_text("oh yeah\n")
    (tmp_path / "zeroes").write_bytes(bytes(100_000))
    (tmp_path / "config.json").write_text("{}\n")
    cli("manifest", "create", "--annotation", "global=local", "a:1")
    cli("manifest", "add", "--artifact", "--os=linux", "--arch=amd64", "a:1", tmp_path / "listed.txt")
    cli("manifest", "add", "--artifact", "--artifact-type", "text/plain", "--artifact-exclude-titles",
        "--artifact-config", tmp_path / "config.json", "--artifact-layer-type", "x/y",
        "a:1", tmp_path / "zeroes")  # fmt: skip
    rows = shown(cli, "a:1")["manifests"]
    assert rows[0]["files"] == [str(tmp_path / "listed.txt")]
    cli("manifest", "annotate", "--annotation", "k=v", "a:1", tmp_path / "zeroes")
    repository = f"{registry.host}/art{os.urandom(4).hex()}"
    cli("manifest", "push", INSECURE, "a:1", f"{repository}:1")
    index = raw(f"{repository}:1")
    assert index["annotations"] == {"global": "local"}
    assert [e["artifactType"] for e in index["manifests"]] == [
        "application/vnd.unknown.artifact.v1", "text/plain",
    ]  # fmt: skip
    assert index["manifests"][0]["platform"] == {"architecture": "amd64", "os": "linux"}
    assert index["manifests"][1]["annotations"] == {"k": "v"}
    first, second = (raw(f"{repository}@{e['digest']}") for e in index["manifests"])
    assert first["config"]["mediaType"] == "application/vnd.oci.empty.v1+json"
    assert first["layers"][0]["mediaType"] == "text/plain"
    assert first["layers"][0]["annotations"] == {"org.opencontainers.image.title": "listed.txt"}
    assert second["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert second["layers"][0]["mediaType"] == "x/y"
    assert "annotations" not in second["layers"][0]
    os.unlink(tmp_path / "zeroes")
    assert "zeroes" in cli.fails(125, "manifest", "push", INSECURE, "a:1", f"{repository}-new:2")
