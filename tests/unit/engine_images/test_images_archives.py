"""Loading what skopeo, umoci, podman and buildah wrote, and the other way round."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from polypod.engine.images_inspect import inspect_image
from polypod.engine.images_load import load_path, load_stream
from polypod.engine.images_lookup import exists, lookup
from polypod.engine.images_names import tag
from polypod.engine.images_pull import PullOptions, ensure_image, pull
from polypod.engine.images_remove import RemoveOptions, remove_all
from polypod.engine.images_save import SaveOptions, save
from polypod.engine.runtime import Runtime
from polypod.errors import NoSuchImage, PolypodError, StorageError, UsageError
from polypod.registry.access import Access
from polypod.testing import peers
from polypod.testing.images import make_busybox_image, make_image


def skopeo(source: object, target: object) -> None:
    peers.need("skopeo")
    peers.run("skopeo", "--insecure-policy", "copy", "-q", source, target)


def config_digest(layout: Path) -> str:
    index = json.loads((layout / "index.json").read_bytes())
    digest = index["manifests"][0]["digest"].partition(":")[2]
    manifest = json.loads((layout / "blobs/sha256" / digest).read_bytes())
    return str(manifest["config"]["digest"]).partition(":")[2]


def test_oci_layout(rt: Runtime, tmp_path: Path) -> None:
    layout = peers.layout(tmp_path)
    assert load_path(rt, str(layout)) == ["localhost/t:latest"]
    image, _ = lookup(rt, "t")
    assert image.id == config_digest(layout)
    assert len(rt.store.image_layers(image)) == 3
    path = rt.storage_driver.diff_path(image.top_layer)
    assert Path(path, "layer2/d/file2").read_text() == "layer 2\n" * 1000
    described = inspect_image(rt, "t")
    assert described["Config"]["Labels"] == {"made": "umoci"}
    assert described["Author"] == "Someone"


def test_the_same_image_as_podman_loads(rt: Runtime, podman: peers.Podman, tmp_path: Path) -> None:
    layout = peers.layout(tmp_path)
    archive = tmp_path / "a.tar"
    skopeo(f"oci:{layout}:t", f"docker-archive:{archive}:q.io/a/b:c")
    podman("load", "-q", "-i", archive)
    assert load_path(rt, str(archive)) == ["q.io/a/b:c"]
    own, theirs = inspect_image(rt, "q.io/a/b:c"), podman.inspect("q.io/a/b:c")
    assert list(own) == list(theirs)
    for name in ("LowerDir", "UpperDir", "WorkDir"):
        path = theirs["GraphDriver"]["Data"][name]
        moved = path.replace(podman.root, rt.graphroot)
        assert own["GraphDriver"]["Data"][name] == moved
    del own["GraphDriver"], theirs["GraphDriver"]
    assert json.dumps(own) == json.dumps(theirs)


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive", "dir", "oci"])
def test_formats_of_skopeo(rt: Runtime, tmp_path: Path, kind: str) -> None:
    layout = peers.layout(tmp_path)
    target = tmp_path / "target"
    suffix = "" if kind == "dir" else ":q.io/a/b:c"
    skopeo(f"oci:{layout}:t", f"{kind}:{target}{suffix}")
    [name] = load_path(rt, str(target))
    id = config_digest(layout)
    assert name == (f"sha256:{id}" if kind == "dir" else "q.io/a/b:c")
    assert lookup(rt, name)[0].id == id


@pytest.mark.parametrize("compress", ["gzip", "xz", "zstd", "bzip2"])
def test_compressed_archives(rt: Runtime, tmp_path: Path, compress: str) -> None:
    peers.need(compress)
    archive = tmp_path / "a.tar"
    skopeo(f"oci:{peers.layout(tmp_path)}:t", f"docker-archive:{archive}:x:1")
    with open(tmp_path / "a.packed", "wb") as packed:
        peers.subprocess.run([compress, "-c", str(archive)], stdout=packed, check=True)
    assert load_path(rt, str(tmp_path / "a.packed")) == ["docker.io/library/x:1"]
    assert lookup(rt, "x:1")[0].id


def test_stream_from_a_pipe(rt: Runtime, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    skopeo(f"oci:{peers.layout(tmp_path)}:t", f"oci-archive:{archive}:x:1")
    cat = peers.subprocess.Popen(["cat", str(archive)], stdout=peers.subprocess.PIPE, bufsize=0)
    with cat:
        assert cat.stdout is not None
        assert load_stream(rt, cat.stdout) == ["localhost/x:1"]  # type: ignore[arg-type]


def test_many_images_of_podman(rt: Runtime, podman: peers.Podman, tmp_path: Path) -> None:
    archive = tmp_path / "many.tar"
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        with tarfile.open(tmp_path / f"{name}.tar", "w") as tar:
            tar.add(tmp_path / name, name)
        podman("import", "-q", tmp_path / f"{name}.tar", f"r.io/{name}:t")
    podman("tag", "r.io/one:t", "r.io/uno:t")
    podman("save", "-q", "-m", "-o", archive, "r.io/one:t", "r.io/uno:t", "r.io/two:t")
    loaded = load_path(rt, str(archive))
    assert sorted(loaded) == ["r.io/one:t", "r.io/two:t", "r.io/uno:t"]
    assert lookup(rt, "r.io/one:t")[0].id == podman.inspect("r.io/one:t")["Id"]
    assert len(rt.store.images()) == 2


def test_image_of_buildah(rt: Runtime, tmp_path: Path) -> None:
    peers.need("buildah")
    roots = ("--root", tmp_path / "b", "--runroot", tmp_path / "br", "--storage-driver", "vfs")
    container = peers.run("buildah", *roots, "from", "scratch").strip()
    peers.run("buildah", *roots, "config", "--cmd", "/x", "--label", "a=b", container)
    archive = tmp_path / "built.tar"
    for format in ("docker", "oci"):
        target = f"{format}-archive:{archive}.{format}:built:{format}"
        peers.run("buildah", *roots, "commit", "-q", "-f", format, container, target)
        [name] = load_path(rt, f"{archive}.{format}")
        assert inspect_image(rt, name)["Labels"]["a"] == "b"


@pytest.mark.parametrize("format", ["docker-archive", "oci-archive", "oci-dir", "docker-dir"])
def test_save_and_load_again(rt: Runtime, tmp_path: Path, format: str) -> None:
    load_path(rt, str(peers.layout(tmp_path)))
    id = lookup(rt, "t")[0].id
    target = str(tmp_path / "saved")
    save(rt, ["t"], target, SaveOptions(format=format))
    remove_all(rt, RemoveOptions())
    assert rt.store.layers() == []
    [name] = load_path(rt, target)
    assert lookup(rt, name)[0].id == id
    assert name == (f"sha256:{id}" if format == "docker-dir" else "localhost/t:latest")


@pytest.mark.parametrize(
    ("format", "transport"),
    [
        ("docker-archive", "docker-archive"), ("oci-archive", "oci-archive"), ("oci-dir", "oci"),
        ("docker-dir", "dir"),
    ],
)  # fmt: skip
def test_skopeo_reads_what_we_save(
    rt: Runtime, tmp_path: Path, format: str, transport: str
) -> None:
    load_path(rt, str(peers.layout(tmp_path)))
    id = lookup(rt, "t")[0].id
    target = tmp_path / "saved"
    save(rt, ["t"], str(target), SaveOptions(format=format))
    copy = tmp_path / "copy"
    # Without conversion: skopeo checks every digest.
    skopeo(f"{transport}:{target}", f"dir:{copy}")
    manifest = json.loads((copy / "manifest.json").read_bytes())
    assert manifest["config"]["digest"] == f"sha256:{id}"


def test_podman_loads_what_we_save(rt: Runtime, podman: peers.Podman, tmp_path: Path) -> None:
    ids = {make_image(rt, f"r.io/x{n}:1", {"n": str(n).encode()}) for n in range(2)}
    tag(rt, "r.io/x0:1", ["r.io/y0:1"])
    archive = tmp_path / "many.tar"
    names = ["r.io/x0:1", "r.io/y0:1", "r.io/x1:1"]
    save(rt, names, str(archive), SaveOptions())
    loaded = podman("load", "-q", "-i", archive).splitlines()
    assert sorted(loaded) == sorted(f"Loaded image: {name}" for name in names)
    assert {podman.inspect(name)["Id"] for name in names} == ids


def test_podman_reads_the_store(rt: Runtime, tmp_path: Path) -> None:
    podman = peers.Podman(rt.graphroot, rt.runroot)
    id = make_busybox_image(rt)
    listed = podman("images", "--no-trunc", "--format", "{{.ID}} {{.Size}}")
    assert listed.startswith(f"sha256:{id} ")
    archive = tmp_path / "by-podman.tar"
    podman("save", "-q", "-o", archive, "busybox")
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert f"{id}.json" in names


def test_save_by_id_keeps_no_name(rt: Runtime, tmp_path: Path) -> None:
    id = make_image(rt, "x")
    save(rt, [id], str(tmp_path / "a.tar"), SaveOptions())
    remove_all(rt, RemoveOptions())
    assert load_path(rt, str(tmp_path / "a.tar")) == [f"sha256:{id}"]
    assert rt.store.image(id).names == ()


def test_uncompressed_oci(rt: Runtime, tmp_path: Path) -> None:
    make_image(rt, "x")
    save(rt, ["x"], str(tmp_path / "o"), SaveOptions(format="oci-dir", uncompressed=True))
    blobs = list((tmp_path / "o/blobs/sha256").iterdir())
    assert (
        sum(tarfile.is_tarfile(blob) and blob.read_bytes()[:2] != b"\x1f\x8b" for blob in blobs)
        == 1
    )


def test_oci_dir_gains_images(rt: Runtime, tmp_path: Path) -> None:
    target = str(tmp_path / "o")
    for name in ("x", "y", "y"):
        make_image(rt, name, {name: os.urandom(4)})
        save(rt, [name], target, SaveOptions(format="oci-dir"))
    index = json.loads((tmp_path / "o/index.json").read_bytes())
    names = [m["annotations"]["org.opencontainers.image.ref.name"] for m in index["manifests"]]
    assert names == ["localhost/x:latest", "localhost/y:latest"]
    assert pull(rt, f"oci:{target}:localhost/x:latest") == [lookup(rt, "x")[0].id]
    with pytest.raises(PolypodError, match="more than one image in oci, choose an image"):
        pull(rt, f"oci:{target}")


def test_saving_fails_cleanly(rt: Runtime, tmp_path: Path) -> None:
    id = make_image(rt, "x")
    target = tmp_path / "a.tar"
    layer = rt.store.image(id).top_layer
    Path(rt.storage_driver.diff_path(layer), "hello").write_text("other\n")
    with pytest.raises(StorageError, match='checksum failed for "hello"'):
        save(rt, ["x"], str(target), SaveOptions())
    assert not target.exists()
    with pytest.raises(NoSuchImage):
        save(rt, ["nope"], str(target), SaveOptions())
    with pytest.raises(UsageError, match="saving multiple images"):
        save(rt, ["x", "x"], str(target), SaveOptions(format="oci-archive"))


@pytest.mark.parametrize("transport", ["docker-archive", "oci-archive"])
def test_pull_from_archives(rt: Runtime, tmp_path: Path, transport: str) -> None:
    archive = tmp_path / "a.tar"
    skopeo(f"oci:{peers.layout(tmp_path)}:t", f"{transport}:{archive}:q.io/a/b:c")
    [id] = pull(rt, f"{transport}:{archive}:q.io/a/b:c")
    assert lookup(rt, "q.io/a/b:c")[0].id == id
    assert pull(rt, f"{transport}:{archive}") == [id]
    assert pull(rt, "containers-storage:q.io/a/b:c") == [id]
    with pytest.raises(PolypodError, match=r"initializing source .*not found|no descriptor"):
        pull(rt, f"{transport}:{archive}:q.io/a/b:other")


def test_pull_policy(rt: Runtime) -> None:
    id = make_image(rt, "x")
    for policy in ("missing", "never", "ifmissing"):
        assert pull(rt, "x", policy) == [id]
        assert ensure_image(rt, "x", policy)[0].id == id
    with pytest.raises(NoSuchImage, match=r"^nope: image not known$"):
        ensure_image(rt, "nope", "never")
    with pytest.raises(UsageError, match=r'^unsupported pull policy "bad"$'):
        pull(rt, "x", "bad")
    lines: list[str] = []
    options = PullOptions(policy="missing", access=Access(retry=0))
    with pytest.raises(PolypodError, match=r"^initializing source docker://127.0.0.1:9/x") as caught:
        pull(rt, "127.0.0.1:9/x", options, lines.append)
    assert lines == ["Trying to pull 127.0.0.1:9/x:latest..."]
    assert caught.value.exit_code == 125
    assert ensure_image(rt, f"sha256:{id}")[0].id == id


# -- damaged and hostile archives -------------------------------------------------------------


def files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        members = [m for m in tar.getmembers() if m.isreg()]
        return {m.name: tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]


def write(archive: Path, content: dict[str, bytes]) -> str:
    import io

    with tarfile.open(archive, "w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return str(archive)


@pytest.fixture
def saved(rt: Runtime, tmp_path: Path) -> dict[str, bytes]:
    """The files of a docker archive of two layers; the store is empty."""
    layout = peers.layout(tmp_path, layers=2)
    load_path(rt, str(layout))
    save(rt, ["t"], str(tmp_path / "a.tar"), SaveOptions())
    remove_all(rt, RemoveOptions())
    return files(tmp_path / "a.tar")


def nothing_left(rt: Runtime) -> bool:
    home = f"{rt.graphroot}/overlay"
    leftovers = [n for n in os.listdir(home) if len(n) == 64] if os.path.exists(home) else []
    return not (rt.store.images() or rt.store.layers() or leftovers)


@pytest.mark.parametrize("damage", ["cut", "other", "missing", "config", "count"])
def test_damaged_archive_leaves_nothing(
    rt: Runtime, tmp_path: Path, saved: dict[str, bytes], damage: str
) -> None:
    manifest = json.loads(saved["manifest.json"])
    top = manifest[0]["Layers"][1]
    if damage == "cut":
        saved[top] = saved[top][:700]
    elif damage == "other":
        saved[top] = saved[manifest[0]["Layers"][0]]
    elif damage == "missing":
        del saved[top]
    elif damage == "config":
        saved[manifest[0]["Config"]] = b"{"
    else:
        manifest[0]["Layers"].pop()
        saved["manifest.json"] = json.dumps(manifest).encode()
    with pytest.raises(PolypodError):
        load_path(rt, write(tmp_path / "bad.tar", saved))
    assert nothing_left(rt)


def test_compressed_layers_in_a_docker_archive(
    rt: Runtime, tmp_path: Path, saved: dict[str, bytes]
) -> None:
    packed = {
        name: gzip.compress(data) if name.endswith(".tar") else data for name, data in saved.items()
    }
    [name] = load_path(rt, write(tmp_path / "packed.tar", packed))
    manifest = json.loads(rt.store.manifest(lookup(rt, name)[0]))
    plain = [len(data) for file, data in saved.items() if file.endswith(".tar")]
    assert [layer["size"] for layer in manifest["layers"]] == plain


def test_layers_behind_links(rt: Runtime, tmp_path: Path, saved: dict[str, bytes]) -> None:
    manifest = json.loads(saved["manifest.json"])
    first = manifest[0]["Layers"][0]
    manifest[0]["Layers"][0] = "legacy/layer.tar"
    saved["manifest.json"] = json.dumps(manifest).encode()
    archive = write(tmp_path / "links.tar", saved)
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("legacy/layer.tar")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{first}"
        tar.addfile(link)
    assert load_path(rt, archive) == ["localhost/t:latest"]


@pytest.mark.parametrize("path", ["../../../etc/passwd", "/etc/passwd", "loop"])
def test_names_out_of_the_archive(
    rt: Runtime, tmp_path: Path, saved: dict[str, bytes], path: str
) -> None:
    manifest = json.loads(saved["manifest.json"])
    manifest[0]["Config"] = path
    saved["manifest.json"] = json.dumps(manifest).encode()
    archive = write(tmp_path / "out.tar", saved)
    with tarfile.open(archive, "a") as tar:
        link = tarfile.TarInfo("loop")
        link.type, link.linkname = tarfile.SYMTYPE, "loop"
        tar.addfile(link)
    with pytest.raises(PolypodError, match="file does not exist"):
        load_path(rt, archive)


def test_garbage(rt: Runtime, tmp_path: Path) -> None:
    for content in (b"", b"I am an invalid file\n", os.urandom(4096), gzip.compress(b"x" * 9999)):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(PolypodError) as caught:
            load_path(rt, str(tmp_path / "bad"))
        first, *others = str(caught.value).splitlines()
        assert first == "payload does not match any of the supported image formats:"
        assert [line.split(":")[0] for line in others] == [
            " * oci", " * oci-archive", " * docker-archive", " * dir",
        ]  # fmt: skip
    with pytest.raises(PolypodError, match=r"^stat /nonexistent: no such file or directory$"):
        load_path(rt, "/nonexistent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PolypodError, match="payload does not match any"):
        load_path(rt, str(tmp_path / "empty"))


def test_blob_of_another_digest(rt: Runtime, tmp_path: Path) -> None:
    layout = peers.layout(tmp_path)
    blob = max((layout / "blobs/sha256").iterdir(), key=lambda p: p.stat().st_size)
    os.chmod(blob, 0o644)
    blob.write_bytes(gzip.compress(b"\0" * 10240))
    with pytest.raises(PolypodError):
        load_path(rt, str(layout))
    assert nothing_left(rt)


def test_layers_are_shared(rt: Runtime, tmp_path: Path) -> None:
    layout = peers.layout(tmp_path)
    load_path(rt, str(layout))
    tree = tmp_path / "more"
    tree.mkdir()
    (tree / "x").write_text("x")
    peers.run("umoci", "insert", "--image", f"{layout}:t", "--tag", "u", tree, "/more")
    shutil.rmtree(tree)
    lines: list[str] = []
    skopeo(f"oci:{layout}:u", f"oci-archive:{tmp_path}/u.tar:u")
    load_path(rt, str(tmp_path / "u.tar"), lines.append)
    assert sum(line.endswith("skipped: already exists") for line in lines) == 3
    assert len(rt.store.layers()) == 4
    one, two = inspect_image(rt, "t"), inspect_image(rt, "u")
    assert two["RootFS"]["Layers"][:3] == one["RootFS"]["Layers"]
    remove_all(rt, RemoveOptions())
    assert nothing_left(rt)


def test_multi_platform_index(rt: Runtime, tmp_path: Path) -> None:
    layout = peers.layout(tmp_path)
    blobs = layout / "blobs/sha256"
    index: dict[str, Any] = json.loads((layout / "index.json").read_bytes())
    entry = index["manifests"][0]
    wrong = {
        **entry,
        "digest": "sha256:" + "0" * 64,
        "platform": {"os": "linux", "architecture": "z80"},
    }
    from polypod.oci.image_config import host_platform
    from polypod.oci.manifest import sha256

    right = {**entry, "platform": {"os": "linux", "architecture": host_platform()[1]}}
    for item in (wrong, right):
        item.pop("annotations", None)
    inner = json.dumps({"schemaVersion": 2, "manifests": [wrong, right]}).encode()
    (blobs / sha256(inner)[7:]).write_bytes(inner)
    outer = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": sha256(inner), "size": len(inner),
        "annotations": {"org.opencontainers.image.ref.name": "many"},
    }  # fmt: skip
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [outer]}))
    assert load_path(rt, str(layout)) == ["localhost/many:latest"]
    assert exists(rt, "many")
