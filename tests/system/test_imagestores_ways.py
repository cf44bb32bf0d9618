"""Stores on file systems that overlay does not take, stores in files, and what the peers make of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from polypod.testing.imagestores import Disks, Filler
from polypod.testing.peers import need
from polypod.testing.program import Program

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

# A whiteout, an opaque directory, a changed file, an owner, a capability-like mode and an xattr.
CHANGES = (
    "rm /bin/ls; mkdir -p /d; echo deep > /d/a; rm -rf /tmp; mkdir /tmp; echo new > /tmp/t;"
    "chown 12:34 /d/a; chmod 4711 /d/a"
)
LOOK = "cat /d/a; echo /tmp/*; stat -c %u:%g:%a /d/a; test -e /bin/ls || echo gone"
SEEN = ["deep", "/tmp/t", "12:34:4711", "gone"]


def fill(folder: str, store: str) -> Filler:
    filler = Filler(folder, store)
    filler.busybox(folder)
    filler("run", "--net=none", "--name", "filling", "bb", "sh", "-c", "echo old > /tmp/o; true")
    filler("commit", "-q", "filling", "base")
    filler("rm", "filling")
    filler.child("child", CHANGES, "base")
    return filler


def works(cli: Program, image: str = "child") -> None:
    assert cli("run", "--rm", "--net=none", image, "sh", "-c", LOOK).split() == SEEN


def nested(disks: Disks, source: str) -> str:
    """The store at the bottom of two overlays: the kernel stacks no third one on it."""
    path = source
    for number in (1, 2):
        upper, work, merged = (disks.place(f"{name}{number}") for name in ("u", "w", "m"))
        data = f"lowerdir={path}" + ("" if number == 2 else f",upperdir={upper},workdir={work}")
        if number == 2:
            data = f"lowerdir={path}:{upper}"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", data, merged], check=True)
        path = merged
    return path


def test_overlay_refuses_what_is_stacked_too_deep(cli: Program, disks: Disks, folder: str) -> None:
    """Its whiteouts are hidden, too: erofs is built from tar-split data, and is right nevertheless."""
    need("mkfs.erofs")
    fill(folder, f"{folder}/store")
    path = nested(disks, f"{folder}/store")
    done = cli.run("imagestore", "attach", "--name", "deep", path)
    assert "deep: erofs: overlay refuses it as a lower layer" in done.stderr
    works(cli)
    [row] = json.loads(cli("imagestore", "inspect", "deep"))
    assert row["Way"] == "erofs" and "overlay refuses" in row["Why"]
    assert "overlay refuses" in cli.fails(125, "imagestore", "attach", "--way", "direct", path)
    cli("create", "--net=none", "--name", "c", "child", "sh", "-c", LOOK)
    cli("imagestore", "detach", "deep")
    cli("imagestore", "attach", path)
    assert cli("start", "-a", "c").split() == SEEN


def test_a_fuse_file_system_without_xattrs(cli: Program, disks: Disks, folder: str) -> None:
    need("mkfs.erofs")
    fill(folder, f"{folder}/store")
    trees = [str(path) for path in Path(f"{folder}/store/overlay").glob("*/diff/tmp")]
    assert any("trusted.overlay.opaque" in os.listxattr(tree) for tree in trees)
    path = disks.bindfs(f"{folder}/store", "share", "--xattr-none")
    done = cli.run("imagestore", "attach", "--name", "nox", path)
    assert "nox: erofs: its file system shows no extended attributes" in done.stderr
    works(cli)


@pytest.mark.parametrize("way", ["erofs", "fuse", "copy"])
def test_ways_can_be_forced(cli: Program, folder: str, way: str) -> None:
    need("mkfs.erofs", "fuse-overlayfs")
    filler = fill(folder, f"{folder}/store")
    done = cli.run("imagestore", "attach", "--way", way, f"{folder}/store")
    assert f"store: {way}: as asked" in done.stderr
    works(cli)
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "child", "sleep", "1000")
    assert cli("exec", "c", "sh", "-c", LOOK).split() == SEEN
    if way == "fuse":
        merged = cli("inspect", "--format", "{{.State.Status}}", "c")
        assert merged == "running\n" and "fuse" in Path("/proc/mounts").read_text()
    if way != "copy":
        assert "in use" in cli.fails(2, "imagestore", "detach", "store")
    cli("rm", "-f", "-t", "0", "c")
    filler.child("grandchild", "echo more > /d/b", "child")
    cli("imagestore", "attach", "--way", way, f"{folder}/store")
    assert cli("run", "--rm", "--net=none", "grandchild", "cat", "/d/b") == "more\n"
    cli("imagestore", "detach", "store")
    if way == "copy":
        os.rename(f"{folder}/store", f"{folder}/gone")
        works(cli)
        cli("rmi", "-a")
    assert not os.listdir(f"{folder}/root/polypod/imagestores/built") if way == "erofs" else True


def test_a_store_of_another_driver(cli: Program, folder: str) -> None:
    need("mkfs.erofs")
    filler = fill(folder, f"{folder}/store")
    filler("save", "-q", "-o", f"{folder}/child.tar", "child")
    other = [cli.command[0], "--root", f"{folder}/v", "--runroot", f"{folder}/vr", "--storage-driver", "vfs"]
    subprocess.run([*other, "load", "-q", "-i", f"{folder}/child.tar"], check=True, capture_output=True)
    done = cli.run("imagestore", "attach", "--name", "v", f"{folder}/v")
    assert "it was written with the driver vfs" in done.stderr
    works(cli)


def test_tar_split_data_that_does_not_fit_is_refused(cli: Program, disks: Disks, folder: str) -> None:
    fill(folder, f"{folder}/store")
    [changed] = Path(f"{folder}/store/overlay").glob("*/diff/d/a")
    changed.write_text("evil\n")
    path = disks.bindfs(f"{folder}/store", "share", "--xattr-none")
    error = cli.fails(125, "imagestore", "attach", path)
    assert changed.parts[-4][:12] in error and "cannot copy layer" in error
    assert cli("imagestore", "ls", "-q") == ""


@pytest.mark.parametrize("format", ["erofs", "squashfs"])
def test_a_store_in_a_file(cli: Program, disks: Disks, folder: str, format: str) -> None:
    need({"erofs": "mkfs.erofs", "squashfs": "mksquashfs"}[format])
    fill(folder, f"{folder}/store")
    cli("imagestore", "attach", f"{folder}/store")
    file = f"{folder}/images.{format}"
    cli("imagestore", "export", "--format", format, "store", file)
    cli("imagestore", "export", "--format", format, "store", f"{file}.again")
    assert Path(file).read_bytes() == Path(f"{file}.again").read_bytes()
    cli("create", "--net=none", "--name", "old", "child", "sh", "-c", LOOK)
    cli("imagestore", "detach", "store")
    assert cli("imagestore", "attach", file) == "images\n"
    [one] = [row for row in json.loads(cli("imagestore", "ls", "--format", "json")) if row["Name"] == "images"]
    assert (one["Kind"], one["ReadOnly"], one["Images"]) == (format, True, 3)
    works(cli)
    assert cli("start", "-a", "old").split() == SEEN  # the layers have the names that they had
    assert "images: sound" in cli("imagestore", "check", "images")
    # After a reboot nothing is mounted; the next command mounts it.
    mount = f"{folder}/run/polypod/stores/images"
    assert os.path.ismount(mount)
    disks.unmount(mount, lazy=True)
    works(cli)
    assert os.path.ismount(mount)
    cli("imagestore", "detach", "images")
    assert not os.path.exists(mount)
    assert "is not for it" in cli.fails(125, "imagestore", "attach", "--way", "copy", file)


def test_single_images_are_exported(cli: Program, folder: str) -> None:
    need("mkfs.erofs")
    fill(folder, f"{folder}/store")
    cli("imagestore", "attach", f"{folder}/store")
    cli("import", "-q", f"{folder}/busybox.tar", "own")
    cli("imagestore", "export", "-i", "base", "-i", "own", f"{folder}/two.erofs")
    cli("imagestore", "detach", "--forget", "store")
    cli("rmi", "own")
    cli("imagestore", "attach", f"{folder}/two.erofs")
    names = cli("images", "--format", "{{.Repository}}").split()
    assert sorted(names) == ["localhost/base", "localhost/own"]
    assert "image not known" in cli.fails(125, "imagestore", "export", "-i", "nope", f"{folder}/x.erofs")
    assert "say what to export" in cli.fails(125, "imagestore", "export", f"{folder}/x.erofs")
    assert "is a directory" in cli.fails(125, "imagestore", "export", "two", folder)


class Peers:
    """podman and skopeo with an additional image store."""

    def __init__(self, folder: str, store: str) -> None:
        need("podman", "skopeo")
        storage, containers = Path(folder, "storage.conf"), Path(folder, "containers.conf")
        storage.write_text(
            f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/pr"\nrunroot = "{folder}/pn"\n'
            f'[storage.options]\nadditionalimagestores = ["{store}"]\n'
        )
        containers.write_text('[containers]\ndefault_ulimits = ["nofile=20000:20000","nproc=1000:1000"]\n')
        self.env = {
            **os.environ, "CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(containers),
        }  # fmt: skip

    def __call__(self, *words: str) -> str:
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout


@pytest.mark.parametrize("kind", ["imagestore", "erofs", "squashfs"])
def test_podman_and_skopeo_read_it(cli: Program, disks: Disks, folder: str, kind: str) -> None:
    store = f"{folder}/store"
    filler = fill(folder, store)
    path = store
    if kind != "imagestore":
        file = f"{folder}/file"
        filler("imagestore", "export", "--format", kind, "-i", "child", "-i", "bb", file)
        path = disks.place("mnt")
        if kind == "erofs":
            subprocess.run(["mount", "-t", "erofs", "-o", "ro", file, path], check=True)
        else:
            disks.mount_loop(file, path)
    peers = Peers(folder, path)
    assert "localhost/child" in peers("podman", "images", "--format", "{{.Repository}} {{.ReadOnly}}")
    shown = peers("podman", "run", "--rm", "--network", "none", "child", "sh", "-c", LOOK)
    assert shown.split() == SEEN
    digest = json.loads(peers("skopeo", "inspect", "containers-storage:localhost/child:latest"))["Digest"]
    target = f"{folder}/copy"
    peers("skopeo", "--insecure-policy", "copy", "-q", "containers-storage:localhost/child:latest", f"dir:{target}")
    assert digest.startswith("sha256:") and os.path.exists(f"{target}/manifest.json")


def test_polypod_reads_the_stores_of_storage_conf(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    fill(folder, store)
    Path(folder, "s.conf").write_text(
        '[storage]\ndriver = "overlay"\n[storage.options]\n'
        f'additionalimagestores = ["{store}", "{folder}/absent"]\n'
    )
    env = {**os.environ, "CONTAINERS_STORAGE_CONF": f"{folder}/s.conf"}
    done = cli.run("images", "--format", "{{.Repository}} {{.ReadOnly}}", env=env)
    assert "localhost/child true" in done.stdout
    assert done.stderr.count("is not usable") == 1 and f"{folder}/absent" in done.stderr
    assert cli("run", "--rm", "--net=none", "child", "sh", "-c", LOOK, env=env).split() == SEEN
    rows = {row["Name"]: row for row in json.loads(cli("imagestore", "ls", "--format", "json", env=env))}
    assert rows[store]["State"] == "attached" and rows[f"{folder}/absent"]["State"] == "absent"
    assert rows[store]["Origin"].startswith(f"{folder}/s.conf:")
    assert not os.path.exists(f"{folder}/root/polypod/imagestores")
    assert "take it out there" in cli.fails(125, "imagestore", "detach", store, env=env)
    info = json.loads(cli("info", "--format", "json", env=env))
    assert [one["Path"] for one in info["store"]["imageStores"]] == [store, f"{folder}/absent"]


def test_a_store_without_an_identity(cli: Program, folder: str) -> None:
    """A read-only medium that another engine has written: known again by what it holds."""
    store = f"{folder}/store"
    fill(folder, store)
    done = cli.run("imagestore", "attach", "--read-only", "--name", "cd", store)
    assert done.stdout == "cd\n"
    assert not os.path.exists(f"{store}/polypod-store.json")
    cli("create", "--net=none", "--name", "c", "child", "sh", "-c", LOOK)
    cli("imagestore", "detach", "cd")
    os.rename(store, f"{folder}/other")
    assert cli("imagestore", "attach", "--read-only", f"{folder}/other") == "cd\n"
    assert cli("start", "-a", "c").split() == SEEN
    shutil.rmtree(f"{folder}/other/overlay/l")  # as if copied by something without symbolic links
    assert cli("start", "-a", "c").split() == SEEN
    assert "only read" in cli.fails(125, "imagestore", "move", "cd", f"{folder}/x")


def test_an_imagestore_without_xattrs_holds_images(cli: Program, disks: Disks, folder: str) -> None:
    """Deletions are kept as plain files; fuse-overlayfs mounts containers, or erofs is built from them."""
    need("fuse-overlayfs", "mkfs.erofs")
    maker = fill(folder, f"{folder}/making")
    maker("save", "-q", "-o", f"{folder}/child.tar", "child")
    behind = disks.place("behind")
    path = disks.bindfs(behind, "share", "--xattr-none")
    engine = Filler(folder, f"{path}/store", "plain")
    engine("load", "-q", "-i", f"{folder}/child.tar")
    home = Path(behind, "store/overlay")
    assert (home / ".has-mount-program").read_text() == "true"
    assert list(home.glob("*/diff/bin/.wh.ls"))
    assert engine("run", "--rm", "--net=none", "child", "sh", "-c", LOOK).split() == SEEN
    engine.child("grandchild", "echo more > /d/b; rm /tmp/t", "child")
    assert engine("run", "--rm", "--net=none", "grandchild", "sh", "-c", "cat /d/?; ls /tmp").split() == ["deep", "more"]
    done = cli.run("imagestore", "attach", "--name", "plain", f"{path}/store")
    assert "plain: erofs: its layers were written for fuse-overlayfs" in done.stderr
    works(cli)
    shown = cli("run", "--rm", "--net=none", "grandchild", "sh", "-c", "cat /d/?; /bin/busybox ls -A /tmp")
    assert shown.split() == ["deep", "more"]
    cli("imagestore", "attach", "--way", "fuse", f"{path}/store")
    works(cli)
    cli("imagestore", "attach", "--way", "copy", f"{path}/store")
    cli("imagestore", "detach", "plain")
    works(cli)
    engine("rmi", "-fa")
