"""``cp``: what goes where, who owns it, and that a hostile container leads nobody out of it."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile

import pytest
from polypod.testing.box import IMAGE, CliBox

BASE = "localhost/cp"


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        box("run", "--name", "base", "--network", "none", IMAGE, "mkdir", "-p", "/srv/sub", "/tmp")
        box("commit", "-q", "-c", "WORKDIR /srv", "base", BASE)
        box("rm", "base")
        box("run", "-d", "--name", "live", "--network", "none", BASE, "sleep", "10000")
        box("create", "--name", "made", "--network", "none", BASE, "sleep", "10000")
        yield box


@pytest.fixture
def src(tmp_path):
    (tmp_path / "dir/deep").mkdir(parents=True)
    (tmp_path / "dir/deep/a").write_text("A")
    (tmp_path / "dir/b").write_text("B")
    os.symlink("b", tmp_path / "dir/link")
    os.link(tmp_path / "dir/b", tmp_path / "dir/twin")
    (tmp_path / "file").write_text("F")
    os.chmod(tmp_path / "file", 0o741)
    os.utime(tmp_path / "file", (1_000_000_000, 1_000_000_000))
    return tmp_path


def sh(box: CliBox, script: str, name: str = "live") -> str:
    return box("exec", name, "sh", "-c", script)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/", "/file"), ("/new1", "/new1"), ("/tmp", "/tmp/file"), ("/tmp/", "/tmp/file"),
        ("/tmp/.", "/tmp/file"), (".", "/srv/file"), ("./", "/srv/file"), ("other", "/srv/other"),
        ("sub", "/srv/sub/file"),
    ],
)  # fmt: skip
def test_a_file_into_a_container(box, src, target, path) -> None:
    box("cp", src / "file", f"live:{target}")
    assert sh(box, f"cat {path}; stat -c '%a %Y' {path}; rm {path}") == "F741 1000000000\n"


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        ("dir", "/", "/dir"), ("dir/", "/tmp", "/tmp/dir"), ("dir/.", "/srv/sub", "/srv/sub"),
        ("dir", "/new2", "/new2"), ("dir/.", "/new3", "/new3"),
    ],
)  # fmt: skip
def test_a_directory_there_and_back(box, src, source, target, path) -> None:
    box("cp", f"{src}/{source}", f"live:{target}")
    assert sh(box, f"cat {path}/deep/a {path}/link {path}/twin; readlink {path}/link") == "ABBb\n"
    assert sh(box, f"stat -c %h {path}/b") == "2\n"
    box("cp", f"live:{path}/.", src / "back")
    assert (src / "back/deep/a").read_text() == "A"
    assert os.readlink(src / "back/link") == "b"
    box("cp", f"live:{path}", src)
    assert (src / os.path.basename(path) / "b").read_text() == "B"
    sh(box, f"rm -r {path}; mkdir -p /srv/sub")


def test_a_container_that_does_not_run_has_its_volumes(box, src) -> None:
    (src / "bound").mkdir()
    volume = "-v", f"{src}/bound:/data/bound", "-v", "cpvol:/data"
    box("create", "--name", "vol", *volume, "--network", "none", IMAGE, "sleep", "1")
    box("cp", src / "file", "vol:/data/bound")
    assert (src / "bound/file").read_text() == "F"
    box("cp", src / "dir", "vol:/data/")
    mountpoint = box("volume", "inspect", "--format", "{{.Mountpoint}}", "cpvol").strip()
    assert sorted(os.listdir(mountpoint)) == ["dir"]
    box("cp", "vol:/data/dir/b", "made:/tmp/b2")
    box("cp", "made:/tmp/b2", src / "again")
    assert (src / "again").read_text() == "B"
    box("rm", "vol")


def test_a_container_that_does_not_run_keeps_what_its_mounts_protect(box, src) -> None:
    for name, options in (("ro", "ro"), ("over", "O")):
        (src / name).mkdir()
        mount = f"{src}/{name}:/data:{options}", "-v", f"{src}/file:/file:ro"
        box("create", "--name", name, "-v", *mount, "--network", "none", IMAGE, "sleep", "1")
        assert "/data of container" in box.fails(125, "cp", src / "file", f"{name}:/data")
        assert "/data of container" in box.fails(125, "cp", src / "file", f"{name}:/data/new")
        assert "/file of container" in box.fails(125, "cp", src / "dir/b", f"{name}:/file")
        box.run("cp", "-", f"{name}:/data", input="", code=125)
        assert os.listdir(src / name) == [] and (src / "file").read_text() == "F"
        box("cp", f"{name}:/data", src / "back")
        box("cp", src / "file", f"{name}:/tmp")
        box("rm", name)


def test_a_part_of_a_volume_is_the_part_that_is_mounted(box, src) -> None:
    place = box("volume", "inspect", "--format", "{{.Mountpoint}}", box("volume", "create", "part").strip())
    os.makedirs(f"{place.strip()}/a/b")
    os.symlink(src, f"{place.strip()}/out")
    for path in ("/a/b", "/out"):
        mount = f"type=volume,source=part,destination=/data,subpath={path}"
        box("create", "--replace", "--name", "sub", "--mount", mount, "--network", "none", IMAGE, "sleep", "1")
        if path == "/out":
            assert "could not be found" in box.fails(125, "cp", src / "file", "sub:/data/")
            continue
        box("cp", src / "file", "sub:/data/")
        assert os.listdir(f"{place.strip()}/a/b") == ["file"]
    box("rm", "sub")


def test_a_link_on_the_host_is_written_through(box, src) -> None:
    (src / "other").mkdir()
    (src / "other/real").write_text("old")
    os.symlink("other/real", src / "pointer")
    box("cp", "live:/etc/passwd", src / "pointer")
    assert os.readlink(src / "pointer") == "other/real"
    assert (src / "other/real").read_text().startswith("root:")


def test_tmpfs_of_a_running_container(box, src) -> None:
    box("run", "-d", "--name", "tmp", "--tmpfs", "/t", "--network", "none", IMAGE, "sleep", "1000")
    box("cp", src / "file", "tmp:/t")
    assert sh(box, "cat /t/file", "tmp") == "F"
    box("rm", "-f", "-t", "0", "tmp")


def test_owners(box, src) -> None:
    box("run", "-d", "--name", "user", "--user", "1234:2345", "--network", "none", IMAGE, "sleep", "1000")
    os.chown(src / "file", 77, 88)
    box("cp", src / "file", "user:/mine")
    box("cp", "-a=false", src / "file", "user:/theirs")
    assert sh(box, "stat -c %u:%g /mine /theirs", "user") == "1234:2345\n77:88\n"
    box("cp", "user:/mine", src / "back")
    assert os.stat(src / "back").st_uid == os.geteuid()
    box("rm", "-f", "-t", "0", "user")


def test_archives(box, src) -> None:
    data = box.run("cp", "live:/etc/passwd", "-", text=False).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["passwd"]
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        archive.add(src / "dir", "in/dir")
    sh(box, "mkdir -p /arch")
    box.run("cp", "-", "live:/arch", input=made.getvalue(), text=False)
    assert sh(box, "cat /arch/in/dir/deep/a") == "A"
    data = box.run("cp", "live:/arch/in", "-", text=False).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["in", "in/dir", "in/dir/b", "in/dir/deep", "in/dir/deep/a", "in/dir/link", "in/dir/twin"]
    command = [*box.command, "cp", "-", "live:/arch"]
    done = subprocess.run(command, input=b"no archive" * 100, capture_output=True, check=False)
    assert b"source must be a (compressed) tar archive when copying from stdin" in done.stderr
    for path in ("/etc/passwd", "/nosuch"):
        command[-1] = f"live:{path}"
        done = subprocess.run(command, input=made.getvalue(), capture_output=True, check=False)
        assert b"destination must be a directory when copying from stdin" in done.stderr


def test_overwrite(box, src) -> None:
    sh(box, "mkdir -p /ow/file; touch /ow/dir /ow/file/x")
    for name in ("file", "dir"):
        message = box.fails(125, "cp", src / name, "live:/ow")
        assert f'error creating "/ow/{name}": ' in message and message.endswith("file exists")
        box("cp", "--overwrite", src / name, "live:/ow")
    assert sh(box, "cat /ow/file /ow/dir/b") == "FB"


def test_links_never_lead_out(box, src, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host")
    sh(box, f"mkdir -p /evil; ln -s {secret} /evil/abs; ln -s ../../../../../..{secret} /evil/rel; ln -s /proc/1/root /evil/root")
    sh(box, f"ln -s {tmp_path} /evil/dir; ln -s /nowhere/x /evil/dangling; ln -s /tmp/later /evil/later")
    for name in ("abs", "rel", "dir/secret", "root/../../../tmp/nosuch"):
        assert "could not be found on container live" in box.fails(125, "cp", f"live:/evil/{name}", src / "out")
    assert not (src / "out").exists()
    assert "could not be found" in box.fails(125, "cp", src / "file", "live:/evil/dir/planted")
    assert "could not be found" in box.fails(125, "cp", src / "file", "live:/evil/dangling")
    box("cp", src / "file", "live:/evil/later")
    assert sh(box, "cat /tmp/later; rm /tmp/later") == "F"
    box("cp", "live:/evil", src / "got")  # links as links
    assert os.readlink(src / "got/abs") == str(secret)
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("../../planted")
        archive.addfile(info, io.BytesIO())
    done = subprocess.run([*box.command, "cp", "-", "live:/evil"], input=made.getvalue(), capture_output=True, check=False)
    assert done.returncode == 125 and b"leaves" in done.stderr
    sh(box, "rm -r /evil")


def test_errors(box, src) -> None:
    assert box.fails(125, "cp", src / "none", "live:/tmp") == (
        f'Error: "{src}/none" could not be found on the host: no such file or directory'
    )
    assert box.fails(125, "cp", src / "file", "live:/none/") == (
        'Error: "/none/" could not be found on container live: no such file or directory'
    )
    assert box.fails(125, "cp", src / "dir", "live:/etc/passwd") == (
        "Error: destination must be a directory when copying a directory"
    )
    assert "must be a directory or a regular file" in box.fails(125, "cp", "live:/etc/passwd", "/dev/null")
    assert 'container "nosuch" does not exist' in box.fails(125, "cp", "nosuch:/x", src)
    assert "you must specify paths" in box.fails(125, "cp", "live:", src)
    assert "does not exist" in box.fails(125, "cp", src / "file", src / "copy")


def test_nothing_stays_mounted(box) -> None:
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounted = [line for line in file if f"{box.folder}/" in line and "merged" in line]
    assert len(mounted) == 1  # the one container that runs


def suggested(box: CliBox, *words: str) -> list[str]:
    command = [box.command[0], "__completeNoDesc", *box.command[1:], *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()


def test_paths_are_suggested(box, src) -> None:
    sh(box, "mkdir -p /sug/deep /sug/empty; touch /sug/one /sug/other; ln -s / /sug/link")
    found = suggested(box, "cp", "live:/sug/")
    assert found == [f"live:/sug/{name}" for name in ("deep/", "empty/", "link", "one", "other")] + [":6"]
    assert suggested(box, "cp", "live:/sug/o") == ["live:/sug/one", "live:/sug/other", ":6"]
    assert suggested(box, "cp", "live:/sug/empty") == ["live:/sug/empty/", ":6"]
    assert "live:" in suggested(box, "cp", "")
    assert suggested(box, "exec", "live", "/sug/on") == ["/sug/one", ":6"]
    for words in (("run", IMAGE), ("create", "--name", "x", IMAGE)):
        assert "/bin/" in suggested(box, *words, "")
        assert "bin/" in suggested(box, *words, "b")
        assert "/bin/sh" in suggested(box, *words, "/bin")
        assert "../../bin/" in suggested(box, *words, "../../")
    assert suggested(box, "run", "nosuchimage", "/") == [":6"]
    assert "lo" in suggested(box, "network", "create", "--interface-name", "l")
    assert all(word.startswith(("net.", ":4")) for word in suggested(box, "run", "--sysctl", "net."))
    sh(box, "rm -r /sug")
