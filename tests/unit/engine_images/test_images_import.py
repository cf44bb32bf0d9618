"""Importing tarballs: the same image as podman makes, and nothing after a failure."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.engine.images_import import ImportOptions, import_path
from polypod.engine.images_inspect import inspect_image
from polypod.engine.images_load import load_path
from polypod.engine.images_save import SaveOptions, save
from polypod.engine.runtime import Runtime
from polypod.errors import PolypodError, UsageError
from polypod.testing import peers
from polypod.testing.busybox import write_rootfs
from polypod.testing.images import make_busybox_image, make_image, tar_of


@pytest.fixture
def tarball(tmp_path: Path) -> str:
    path = tmp_path / "rootfs.tar"
    path.write_bytes(tar_of({"hello": b"hello\n", "d/x": b"x" * 5000}))
    os.utime(path, ns=(1_700_000_000_123_456_789,) * 2)
    return str(path)


def test_equals_podmans(rt: Runtime, podman: peers.Podman, tarball: str) -> None:
    changes = [
        'CMD ["/bin/sh","-c","x"]', "ENTRYPOINT /x", "ENV A=b", "EXPOSE 80", "LABEL a=b c",
        "STOPSIGNAL TERM", "USER 1:2", "VOLUME /v /w", "WORKDIR /a",
    ]  # fmt: skip
    flags = [word for change in changes for word in ("-c", change)]
    podman("import", "-q", "-m", "a message", *flags, tarball, "x")
    id = import_path(
        rt, tarball, ImportOptions(reference="x", changes=changes, message="a message")
    )
    theirs, own = podman.inspect("x"), inspect_image(rt, "x")
    assert own["Id"] == id == theirs["Id"]
    del own["GraphDriver"], theirs["GraphDriver"]
    assert json.dumps(own) == json.dumps(theirs)


@pytest.mark.parametrize("packer", ["gzip", "bzip2", "xz", "zstd"])
def test_compressed(rt: Runtime, tarball: str, packer: str) -> None:
    peers.need(packer)
    subprocess.run([packer, "-k", "-q", tarball], check=True)
    [packed] = [p for p in Path(tarball).parent.iterdir() if str(p) != tarball]
    os.utime(packed, ns=(1_700_000_000_123_456_789,) * 2)
    id = import_path(rt, str(packed), ImportOptions())
    image = rt.store.image(id)
    layer = rt.store.layer(image.top_layer)
    blob = json.loads(rt.store.manifest(image))["layers"][0]
    suffix = {"gzip": "+gzip", "zstd": "+zstd"}.get(packer, "")
    assert blob["mediaType"] == f"application/vnd.oci.image.layer.v1.tar{suffix}"
    assert blob["size"] == (packed.stat().st_size if suffix else Path(tarball).stat().st_size)
    # The layer is the same unpacked, and the file's time decides the image's: nothing new is made.
    assert import_path(rt, tarball, ImportOptions()) == id
    assert rt.store.layers() == [layer]


def test_platform_and_reproducible(rt: Runtime, tarball: str) -> None:
    options = ImportOptions(platform=("plan9", "arm64", "v8"))
    first = import_path(rt, tarball, options)
    assert import_path(rt, tarball, options) == first
    described = inspect_image(rt, first)
    assert (described["Os"], described["Architecture"]) == ("plan9", "arm64")
    assert described["Created"] == "2023-11-14T22:13:20.123456789Z"
    assert described["Comment"] == "imported from tarball"
    assert described["RepoTags"] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"I am no tarball at all\n", "importing"),
        (b"\x1f\x8b\x08 truncated gzip", "importing"),
    ],
)
def test_garbage(rt: Runtime, tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(PolypodError, match=message):
        import_path(rt, str(path), ImportOptions(reference="x"))
    assert rt.store.images() == []
    assert rt.store.layers() == []


def test_checked_before_anything_is_read(rt: Runtime, tarball: str) -> None:
    for options in (ImportOptions(reference="BAD"), ImportOptions(changes=["NOPE x"])):
        with pytest.raises(UsageError):
            import_path(rt, tarball, options)
    assert rt.store.layers() == []
    with pytest.raises(PolypodError, match="error opening file"):
        import_path(rt, "/nonexistent", ImportOptions())


def test_busybox_is_reproducible(rt: Runtime, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with open(tmp_path / name, "wb") as file:
            write_rootfs(file)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "polypod.testing.busybox", str(tmp_path / "c")], check=False
    )
    assert done.returncode == 0
    with tarfile.open(tmp_path / "c") as tar:
        names = tar.getnames()
        assert tar.getmember("tmp").mode == 0o1777
    assert {"bin/busybox", "bin/sh", "etc/passwd", "tmp"} <= set(names)
    make_busybox_image(rt)
    described = inspect_image(rt, "busybox")
    assert described["Config"]["Cmd"] == ["/bin/sh"]


class Handler(http.server.BaseHTTPRequestHandler):
    content = b""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        self.send_response(200 if self.path in ("/file", "/short") else 404)
        extra = 100 if self.path == "/short" else 0
        self.send_header("Content-Length", str(len(self.content) + extra))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


def test_from_the_web(rt: Runtime, tmp_path: Path, tarball: str, server: str) -> None:
    Handler.content = Path(tarball).read_bytes()
    lines: list[str] = []
    id = import_path(rt, f"{server}/moved", ImportOptions(reference="x"), lines.append)
    assert lines[0] == f'Downloading from "{server}/moved"'
    assert inspect_image(rt, "x")["Id"] == id
    for path, message in (("nope", "404"), ("short", "")):
        with pytest.raises(PolypodError, match=f"downloading {server}/{path}: .*{message}"):
            import_path(rt, f"{server}/{path}", ImportOptions())
    make_image(rt, "y")
    save(rt, ["y"], str(tmp_path / "y.tar"), SaveOptions())
    Handler.content = (tmp_path / "y.tar").read_bytes()
    assert load_path(rt, f"{server}/file") == ["localhost/y:latest"]
