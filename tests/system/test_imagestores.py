"""Image stores that are attached, detached, pulled and moved while the engine lives."""

from __future__ import annotations

import json
import os
import shutil
import time

import pytest
from polypod.testing.imagestores import Disks, Filler
from polypod.testing.program import Program

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]

CHANGES = "rm /bin/ls; mkdir -p /d; echo deep > /d/a; rm -rf /tmp; mkdir /tmp; echo new > /tmp/t"


def filled(folder: str, store: str) -> Filler:
    """A store with bb, and child on it, which deletes and replaces files and directories."""
    filler = Filler(folder, store)
    filler.busybox(folder)
    filler.child("child", CHANGES)
    return filler


def works(cli: Program, image: str = "child") -> None:
    """Containers see the child's content, whiteouts and opaque directories included."""
    shown = cli("run", "--rm", "--net=none", image, "sh", "-c", "cat /d/a; echo /tmp/*; test -e /bin/ls || echo gone")
    assert shown.split() == ["deep", "/tmp/t", "gone"]


def rows(cli: Program) -> dict[str, dict[str, object]]:
    return {row["Name"]: row for row in json.loads(cli("imagestore", "ls", "--format", "json"))}


def status(cli: Program, name: str) -> str:
    return cli("ps", "-a", "--filter", f"name={name}", "--format", "{{.Status}}").strip()


def test_a_store_is_attached_used_detached_and_comes_back_elsewhere(cli: Program, folder: str) -> None:
    store = f"{folder}/disk/store"
    filled(folder, store)
    done = cli.run("imagestore", "attach", "--name", "usb", store)
    assert done.stdout == "usb\n"
    assert "image store usb: direct" in done.stderr
    assert rows(cli)["usb"]["State"] == "attached"
    shown = cli("images").splitlines()
    assert shown[0].split()[-2:] == ["R/O", "STORE"]
    assert shown[1].split()[-2:] == ["true", "usb"]
    works(cli)
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "child", "sleep", "1000")
    document = json.loads(cli("inspect", "c"))[0]
    assert cli.fails(2, "imagestore", "detach", "usb").startswith(
        f"Error: image store usb is in use by running container(s) c ({document['Id'][:12]})"
    )
    assert status(cli, "c").startswith("Up")
    assert cli("imagestore", "detach", "--force", "usb") == "usb\n"
    assert status(cli, "c").startswith("Exited (137)")
    assert status(cli, "c").endswith("(detached: usb)")
    assert cli("images").splitlines()[1].split()[-2:] == ["usb", "(detached)"]
    assert rows(cli)["usb"]["State"] == "detached"
    for words in (("start", "c"), ("run", "--rm", "child", "true"), ("create", "child")):
        error = cli.fails(125, *words)
        assert error.count("\n") == 0
        assert "image store usb is detached" in error and "polypod imagestore attach" in error
    os.rename(f"{folder}/disk", f"{folder}/other place")
    assert cli("imagestore", "attach", f"{folder}/other place/store") == "usb\n"
    works(cli)
    cli("start", "c")
    assert cli("exec", "c", "cat", "/d/a") == "deep\n"
    assert status(cli, "c").startswith("Up") and "detached" not in status(cli, "c")
    cli("rm", "-f", "-t", "0", "c")
    assert cli("imagestore", "detach", "--forget", "usb") == "usb\n"
    assert rows(cli) == {} and cli("images", "-q") == ""


def test_rm_of_a_container_whose_store_is_away(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filled(folder, store)
    cli("imagestore", "attach", store)
    cli("create", "--net=none", "--name", "c", "child")
    cli("imagestore", "detach", "store")
    assert cli.fails(2, "imagestore", "detach", "--forget", "store").endswith("without --forget")
    shutil.rmtree(store)
    cli("rm", "c")
    assert cli("ps", "-aq") == ""
    assert [name for name in os.listdir(f"{folder}/root/overlay") if len(name) == 64] == []


def test_a_store_is_filled_by_the_engine_that_has_it_attached(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filled(folder, store)
    cli("imagestore", "attach", store)
    writing = ("--imagestore", store)
    cli(*writing, "tag", "child", "again")
    cli(*writing, "rmi", "child")
    shown = cli(*writing, "images", "-n", "--format", "{{.Repository}} {{.ReadOnly}}").splitlines()
    assert sorted(shown) == ["localhost/again false", "localhost/bb false"]
    cli(*writing, "run", "--net=none", "--name", "c", "again", "cat", "/d/a")
    assert cli("start", "-a", "c") == "deep\n"
    cli("imagestore", "detach", "store")
    assert "(detached: store)" in cli("ps", "-a")


def test_commands_on_what_is_detached(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filler = filled(folder, store)
    filler("save", "-q", "-o", f"{folder}/child.tar", "child")
    cli("imagestore", "attach", store)
    cli("image", "mount", "bb")
    cli("run", "--net=none", "--name", "c", "child", "sh", "-c", "echo hi; echo more > /more")
    assert "images are mounted" in cli.fails(2, "imagestore", "detach", "store")
    cli("imagestore", "detach", "--force", "store")
    assert "/merged" not in cli("image", "mount")
    for words in (("commit", "c", "x"), ("export", "-o", f"{folder}/x.tar", "c"), ("tag", "bb", "z")):
        assert "store" in cli.fails(125, *words) and "detached" in cli.fails(125, *words)
    assert cli("logs", "c") == "hi\n"
    assert json.loads(cli("inspect", "c"))[0]["ImageName"] == "localhost/child:latest"
    cli("system", "check", "--repair")  # nothing is taken for damage and removed
    cli("system", "prune", "--filter", "label=none", "-f")
    cli("rename", "c", "d")
    os.rename(store, f"{folder}/moved")
    cli("imagestore", "attach", f"{folder}/moved")
    cli("load", "-q", "-i", f"{folder}/child.tar")
    cli("system", "check")  # d stands on the store's copy of a layer that is here as well
    cli("image", "mount", "bb")
    os.rename(f"{folder}/moved", f"{folder}/away")
    cli("image", "unmount", "bb")
    os.rename(f"{folder}/away", f"{folder}/moved")
    assert cli("start", "-a", "d") == "hi\n"
    cli("commit", "-q", "d", "x")
    assert cli("run", "--rm", "--net=none", "x", "cat", "/more", "/d/a") == "more\ndeep\n"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "tmpfs", "bindfs"])
def test_a_disk_that_is_pulled_under_a_running_container(
    cli: Program, disks: Disks, folder: str, kind: str
) -> None:
    if kind == "tmpfs":
        path = disks.tmpfs("disk")
    elif kind == "bindfs":
        path = disks.bindfs(disks.place("behind"), "disk")
    else:
        path = disks.loop("disk", kind)
    filled(folder, f"{path}/store")
    Filler(folder, f"{folder}/root", "own").busybox(folder, "mine")
    cli("imagestore", "attach", "--name", "disk", f"{path}/store")
    works(cli)
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "child", "sleep", "1000")
    disks.unmount(path, lazy=True)
    done = cli.run("ps")
    assert "(detached: disk)" in done.stdout and "Up" in done.stdout
    assert done.stderr.count("image store disk is not usable") == 1
    done = cli.run("images")
    assert "disk (detached)" in done.stdout and "localhost/mine" not in done.stderr
    assert done.stderr.count("\n") == 1 and "image store disk is not usable" in done.stderr
    assert "image store disk is absent" in cli.fails(125, "run", "--rm", "child", "true")
    cli("exec", "c", "true")
    cli("rm", "-f", "-t", "0", "c")
    assert rows(cli)["disk"]["State"] == "absent"
    assert cli.run("imagestore", "detach", "disk").stdout == "disk\n"


def test_what_hangs_is_left_out_and_never_waited_for_twice(
    cli: Program, disks: Disks, folder: str
) -> None:
    path = disks.bindfs(disks.place("behind"), "share")
    filled(folder, f"{path}/store")
    cli("imagestore", "attach", "--name", "nfs", f"{path}/store")
    works(cli)
    mine = Filler(folder, f"{folder}/own", "own")
    mine.busybox(folder, "mine")
    mine("save", "-q", "-o", f"{folder}/mine.tar", "mine")
    cli("load", "-q", "-i", f"{folder}/mine.tar")
    cli("run", "-d", "--net=none", "--name", "c", "--stop-signal", "KILL", "child", "sleep", "1000")
    cli("run", "-d", "--net=none", "--name", "d", "mine", "sleep", "1000")
    disks.stop(path)
    started = time.monotonic()
    done = cli.run("images", timeout=30)
    assert "nfs (detached)" in done.stdout and "localhost/mine" in done.stdout
    assert "does not answer" in done.stderr
    assert time.monotonic() - started < 6
    started = time.monotonic()
    assert "(detached: nfs)" in cli("ps", timeout=30)
    sizes = cli.run("ps", "-s", "--format", "{{.Names}} {{.Size}}", timeout=30)
    assert "c unknown\n" in sizes.stdout and "(virtual" in sizes.stdout
    assert sizes.stderr.count("\n") == 1
    assert "image store nfs is absent" in cli.fails(125, "container", "diff", "c", timeout=30)  # an image ID may begin with c
    assert cli("run", "--rm", "--net=none", "mine", "echo", "hi", timeout=30) == "hi\n"
    assert "does not answer" in cli.fails(125, "run", "--rm", "child", "true", timeout=30)
    cli("rm", "-f", "-t", "0", "d", timeout=30)
    cli("rm", "-f", "-t", "0", "c", timeout=30)
    assert time.monotonic() - started < 8
    assert cli("ps", "-aq", timeout=30) == ""
    disks.resume(path)
    works(cli)


def test_a_required_store_that_is_absent_is_an_error(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filled(folder, store)
    cli("imagestore", "attach", "--required", store)
    cli("create", "--net=none", "--name", "c", "child")
    os.rename(store, f"{folder}/away")
    for words in (("images",), ("run", "--rm", "child"), ("start", "c")):
        assert "image store store is absent" in cli.fails(125, *words)
    assert "c" in cli("ps", "-a")
    assert rows(cli)["store"]["State"] == "absent"
    cli("rm", "c")
    cli("imagestore", "attach", "--optional", f"{folder}/away")
    works(cli)


def test_an_empty_directory_becomes_a_store_and_others_are_refused(cli: Program, folder: str) -> None:
    os.mkdir(f"{folder}/new")
    done = cli.run("imagestore", "attach", f"{folder}/new")
    assert "is an image store now" in done.stderr
    Filler(folder, f"{folder}/new").busybox(folder)
    assert cli("run", "--rm", "--net=none", "bb", "echo", "hi") == "hi\n"
    (os.makedirs(f"{folder}/junk/sub"))
    assert "holds no image store" in cli.fails(125, "imagestore", "attach", f"{folder}/junk")
    assert "no such file" in cli.fails(125, "imagestore", "attach", f"{folder}/nope")
    assert "neither an erofs nor a squashfs" in cli.fails(125, "imagestore", "attach", f"{folder}/busybox.tar")
    assert "own store" in cli.fails(125, "imagestore", "attach", f"{folder}/root")
    assert "cannot be the name" in cli.fails(125, "imagestore", "attach", "--name", "a/b", f"{folder}/new")
    assert "no image store is named" in cli.fails(125, "imagestore", "detach", "nope")
    other = f"{folder}/second"
    Filler(folder, other, "filler2").busybox(folder)
    assert "choose another --name" in cli.fails(125, "imagestore", "attach", "--name", "new", other)


def test_the_writable_store_is_whole_by_itself(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filler = filled(folder, store)
    filler("save", "-q", "-o", f"{folder}/child.tar", "child")
    cli("imagestore", "attach", store)
    cli("run", "--net=none", "--name", "c", "child", "sh", "-c", "echo more > /d/b")
    cli("commit", "-q", "c", "committed")
    cli("rm", "c")
    cli("tag", "bb", "mine")
    cli("load", "-q", "-i", f"{folder}/child.tar")
    cli("imagestore", "detach", "store")
    os.rename(store, f"{folder}/gone")
    works(cli, "committed")
    assert cli("run", "--rm", "--net=none", "committed", "cat", "/d/b") == "more\n"
    assert cli("run", "--rm", "--net=none", "mine", "echo", "hi") == "hi\n"
    works(cli, "child")
    cli("rmi", "committed", "mine", "child")
    assert [name for name in os.listdir(f"{folder}/root/overlay") if len(name) == 64] == []


def test_shared_layers_when_asked_for(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filled(folder, store)
    cli("imagestore", "attach", "--share-layers", store)
    cli("run", "--net=none", "--name", "c", "bb", "sh", "-c", "echo more > /b")
    cli("commit", "-q", "c", "committed")
    cli("rm", "c")
    assert len([name for name in os.listdir(f"{folder}/root/overlay") if len(name) == 64]) == 1
    assert cli("run", "--rm", "--net=none", "committed", "cat", "/b") == "more\n"


def test_images_of_a_store_are_read_only_in_podmans_words(cli: Program, folder: str) -> None:
    store = f"{folder}/store"
    filled(folder, store)
    cli("imagestore", "attach", store)
    id = cli("images", "-q", "--no-trunc", "bb").strip().removeprefix("sha256:")
    assert f'cannot remove read-only image "{id}"' in cli.fails(125, "rmi", "bb")
    assert cli("images", "--format", "{{.ReadOnly}} {{.Store}}", "bb") == "true store\n"
    assert json.loads(cli("image", "inspect", "bb"))[0]["Id"] == id
    assert cli("rmi", "-a") == ""
    cli("imagestore", "detach", "store")
    assert "image store store is detached" in cli.fails(1, "rmi", "bb")
    [one, _] = json.loads(cli("images", "--format", "json"))
    assert (one["Store"], one["Detached"], one["ReadOnly"]) == ("store", True, True)
