"""podman, buildah and skopeo on a store that polypod wrote, and polypod on one that they wrote.

Each test has its own --root and --runroot; what a peer lacks on this machine is skipped.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from polypod.kit.atomic import remove_tree
from polypod.ports.storage import StoragePort
from polypod.store import Store
from polypod.testing import storage_tar as tar
from polypod.testing.busybox import find_busybox
from polypod.testing.storage import CONTAINER, OTHER, unmount_below
from polypod_storage_overlay import Overlay, OverlayConfig
from polypod_storage_vfs import VFS, VFSConfig

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not shutil.which("podman"), reason="needs podman"),
]

DRIVERS = {"overlay": (Overlay, OverlayConfig), "vfs": (VFS, VFSConfig)}
CONF = '[containers]\ndefault_ulimits = ["nofile=20000:20000","nproc=1000:1000"]\n'


class Place:
    """One graphroot, with polypod's store on it and the peers' commands."""

    def __init__(self, base, driver: str) -> None:
        self.root, self.run_root, self.driver = f"{base}/r", f"{base}/rr", driver
        base.mkdir(exist_ok=True)
        conf = base / "containers.conf"
        conf.write_text(CONF)
        self.env = {**os.environ, "CONTAINERS_CONF": str(conf), "STORAGE_DRIVER": driver}
        self.flags = ("--root", self.root, "--runroot", self.run_root, "--storage-driver", driver)
        self.store = self.open()

    def open(self) -> Store:
        return self._open(self.root, self.run_root, ())

    def open_on(self, name: str, additional: tuple[str, ...]) -> Store:
        """A second store, beside this one."""
        root = f"{os.path.dirname(self.root)}/{name}"
        return self._open(root, root + "-run", additional)

    def _open(self, root: str, run_root: str, additional: tuple[str, ...]) -> Store:
        make, config = DRIVERS[self.driver]
        driver = make(
            config=config(),
            home=f"{root}/{self.driver}",
            run_home=f"{run_root}/{self.driver}",
            additional=tuple(f"{path}/{self.driver}" for path in additional),
        )
        port = StoragePort(driver, self.driver)
        return Store(root, run_root, port, self.driver, additional=additional)

    def call(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if check:
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + ("" if check else done.stderr)

    def podman(self, *words: str, check: bool = True) -> str:
        return self.call("podman", *self.flags, *words, check=check)

    def buildah(self, *words: str) -> str:
        return self.call(need("buildah"), *self.flags, *words)

    def skopeo(self, *words: str) -> str:
        return self.call(need("skopeo"), "--insecure-policy", *words)

    def reference(self, name: str) -> str:
        return f"containers-storage:[{self.driver}@{self.root}+{self.run_root}]{name}"


def need(name: str) -> str:
    path = shutil.which(name)
    if not path:
        pytest.skip(f"needs {name}")
    return path


@pytest.fixture(params=["overlay", "vfs"])
def place(request):
    # podman takes a runroot of at most 50 characters, which pytest's tmp_path exceeds.
    base = Path(tempfile.mkdtemp(prefix="ppi"))
    yield Place(base, request.param)
    unmount_below(str(base))
    remove_tree(str(base))


def write_image(store: Store, name: str) -> tuple[str, list[bytes]]:
    """An OCI image of two layers: busybox, and deletions, an opaque directory, odd files."""
    with open(find_busybox(), "rb") as file:
        busybox = file.read()
    blobs = [
        tar.archive(
            tar.member("bin"),
            tar.member("bin/busybox", busybox, mode=0o755),
            tar.hardlink("bin/sh", "bin/busybox"),
            tar.member("etc"),
            tar.member("etc/gone", b"1"),
            tar.member("etc/d"),
            tar.member("etc/d/old", b"1"),
            tar.member("tmp", mode=0o1777),
        ),
        tar.archive(
            tar.member("etc/.wh.gone", b""),
            tar.member("etc/d", mode=0o750, uid=11, gid=12),
            tar.member("etc/d/.wh..wh..opq", b""),
            tar.member("etc/d/new", b"2", mode=0o640, uid=11),
            tar.symlink("link", "/etc/d/new"),
            tar.member("hello", b"hello from polypod\n"),
        ),
    ]
    packed = [gzip.compress(blobs[0]), blobs[1]]
    layers, parent = [], ""
    for data in packed:
        layers.append(store.put_layer(parent, io.BytesIO(data)))
        parent = layers[-1].id
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/busybox", "cat", "/hello"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_digest for layer in layers]},
            "history": [{"created_by": "one"}, {"created_by": "two"}],
        }
    ).encode()
    kinds = ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar")
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": "sha256:" + hashlib.sha256(config).hexdigest(),
                "size": len(config),
            },
            "layers": [
                {"mediaType": kind, "digest": x.compressed_digest, "size": x.compressed_size}
                for kind, x in zip(kinds, layers, strict=True)
            ],
        }
    ).encode()
    image = store.create_image(hashlib.sha256(config).hexdigest(), [name], parent, config, manifest)
    return image.id, blobs


def test_podman_lists_runs_and_removes_what_polypod_wrote(place):
    id, _ = write_image(place.store, "localhost/ours:latest")
    assert place.podman("images", "-q", "--no-trunc").strip() == "sha256:" + id
    [facts] = json.loads(place.podman("image", "inspect", "ours"))
    assert facts["Id"] == id
    assert facts["RepoTags"] == ["localhost/ours:latest"]
    assert facts["Size"] == place.store.image_size(place.store.image(id))
    out = place.podman("run", "--rm", "--network", "none", "ours")
    assert out == "hello from polypod\n"
    script = "ls /etc /etc/d; stat -c '%a %u %g' /etc/d /etc/d/new; cat /link; stat -c %h /bin/sh"
    out = place.podman("run", "--rm", "--network", "none", "ours", "/bin/busybox", "sh", "-c", script)
    assert "gone" not in out
    assert "old" not in out
    assert "750 11 12\n640 11 0\n2" in out
    assert out.endswith("2\n")
    assert place.buildah("images", "-q").strip() == id[:12]
    place.podman("rmi", "ours")
    assert place.store.images() == []
    assert place.store.driver.list() == []


def test_skopeo_and_podman_give_polypods_layers_away_byte_for_byte(place, tmp_path):
    _, blobs = write_image(place.store, "localhost/ours:latest")
    place.skopeo("copy", place.reference("localhost/ours"), f"dir:{tmp_path}/out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    for layer, blob in zip(manifest["layers"], blobs, strict=True):
        assert layer["digest"] == "sha256:" + hashlib.sha256(blob).hexdigest()
        assert (tmp_path / "out" / layer["digest"].partition(":")[2]).read_bytes() == blob
    place.podman("save", "-q", "-o", str(tmp_path / "saved.tar"), "ours")
    assert os.path.getsize(tmp_path / "saved.tar") > sum(map(len, blobs))


def test_podman_builds_on_polypods_layers(place):
    id, _ = write_image(place.store, "localhost/ours:latest")
    place.podman("create", "--name", "c", "--network", "none", "ours", "/bin/busybox", "touch", "/made")
    place.podman("start", "-a", "c")
    place.podman("commit", "-q", "c", "derived")
    place.podman("rm", "c")
    derived = place.store.find_image("derived")
    layers = place.store.image_layers(derived)
    assert [layer.id for layer in layers[1:]] == [
        layer.id for layer in place.store.image_layers(place.store.image(id))
    ]
    place.store.create_container(CONTAINER, (), derived.id, {}, False)
    root = place.store.mount_container(CONTAINER)
    assert os.path.exists(root + "/made")
    place.store.delete_container(CONTAINER)
    # A layer without compression and with podman's tar-split comes out as podman put it in.
    for layer in layers:
        digest = hashlib.sha256(b"".join(place.store.diff(layer))).hexdigest()
        assert layer.diff_digest == "sha256:" + digest


def test_polypod_lists_mounts_and_removes_what_podman_wrote(place, tmp_path):
    with open(tmp_path / "fs.tar", "wb") as file:
        file.write(tar.archive(tar.member("d"), tar.member("d/f", b"from podman", uid=5)))
    id = place.podman("import", str(tmp_path / "fs.tar"), "theirs:1").strip()
    store = place.open()
    image = store.find_image("theirs:1")
    assert "sha256:" + image.id == id.splitlines()[-1]
    assert image.names == ("localhost/theirs:1",)
    assert image.digest == json.loads(place.podman("image", "inspect", "theirs:1"))[0]["Digest"]
    store.create_container(CONTAINER, ("mine",), image.id, {"name": "mine"}, True)
    root = store.mount_container(CONTAINER)
    with open(root + "/d/f", encoding="ascii") as file:
        assert file.read() == "from podman"
    assert os.stat(root + "/d/f").st_uid == 5
    store.delete_container(CONTAINER)
    assert store.find_image("theirs:1")
    assert store.check() == []
    store.delete_image(image.id)
    assert place.podman("images", "-q") == ""
    assert store.driver.list() == []


def test_polypod_reads_what_skopeo_copied(place):
    base = os.path.dirname(place.root)
    source = Store(
        f"{base}/s",
        f"{base}/sr",
        StoragePort(Overlay(OverlayConfig(), f"{base}/s/overlay", f"{base}/sr/o"), "overlay"),
    )
    id, blobs = write_image(source, "localhost/x:latest")
    place.skopeo(
        "copy",
        f"containers-storage:[overlay@{base}/s+{base}/sr]localhost/x",
        f"oci:{base}/oci:x",
    )
    place.skopeo("copy", f"oci:{base}/oci:x", place.reference("localhost/x:latest"))
    image = place.store.find_image("x")
    layers = place.store.image_layers(image)
    assert place.store.image_config(image)["config"]["Env"] == ["PATH=/bin"]
    assert [b"".join(place.store.diff(layer)) for layer in reversed(layers)] == blobs
    # The same content has the same layer IDs, whoever wrote it.
    assert [x.id for x in layers] == [x.id for x in source.image_layers(source.image(id))]
    # skopeo makes the driver's directory a mount and leaves it so; with the last image it goes.
    for store in (place.store, source):
        store.delete_image(id)
    with open("/proc/self/mounts", encoding="utf-8") as file:
        assert f"{base}/" not in file.read()


def test_podman_sees_polypods_containers_and_keeps_their_image(place):
    id, _ = write_image(place.store, "localhost/ours:latest")
    metadata = {"image-name": "ours", "image-id": id, "name": "mine", "created-at": 1}
    place.store.create_container(CONTAINER, ("mine",), id, metadata, False)
    place.store.mount_container(CONTAINER)
    listed = json.loads(place.podman("ps", "-a", "--external", "--format", "json"))
    assert [(c["Id"], c["Names"]) for c in listed] == [(CONTAINER, ["mine"])]
    out = place.podman("rmi", "ours", check=False)
    assert "image is in use by a container" in out
    out = place.podman("create", "--name", "mine", "--network", "none", "ours", check=False)
    assert "already in use" in out
    assert place.store.container_mount(CONTAINER)
    place.podman("rm", "--force", "mine", check=False)
    assert place.podman("ps", "-aq", "--external").strip() == ""
    place.store.delete_container(CONTAINER)
    assert place.store.check() == []


def test_polypod_keeps_the_image_of_podmans_container(place):
    id, _ = write_image(place.store, "localhost/ours:latest")
    other = place.podman("create", "--name", "theirs", "--network", "none", "ours").strip()
    assert [c["id"] for c in place.store.containers()] == [other]
    assert place.store.image_users(id) == [other]
    from polypod.errors import AlreadyExists, ImageInUse

    with pytest.raises(ImageInUse, match=other):
        place.store.delete_image(id)
    with pytest.raises(AlreadyExists, match="theirs"):
        place.store.create_container(OTHER, ("theirs",), id, {}, False)
    place.podman("rm", "theirs")
    place.store.delete_image(id)
    assert place.store.driver.list() == []


def test_mount_counts_are_shared(place):
    write_image(place.store, "localhost/ours:latest")
    other = place.podman("create", "--network", "none", "ours").strip()
    path = place.podman("mount", other).strip()
    assert place.store.mount_container(other) == path
    place.podman("umount", other)
    assert os.path.exists(path + "/hello")
    assert place.store.layer_records.mount_count(place.store.container_layer(other)) == 1
    assert place.store.unmount_container(other)
    place.podman("rm", other)


def test_podman_uses_polypods_store_as_an_additional_one(place):
    id, _ = write_image(place.store, "localhost/ours:latest")
    own = Place(Path(place.root).parent / "own", place.driver)
    flags = ("--storage-opt", f"{place.driver}.imagestore={place.root}")
    listed = own.podman(*flags, "images", "--format", "{{.ID}} {{.ReadOnly}}")
    assert listed == f"{id[:12]} true\n"
    out = own.podman(*flags, "run", "--rm", "--network", "none", "ours")
    assert out == "hello from polypod\n"


def test_polypod_uses_podmans_store_as_an_additional_one(place, tmp_path):
    (tmp_path / "fs.tar").write_bytes(tar.archive(tar.member("f", b"from podman")))
    place.podman("import", str(tmp_path / "fs.tar"), "theirs")
    own = place.open_on("own", additional=(place.root,))
    image = own.find_image("theirs")
    assert image.read_only
    own.create_container(CONTAINER, (), image.id, {}, False)
    assert os.listdir(own.mount_container(CONTAINER)) == ["f"]
    own.delete_container(CONTAINER)


def test_both_at_once(place):
    """podman and polypod change the same tables in turn and at once; nothing gets lost."""
    id, _ = write_image(place.store, "localhost/ours:latest")
    script = "for n in 1 2 3 4 5 6; do podman $FLAGS create --name p$n --network none ours || exit 1; done"
    env = {**place.env, "FLAGS": " ".join(place.flags)}
    # Podman's first command tries overlay out in a directory below home, and loses it for good
    # when somebody else makes home a mount meanwhile, as its own commands do to each other.
    place.podman("ps")
    with subprocess.Popen(["sh", "-c", script], env=env, stdout=subprocess.DEVNULL) as peer:
        made = 0
        while peer.poll() is None or made < 20:
            name = f"{made:064x}"
            place.store.create_container(name, (f"o{made}",), id, {}, False)
            place.store.mount_container(name)
            place.store.unmount_container(name)
            made += 1
            if made % 3 == 0:
                place.store.delete_container(name)
            if made >= 200:
                break
        assert peer.wait() == 0
    names = {name for record in place.store.containers() for name in record["names"]}
    kept = {f"o{number}" for number in range(made) if (number + 1) % 3}
    assert names == kept | {f"p{number}" for number in range(1, 7)}
    assert place.store.check() == []
    assert len(place.podman("ps", "-aq", "--external").split()) == len(names)
