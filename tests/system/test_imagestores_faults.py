"""Disks that fail, pulls that are killed, stores that podman has written, disks that must come off."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from polypod.testing.imagestores import Disks, Filler
from polypod.testing.peers import Podman, need
from polypod.testing.program import Program
from polypod.testing.registry import Registry

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


def test_a_disk_that_answers_with_io_errors(cli: Program, disks: Disks, folder: str) -> None:
    need("xfs_io")
    path = disks.loop("disk", "xfs")
    Filler(folder, f"{path}/store").busybox(folder)
    cli("imagestore", "attach", "--name", "disk", f"{path}/store")
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "bb", "sleep", "1000")
    cli("import", "-q", "-c", "CMD /bin/sh", f"{folder}/busybox.tar", "mine")
    subprocess.run(["xfs_io", "-x", "-c", "shutdown", path], check=True)
    done = cli.run("images")
    assert "localhost/mine" in done.stdout and "disk (detached)" in done.stdout
    assert done.stderr.count("\n") == 1 and "input/output error" in done.stderr
    assert "(detached: disk)" in cli("ps")
    assert cli("run", "--rm", "--net=none", "mine", "/bin/busybox", "echo", "hi") == "hi\n"
    assert "image store disk is absent" in cli.fails(125, "run", "--rm", "bb", "true")
    cli("rm", "-f", "-t", "0", "c")
    cli("imagestore", "detach", "disk")
    cli("images")


def test_a_disk_that_is_mounted_elsewhere_is_found(cli: Program, disks: Disks, folder: str) -> None:
    """Without detach and attach: the same place on a disk, and the same ID."""
    path = disks.loop("disk")
    Filler(folder, f"{path}/deep/store").busybox(folder)
    cli("imagestore", "attach", "--name", "disk", f"{path}/deep/store")
    cli("create", "--net=none", "--name", "c", "bb", "echo", "hi")
    disks.unmount(path)
    other = disks.place("other")
    disks.mount_loop(f"{folder}/disk.img", other)
    done = cli.run("start", "-a", "c")
    assert done.stdout == "hi\n"
    assert f"image store disk is at {other}/deep/store now" in done.stderr
    assert cli.run("ps", "-a").stderr == ""
    assert f"{other}/deep/store" in cli("imagestore", "ls")
    disks.unmount(other)
    assert "image store disk is absent" in cli.fails(125, "start", "c")


@pytest.mark.parametrize("kind", ["ext4", "bindfs"])
def test_a_disk_comes_off_after_detach(cli: Program, disks: Disks, folder: str, kind: str) -> None:
    behind = disks.place("behind")
    path = disks.loop("disk", kind) if kind == "ext4" else disks.bindfs(behind, "disk")
    Filler(folder, f"{path}/store").busybox(folder)
    cli("imagestore", "attach", "--name", "disk", f"{path}/store")
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "bb", "sleep", "1000")
    cli("image", "mount", "bb")
    cli("imagestore", "detach", "--force", "disk")
    disks.unmount(path)  # not lazily: nothing of ours is on it any more
    again = disks.place("again")
    if kind == "ext4":
        disks.mount_loop(f"{folder}/disk.img", again)
    else:
        again = disks.bindfs(behind, "again")
    assert cli("imagestore", "attach", f"{again}/store") == "disk\n"
    cli("start", "c")
    assert cli("exec", "c", "/bin/busybox", "echo", "hi") == "hi\n"


def test_podmans_store_is_attached(cli: Program, disks: Disks, folder: str) -> None:
    """A graphroot of podman's, found below the directory that holds it."""
    maker = Filler(folder, f"{folder}/making", "maker")
    maker.busybox(folder)
    maker.child("child", "mkdir /d; echo deep > /d/a; rm -r /tmp; mkdir /tmp")
    maker("save", "-q", "-o", f"{folder}/child.tar", "child")
    podman = Podman(f"{folder}/disk/containers/storage", f"{folder}/pn")
    podman("load", "-q", "-i", f"{folder}/child.tar")
    disks.unmount_below(f"{folder}/disk")
    assert cli("imagestore", "attach", f"{folder}/disk") == "disk\n"
    assert cli("run", "--rm", "--net=none", "child", "cat", "/d/a") == "deep\n"
    assert "disk: sound: 1 images, 2 layers" in cli("imagestore", "check")
    assert "localhost/child" in podman("images")
    cli("create", "--net=none", "--name", "c", "child", "cat", "/d/a")
    podman("rmi", "child")
    assert "detached" not in cli("ps", "-a")  # the store is there; the image is not
    assert "is not on disk" in cli.fails(125, "start", "c")
    podman("load", "-q", "-i", f"{folder}/child.tar")
    disks.unmount_below(f"{folder}/disk")


def test_pulls_into_a_shared_store_are_killed_and_repeated(
    cli: Program, folder: str, tmp_path: Path
) -> None:
    """And the store moves to another place while one more engine pulls into it."""
    need("docker-registry")
    maker = Filler(folder, f"{folder}/making", "maker")
    maker.busybox(folder)
    maker.child("child", "dd if=/dev/urandom of=/data bs=1M count=16 2>/dev/null; echo deep > /a")
    shared = f"{folder}/shared"
    with Registry(tmp_path) as registry:
        name = f"{registry.host}/test/child:1"
        maker("tag", "child", name)
        maker("push", "-q", "--tls-verify=false", name)
        pull = ("pull", "-q", "--tls-verify=false", name)
        engines = [Filler(folder, shared, engine) for engine in "abc"]
        chance = random.Random(5)
        for _ in range(5):
            process = engines[0].cli.start(*pull)
            time.sleep(chance.uniform(0.1, 0.6))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        again = [engine.cli.start(*pull) for engine in engines]
        for process in again:
            error = process.communicate()[1]
            assert process.returncode == 0, error
        assert cli("imagestore", "attach", shared) == "shared\n"
        assert "shared: sound: 1 images, 2 layers" in cli("imagestore", "check")
        assert cli("run", "--rm", "--net=none", name, "cat", "/a") == "deep\n"
        engines[0]("rmi", name)
        process = engines[0].cli.start(*pull)
        time.sleep(chance.uniform(0.2, 0.5))
        moving = cli.start("imagestore", "move", "shared", f"{folder}/moved")
        errors = [one.communicate()[1] for one in (process, moving)]
        assert b"Traceback" not in b"".join(errors) and b"this is a bug" not in b"".join(errors)
        place = f"{folder}/moved" if moving.returncode == 0 else shared
        Filler(folder, place, "d")(*pull)
        assert "sound" in cli("imagestore", "check", "--repair") or "sound" in cli("imagestore", "check")
        assert cli("run", "--rm", "--net=none", name, "cat", "/a") == "deep\n"


def test_a_hostile_store_does_not_lead_out_of_itself(cli: Program, folder: str) -> None:
    """A disk that somebody else has written shows nothing of the host and names no file of ours."""
    store, secret = f"{folder}/store", f"{folder}/secret"
    Filler(folder, store).busybox(folder)
    os.mkdir(secret)
    Path(secret, "key").write_text("secret\n")
    identity = Path(store, "polypod-store.json")
    identity.write_text('{"id": "../../../../../evil"}')
    assert "is damaged" in cli.fails(125, "imagestore", "attach", store)
    identity.unlink()
    cli("imagestore", "attach", store)
    [layer] = [name for name in os.listdir(f"{store}/overlay") if len(name) == 64]
    [short] = os.listdir(f"{store}/overlay/l")
    os.rename(f"{store}/overlay/{layer}/diff", f"{store}/overlay/{layer}/real")
    os.symlink(secret, f"{store}/overlay/{layer}/diff")
    assert "leads out of" in cli.fails(125, "run", "--rm", "--net=none", "bb", "cat", "/key")
    assert "leads out of" in cli.fails(125, "image", "mount", "bb")
    assert "leads out of" in cli.fails(125, "save", "-o", f"{folder}/x.tar", "bb")
    assert "leads out of" in cli.fails(125, "imagestore", "export", "store", f"{folder}/x.erofs")
    assert "leads out of" in cli.fails(125, "imagestore", "attach", "--way", "copy", store)
    os.unlink(f"{store}/overlay/{layer}/diff")
    os.rename(f"{store}/overlay/{layer}/real", f"{store}/overlay/{layer}/diff")
    os.unlink(f"{store}/overlay/l/{short}")
    os.symlink(secret, f"{store}/overlay/l/{short}")
    assert "leads out of" in cli.fails(125, "run", "--rm", "--net=none", "bb", "cat", "/key")
    os.unlink(f"{store}/overlay/l/{short}")
    Path(f"{store}/overlay/{layer}/link").write_text("../../../secret")
    assert "has no link file" in cli.fails(125, "run", "--rm", "--net=none", "bb", "cat", "/key")
    assert os.listdir(f"{store}/overlay/l") == []
    table = Path(store, "overlay-layers/layers.json")
    table.write_text(table.read_text().replace(layer, "../../secret"))
    done = cli.run("images")
    assert "leads out of the store" in done.stderr


def test_nor_do_its_lost_links_older_layers_and_modes(cli: Program, folder: str) -> None:
    store, secret = f"{folder}/store", f"{folder}/secret"
    Filler(folder, store).busybox(folder)
    os.mkdir(secret, 0o700)
    key = Path(secret, "key")
    key.write_text("secret\n")
    key.chmod(0o600)
    cli("imagestore", "attach", store)
    [layer] = [name for name in os.listdir(f"{store}/overlay") if len(name) == 64]
    cli("create", "--net=none", "--name", "c", "bb", "cat", "/key")
    os.symlink(secret, f"{store}/overlay/{layer}/diff1")
    assert "leads out of" in cli.fails(125, "start", "-a", "c")
    os.unlink(f"{store}/overlay/{layer}/diff1")
    os.rename(f"{store}/overlay/l", f"{folder}/l")
    os.rename(f"{store}/overlay/{layer}/diff", f"{folder}/diff")
    os.symlink(secret, f"{store}/overlay/{layer}/diff")
    assert "leads out of" in cli.fails(125, "start", "-a", "c")
    os.unlink(f"{store}/overlay/{layer}/diff")
    os.rename(f"{folder}/diff", f"{store}/overlay/{layer}/diff")
    cli("start", "c")
    for link, place in (("overlay-images/x", key), (f"overlay/{'a' * 64}", secret)):
        os.symlink(place, f"{store}/{link}")
        assert "lead out of" in cli.fails(125, "imagestore", "attach", "--shared", store)
        os.unlink(f"{store}/{link}")
    assert (key.stat().st_mode & 0o777, os.stat(secret).st_mode & 0o777) == (0o600, 0o700)
    cli("imagestore", "attach", "--shared", store)
