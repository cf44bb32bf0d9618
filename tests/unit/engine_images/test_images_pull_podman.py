"""A pull leaves in the store what podman's pull of the same image leaves, field by field."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polypod.engine.images_inspect import inspect_image
from polypod.engine.images_pull import PullOptions, pull
from polypod.engine.images_remove import RemoveOptions, remove_all
from polypod.engine.runtime import Runtime
from polypod.errors import PolypodError
from polypod.registry.access import Access
from polypod.testing import peers
from polypod.testing.images import assert_whole
from polypod.testing.peers import Podman
from polypod.testing.registry import Registry

PLAIN = Access(tls_verify=False, retry=0)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """A docker-registry with ``t`` in several forms."""
    peers.need("skopeo", "umoci")
    with Registry() as registry, tempfile.TemporaryDirectory() as folder:
        layout = peers.layout(Path(folder))
        push(registry, f"oci:{layout}:t", "t:oci")
        push(registry, f"oci:{layout}:t", "t:docker", "--format", "v2s2")
        push(registry, f"oci:{layout}:t", "t:zstd", "--format", "oci", "--dest-compress-format", "zstd")
        chunked = ("--format", "oci", "--dest-compress-format", "zstd:chunked")
        push(registry, f"oci:{layout}:t", "t:chunked", *chunked)
        push(registry, f"oci:{layout}:t", "t:stored", "--format", "oci", "--dest-decompress")
        make_index(registry, layout)
        yield registry


def push(registry: Registry, source: str, name: str, *flags: str) -> None:
    run = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *flags]
    if "--dest-decompress" in flags:
        # Skopeo compresses for registries; by way of a directory it does not.
        with tempfile.TemporaryDirectory() as folder:
            flat = f"dir:{folder}/d"
            subprocess.run([*run, source, flat], check=True)
            send_dir(registry, Path(folder, "d"), name)
        return
    subprocess.run([*run, source, f"docker://{registry.host}/{name}"], check=True)


def send_dir(registry: Registry, folder: Path, name: str) -> None:
    """Put a ``dir:`` image into a registry as it is."""
    repository, _, tag = name.partition(":")
    data = (folder / "manifest.json").read_bytes()
    manifest = json.loads(data)
    for blob in (manifest["config"], *manifest["layers"]):
        put_blob(registry, repository, blob["digest"], folder / blob["digest"].partition(":")[2])
    put_manifest(registry, repository, tag, data, manifest.get("mediaType", OCI))



def put_blob(registry: Registry, repository: str, digest: str, path: Path) -> None:
    import urllib3

    http = urllib3.PoolManager()
    start = http.request("POST", f"{registry.url}/v2/{repository}/blobs/uploads/")
    where = f"{start.headers['Location']}&digest={digest}"
    done = http.request(
        "PUT", where, body=path.read_bytes(), headers={"Content-Type": "application/octet-stream"}
    )
    assert done.status == 201, done.data


def put_manifest(registry: Registry, repository: str, tag: str, data: bytes, kind: str) -> None:
    import urllib3

    done = urllib3.request(
        "PUT", f"{registry.url}/v2/{repository}/manifests/{tag}", body=data,
        headers={"Content-Type": kind},
    )  # fmt: skip
    assert done.status == 201, done.data


def get_manifest(registry: Registry, name: str, kind: str) -> tuple[bytes, str]:
    import urllib3

    repository, _, tag = name.partition(":")
    done = urllib3.request(
        "GET", f"{registry.url}/v2/{repository}/manifests/{tag}", headers={"Accept": kind}
    )
    assert done.status == 200
    return done.data, done.headers["Docker-Content-Digest"]


DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"


def make_index(registry: Registry, layout: Path) -> None:
    """``multi:list`` and ``multi:index``: the image for this host, and others for arm."""
    entries: dict[str, list[dict[str, Any]]] = {DOCKER: [], OCI: []}
    for platform in ("linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7"):
        system, arch, variant = (*platform.split("/"), "")[:3]
        folder = layout.parent / platform.replace("/", "-")
        shutil.copytree(layout, folder)
        words = ["config", "--image", f"{folder}:t", "--os", system, "--architecture", arch]
        peers.run("umoci", *words, "--config.label", f"variant={variant}")
        for kind, form in ((DOCKER, "v2s2"), (OCI, "oci")):
            push(registry, f"oci:{folder}:t", f"multi:{form}-{arch}{variant}", "--format", form)
            data, digest = get_manifest(registry, f"multi:{form}-{arch}{variant}", kind)
            described = {"os": system, "architecture": arch}
            if variant:
                described["variant"] = variant
            entry = {"mediaType": kind, "digest": digest, "size": len(data), "platform": described}
            entries[kind].append(entry)
    for kind, tag, what in (
        (DOCKER, "list", "application/vnd.docker.distribution.manifest.list.v2+json"),
        (OCI, "index", "application/vnd.oci.image.index.v1+json"),
    ):
        document = {"schemaVersion": 2, "mediaType": what, "manifests": entries[kind]}
        put_manifest(registry, "multi", tag, json.dumps(document).encode(), what)


def store_facts(root: str) -> dict[str, Any]:
    """Everything below the root that names images and layers, without times of day."""
    found: dict[str, Any] = {}
    for image in json.loads(Path(root, "overlay-images/images.json").read_bytes()):
        found[image["id"]] = {**image, "big-data-names": sorted(image["big-data-names"])}
        folder = Path(root, "overlay-images", image["id"])
        found[image["id"] + " files"] = {p.name: p.read_bytes() for p in folder.iterdir()}
    for layer in json.loads(Path(root, "overlay-layers/layers.json").read_bytes()):
        layer.pop("created")
        found[layer["id"]] = layer
    return found


NAMES = ("t:oci", "t:docker", "t:zstd", "t:chunked", "t:stored", "multi:list", "multi:index")


@pytest.mark.parametrize("name", NAMES)
def test_the_store_afterwards(rt: Runtime, podman: Podman, registry: Registry, name: str) -> None:
    full = f"{registry.host}/{name}"
    theirs = podman("pull", "-q", "--tls-verify=false", full).strip()
    assert pull(rt, full, PullOptions(access=PLAIN)) == [theirs]
    ours, expected = store_facts(rt.graphroot), store_facts(podman.root)
    for facts in (ours, expected):
        image = facts[theirs]
        # An empty list of signatures is the same as none.
        image.pop("metadata")
        empty = [key for key in image["big-data-names"] if key.startswith("signature")]
        for key in empty:
            image["big-data-names"].remove(key)
            del image["big-data-sizes"][key], image["big-data-digests"][key]
        files = facts[theirs + " files"]
        facts[theirs + " files"] = {key: data for key, data in files.items() if data}
    assert ours == expected
    described, other = inspect_image(rt, full), podman.inspect(full)
    del described["GraphDriver"], other["GraphDriver"]
    assert described == other
    assert_whole(rt)


@pytest.mark.parametrize("name", NAMES)
def test_peers_read_it(rt: Runtime, registry: Registry, name: str, tmp_path: Path) -> None:
    """podman and skopeo take the image out of our store as the registry gave it."""
    full = f"{registry.host}/{name}"
    pull(rt, full, PullOptions(access=PLAIN))
    podman = Podman(rt.graphroot, rt.runroot)
    [inspected] = json.loads(podman("image", "inspect", full))
    assert [*inspected["RepoTags"]] == [full]
    storage = f"containers-storage:[overlay@{rt.graphroot}+{rt.runroot}]{full}"
    peers.run("skopeo", "--insecure-policy", "copy", "-q", storage, f"dir:{tmp_path}/out")
    config = json.loads((tmp_path / "out/manifest.json").read_bytes())["config"]
    assert config["digest"] == "sha256:" + inspected["Id"]
    podman("rmi", full)
    assert rt.store.images() == []
    assert_whole(rt)


def test_what_podman_pulled_is_not_pulled_again(rt: Runtime, registry: Registry) -> None:
    full = f"{registry.host}/t:oci"
    id = Podman(rt.graphroot, rt.runroot)("pull", "-q", "--tls-verify=false", full).strip()
    lines: list[str] = []
    assert pull(rt, full, PullOptions(access=PLAIN), lines.append) == [id]
    assert sum("skipped: already exists" in line for line in lines) == 3
    assert_whole(rt)


PLATFORMS = {
    "": ("amd64", ""),
    "linux/amd64": ("amd64", ""),
    "linux/x86_64": ("amd64", ""),
    "linux/arm64": ("arm64", "v8"),
    "linux/aarch64": ("arm64", "v8"),
    "linux/arm64/v8": ("arm64", "v8"),
    "linux/arm/v8": ("arm", "v7"),
    "linux/arm/v7": ("arm", "v7"),
    "linux/arm/v6": ("arm", "v6"),
    "linux/arm": ("arm", "v7"),
    "linux/armhf": ("arm", "v7"),
    "linux/armel": ("arm", "v6"),
}


@pytest.mark.parametrize("tag", ["list", "index"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_image_of_a_platform(
    rt: Runtime, registry: Registry, tag: str, platform: str
) -> None:
    if os.uname().machine != "x86_64" and not platform:
        pytest.skip("the host's own image is for amd64")
    system, arch, variant = (*platform.split("/"), "", "", "")[:3]
    options = PullOptions(access=PLAIN, os=system, arch=arch, variant=variant)
    [id] = pull(rt, f"{registry.host}/multi:{tag}", options)
    described = inspect_image(rt, id)
    found = (described["Architecture"], described["Labels"].get("variant", ""))
    assert found == PLATFORMS[platform]


@pytest.mark.parametrize("platform", ["linux/s390x", "linux/arm/v5", "windows/amd64"])
def test_no_image_for_a_platform(rt: Runtime, registry: Registry, platform: str) -> None:
    system, arch, variant = (*platform.split("/"), "")[:3]
    options = PullOptions(access=PLAIN, os=system, arch=arch, variant=variant)
    wanted = f'for architecture "{arch}", variant "{variant}", OS "{system}"$'
    for tag, kind in (("list", "manifest list"), ("index", "image index")):
        name = f"{registry.host}/multi:{tag}"
        with pytest.raises(PolypodError, match=f"no image found in {kind} {wanted}") as caught:
            pull(rt, name, options)
        assert str(caught.value).startswith(f"choosing an image from {kind} docker://{name}: ")
    assert rt.store.images() == []


def test_another_platform_after_this_one(rt: Runtime, registry: Registry) -> None:
    """The name goes to the image of the platform that was asked for last, as with podman."""
    name = f"{registry.host}/multi:list"
    [own] = pull(rt, name, PullOptions(access=PLAIN))
    for policy in ("missing", "newer", "always"):
        [arm] = pull(rt, name, PullOptions(access=PLAIN, arch="arm64", policy=policy))
        assert arm != own
        assert rt.store.find_image(name).id == arm
    [again] = pull(rt, name, PullOptions(access=PLAIN, arch="amd64", policy="missing"))
    assert again == own
    assert pull(rt, name, PullOptions(access=PLAIN, policy="never")) == [own]


def test_an_image_for_another_platform_is_taken_with_a_warning(
    rt: Runtime, registry: Registry
) -> None:
    lines: list[str] = []
    options = PullOptions(access=PLAIN, arch="arm64")
    pull(rt, f"{registry.host}/t:oci", options, lines.append)
    assert lines[-1] == (
        "WARNING: image platform (linux/amd64) does not match the expected platform (linux/arm64)"
    )


def test_digests(rt: Runtime, podman: Podman, registry: Registry) -> None:
    """By the digest of an image, of an index, and with a tag that then does not matter."""
    _, own = get_manifest(registry, "t:oci", OCI)
    what = "application/vnd.oci.image.index.v1+json"
    _, index = get_manifest(registry, "multi:index", what)
    for name in (f"t@{own}", f"multi@{index}", f"t:nonsense@{own}"):
        full = f"{registry.host}/{name}"
        remove_all(rt, RemoveOptions())
        theirs = podman("pull", "-q", "--tls-verify=false", full).strip()
        assert pull(rt, full, PullOptions(access=PLAIN)) == [theirs]
        described, other = inspect_image(rt, theirs), podman.inspect(theirs)
        for key in ("RepoTags", "RepoDigests", "Digest", "NamesHistory"):
            assert described[key] == other[key], key
        assert store_facts(rt.graphroot)[theirs]["names"] == [full.replace(":nonsense", "")]
        podman("rmi", "-f", theirs)
        assert pull(rt, full, PullOptions(access=PLAIN, policy="missing")) == [theirs]
    wrong = f"{registry.host}/t@sha256:{'0' * 64}"
    with pytest.raises(PolypodError, match="manifest unknown"):
        pull(rt, wrong, PullOptions(access=PLAIN))


def test_one_image_by_two_indexes(rt: Runtime, registry: Registry) -> None:
    """Each manifest by which an image was pulled stays known, as its RepoDigests show."""
    digests = []
    for name, kind in (
        ("multi:list", "application/vnd.docker.distribution.manifest.list.v2+json"),
        ("multi:v2s2-amd64", DOCKER),
    ):
        pull(rt, f"{registry.host}/{name}", PullOptions(access=PLAIN))
        digests.append(get_manifest(registry, name, kind)[1])
    [image] = rt.store.images()
    assert set(digests) <= set(image.digests)
    shown = inspect_image(rt, image.id)["RepoDigests"]
    assert sorted(shown) == sorted(f"{registry.host}/multi@{digest}" for digest in image.digests)


TAGS = ("oci", "docker", "zstd", "chunked", "stored")


def test_all_tags(rt: Runtime, registry: Registry) -> None:
    ids = pull(rt, f"{registry.host}/t", PullOptions(access=PLAIN, all_tags=True))
    assert len(ids) == 5
    names = {name for image in rt.store.images() for name in image.names}
    assert names == {f"{registry.host}/t:{tag}" for tag in TAGS}
    with pytest.raises(PolypodError, match="pulling all tags is not supported for dir transport"):
        pull(rt, "dir:/x", PullOptions(all_tags=True))


def test_platforms_of_layouts_and_directories(
    rt: Runtime, registry: Registry, tmp_path: Path
) -> None:
    """``--platform`` chooses from an index in a file as well."""
    source = f"docker://{registry.host}/multi:index"
    for target in (f"oci:{tmp_path}/oci:t", f"oci-archive:{tmp_path}/a.tar:t", f"dir:{tmp_path}/d"):
        peers.run(
            "skopeo", "--insecure-policy", "copy", "-q", "--all", "--src-tls-verify=false", source,
            target,
        )  # fmt: skip
        for arch, variant in (("amd64", ""), ("arm64", ""), ("arm", "v6")):
            [id] = pull(rt, target, PullOptions(arch=arch, variant=variant))
            described = inspect_image(rt, id)
            assert described["Architecture"] == arch
            assert described["Labels"].get("variant", "").startswith(variant)
        with pytest.raises(PolypodError, match="no image found in image index"):
            pull(rt, target, PullOptions(arch="s390x"))
