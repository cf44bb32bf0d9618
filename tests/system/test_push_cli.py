"""``push`` as a user types it, to a real registry, and what skopeo and podman read there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

import pytest
from polypod.testing.images import tar_of
from polypod.testing.peers import Podman, need, run, unmount_below
from polypod.testing.program import Program
from polypod.testing.registry import HostileRegistry, Registry
from polypod.testing.registry_hostile import status

INSECURE = "--tls-verify=false"


@pytest.fixture
def image(cli: Program, tmp_path: Path) -> str:
    """The name of an image whose layer has a megabyte that cannot be compressed."""
    tar = tmp_path / "rootfs.tar"
    tar.write_bytes(tar_of({"hello": b"hello\n", "noise": os.urandom(1 << 20)}))
    cli("import", "-q", "-c", "CMD /x", "-c", "LABEL a=b", tar, "localhost/img:1")
    return "localhost/img:1"


@pytest.fixture
def spot(registry: Registry) -> str:
    """A repository of its own."""
    return f"{registry.host}/t{os.urandom(4).hex()}"


def raw(name: str) -> dict[str, Any]:
    need("skopeo")
    found: dict[str, Any] = json.loads(
        run("skopeo", "inspect", INSECURE, "--raw", f"docker://{name}")
    )
    return found


def layers_of(name: str) -> list[str]:
    return [layer["digest"] for layer in raw(name)["layers"]]


def test_push_says_what_podman_says(cli: Program, image: str, spot: str, tmp_path: Path) -> None:
    digest = tmp_path / "digest"
    done = cli.run("push", INSECURE, "--digestfile", digest, image, f"{spot}:1")
    found = cli.inspect(image)
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "Getting image source signatures", f"Copying blob {found['RootFS']['Layers'][0]}",
        f"Copying config sha256:{found['Id']}", "Writing manifest to image destination",
    ]  # fmt: skip
    told = json.loads(run("skopeo", "inspect", INSECURE, f"docker://{spot}:1"))["Digest"]
    assert digest.read_text() == told
    assert raw(f"{spot}:1")["config"]["digest"] == f"sha256:{found['Id']}"
    again = cli.run("image", "push", INSECURE, image, f"docker://{spot}:2")
    assert "skipped: already exists" in again.stderr
    assert layers_of(f"{spot}:2") == layers_of(f"{spot}:1")
    assert cli.run("push", "-q", INSECURE, image, f"{spot}:3").stderr == ""
    told = cli("events", "--stream=false", "--filter", "event=push", "--format", "{{.Name}}")
    assert f"{spot}:3" in told.splitlines()


def test_podman_runs_what_was_pushed(cli: Program, image: str, spot: str) -> None:
    found = cli.inspect(image)
    for tag, flags in {
        "plain": (), "v2s2": ("--format", "v2s2"), "oci": ("-f", "oci"),
        "zstd": ("--compression-format", "zstd"),
        "chunked": ("--compression-format", "zstd:chunked"),
    }.items():  # fmt: skip
        cli("push", "-q", INSECURE, *flags, image, f"{spot}:{tag}")
        folder = tempfile.mkdtemp(prefix="pp")
        try:
            podman = Podman(f"{folder}/root", f"{folder}/run")
            podman("pull", "-q", INSECURE, f"{spot}:{tag}")
            other = podman.inspect(f"{spot}:{tag}")
            assert other["Id"] == found["Id"]
            assert other["RootFS"] == found["RootFS"]
        finally:
            unmount_below(folder)
            shutil.rmtree(folder)
    assert raw(f"{spot}:v2s2")["mediaType"].startswith("application/vnd.docker.")
    assert raw(f"{spot}:zstd")["layers"][0]["mediaType"].endswith("+zstd")
    marks = raw(f"{spot}:chunked")["layers"][0]["annotations"]
    assert all(key.startswith("io.github.containers.zstd-chunked.") for key in marks)
    cli("rmi", "-f", image)
    cli("pull", "-q", INSECURE, f"{spot}:chunked")
    assert cli.inspect(f"{spot}:chunked")["RootFS"] == found["RootFS"]
    assert raw(f"{spot}:oci")["layers"][0]["mediaType"].endswith("+gzip")


def test_formats_there_and_back_keep_the_digests(cli: Program, image: str, spot: str) -> None:
    cli("push", "-q", INSECURE, image, f"{spot}:a")
    cli("push", "-q", INSECURE, "--format", "v2s2", image, f"{spot}:b")
    cli("push", "-q", INSECURE, "--format", "oci", image, f"{spot}:c")
    assert raw(f"{spot}:a") == raw(f"{spot}:c")
    assert layers_of(f"{spot}:a") == layers_of(f"{spot}:b")


def test_what_podman_pulled_goes_back_unchanged(cli: Program, image: str, spot: str) -> None:
    """One store for both: the manifest's bytes, and so its digest, survive."""
    cli("push", "-q", INSECURE, "--format", "v2s2", image, f"{spot}:first")
    cli("rmi", "-f", image)
    shutil.rmtree(f"{cli.folder}/root/polypod")  # nothing is remembered
    podman = Podman(f"{cli.folder}/root", f"{cli.folder}/run")
    podman("pull", "-q", INSECURE, f"{spot}:first")
    done = cli.run("push", INSECURE, f"{spot}:first", f"{spot}-copy:second")
    assert "skipped: already exists" in done.stderr  # mounted from the other repository
    first, second = (
        run("skopeo", "inspect", INSECURE, "--raw", f"docker://{name}")
        for name in (f"{spot}:first", f"{spot}-copy:second")
    )
    assert first == second


def test_every_transport_is_read_by_skopeo(cli: Program, image: str, tmp_path: Path) -> None:
    need("skopeo")
    found = cli.inspect(image)
    targets = {
        f"dir:{tmp_path}/d": f"dir:{tmp_path}/d",
        f"oci:{tmp_path}/o:some/name:tag": f"oci:{tmp_path}/o:some/name:tag",
        f"oci-archive:{tmp_path}/oa.tar:x": f"oci-archive:{tmp_path}/oa.tar:x",
        f"docker-archive:{tmp_path}/da.tar:new:2": f"docker-archive:{tmp_path}/da.tar:new:2",
    }
    for target, readable in targets.items():
        cli("push", "-q", image, target)
        run("skopeo", "copy", readable, f"dir:{tmp_path}/check")
        config = json.loads((tmp_path / "check/manifest.json").read_text())["config"]["digest"]
        assert config == f"sha256:{found['Id']}", target
    tags = json.loads(run("tar", "-xOf", tmp_path / "da.tar", "manifest.json"))[0]["RepoTags"]
    assert tags == ["docker.io/library/new:2", image]
    cli("push", "-q", image, "containers-storage:other:9")
    assert "localhost/other:9" in cli.inspect(image)["RepoTags"]


def test_dir_keeps_plain_layers_and_compresses_when_asked(
    cli: Program, image: str, tmp_path: Path
) -> None:
    cli("push", "-q", image, f"dir:{tmp_path}/plain")
    cli("push", "-q", "--compress", image, f"dir:{tmp_path}/packed")
    diff_id = cli.inspect(image)["RootFS"]["Layers"][0]
    assert (tmp_path / "plain" / diff_id[7:]).exists()
    layer = json.loads((tmp_path / "packed/manifest.json").read_text())["layers"][0]
    assert layer["mediaType"].endswith("+gzip")
    assert layer["digest"] != diff_id


def test_an_oci_directory_takes_several_images(cli: Program, image: str, tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        cli("push", "-q", image, f"oci:{tmp_path}/o:{name}")
    index = json.loads((tmp_path / "o/index.json").read_text())
    names = [e["annotations"]["org.opencontainers.image.ref.name"] for e in index["manifests"]]
    assert names == ["b", "a"]
    running = [cli.start("push", image, f"oci:{tmp_path}/o:n{number}") for number in range(5)]
    for process in running:
        _, told = process.communicate()
        assert process.returncode == 0, told
    assert len(json.loads((tmp_path / "o/index.json").read_text())["manifests"]) == 7


def test_what_cannot_be_done_is_said_at_once(cli: Program, image: str, tmp_path: Path) -> None:
    def says(words: str, *args: object) -> None:
        assert words in cli.fails(125, "push", *args)

    says("image not known", "nosuchimage", "dir:/x")
    says("unknown compression format", "--compression-format", "lz9", image, f"dir:{tmp_path}/x")
    says("invalid compression level", "--compression-format", "gzip", "--compression-level", "77",
         image, f"dir:{tmp_path}/x")  # fmt: skip
    says('unknown format "vhs"', "--format", "vhs", image, f"dir:{tmp_path}/x")
    says("v2s1 is not supported", "--format", "v2s1", image, f"dir:{tmp_path}/x")
    says("encrypting images is not supported", "--encryption-key", "jwe:x", image, "dir:x")
    says("docker-daemon transport is not supported", image, "docker-daemon:x:y")
    says("invalid destination", image, "localhost:1/UPPER")
    says("an image ID names no repository", cli.inspect(image)["Id"])
    (tmp_path / "full").mkdir()
    (tmp_path / "full/letter").write_text("dear")
    says("is not empty", image, f"dir:{tmp_path}/full")
    (tmp_path / "old.tar").write_text("x")
    says("modifying existing images", image, f"docker-archive:{tmp_path}/old.tar")
    says("no such file or directory", image, f"oci-archive:{tmp_path}/no/such.tar")
    assert sorted(os.listdir(tmp_path / "full")) == ["letter"]
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    with closed:
        port = closed.getsockname()[1]
        says("connection refused", "--retry", "0", INSECURE, image, f"127.0.0.1:{port}/x:1")


def test_push_needs_credentials_where_the_registry_does(cli: Program, image: str) -> None:
    with Registry(user="me", password="secret", tls=True) as guarded:
        name = f"{guarded.host}/img:1"
        flags = ("--cert-dir", guarded.cert_dir)
        error = cli.fails(125, "push", *flags, "--creds", "me:wrong", image, name)
        assert re.search("checking whether a blob .* exists in .*/img: ", error)
        assert "authentication required" in error
        assert "x509" in cli.fails(125, "push", "--retry=0", "--creds", "me:secret", image, name)
        cli("push", *flags, "--creds", "me:secret", image, name)


def test_a_damaged_layer_is_named(cli: Program, image: str, spot: str) -> None:
    diff_id = cli.inspect(image)["RootFS"]["Layers"][0]
    upper = cli.inspect(image)["GraphDriver"]["Data"]["UpperDir"]
    with open(f"{upper}/noise", "r+b") as file:
        file.seek(1000)
        file.write(b"rot")
    for target in (f"{spot}:x", f"dir:{cli.folder}/out", f"oci-archive:{cli.folder}/out.tar"):
        error = cli.fails(125, "push", INSECURE, image, target)
        assert diff_id in error
        assert 'checksum failed for "noise"' in error
    assert not os.path.exists(f"{cli.folder}/out.tar")
    assert not os.path.exists(f"{cli.folder}/out")
    os.mkdir(f"{cli.folder}/there")
    for _ in range(2):  # what is left in a folder that was there does not stand in the way
        assert diff_id in cli.fails(125, "push", image, f"dir:{cli.folder}/there")
    assert "manifest unknown" in run_failing("skopeo", "inspect", INSECURE, f"docker://{spot}:x")


def run_failing(*words: str) -> str:
    import subprocess

    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode
    return done.stderr


def test_two_processes_push_the_same_image(cli: Program, image: str, spot: str) -> None:
    running = [cli.start("push", INSECURE, image, f"{spot}:{n % 2}") for n in range(4)]
    for process in running:
        _, told = process.communicate()
        assert process.returncode == 0, told
    assert layers_of(f"{spot}:0") == layers_of(f"{spot}:1")


class Cutter:
    """Passes connections on to a server and cuts the first ``times`` after ``limit`` bytes."""

    def __init__(self, target: str, limit: int, times: int) -> None:
        host, _, port = target.partition(":")
        self._target = (host, int(port))
        self._limit, self.left = limit, times
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for one, other, counted in ((client, server, True), (server, client, False)):
                thread = threading.Thread(
                    target=self._pump, args=(one, other, counted), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        passed = 0
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
                passed += len(data)
                with self._lock:
                    if counted and passed > self._limit and self.left:
                        self.left -= 1
                        break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_an_upload_that_breaks_off_goes_on(
    cli: Program, image: str, registry: Registry, spot: str
) -> None:
    with Cutter(registry.host, 300_000, 2) as cut:
        name = spot.replace(registry.host, cut.host)
        cli("push", INSECURE, "--retry-delay", "10ms", image, f"{name}:1")
        assert cut.left == 0
    cli("push", "-q", INSECURE, image, f"{spot}:2")
    assert layers_of(f"{spot}:1") == layers_of(f"{spot}:2")


def test_a_registry_that_never_takes_a_layer(
    cli: Program, image: str, registry: Registry, spot: str
) -> None:
    with Cutter(registry.host, 300_000, 99) as cut:
        name = spot.replace(registry.host, cut.host)
        error = cli.fails(
            125, "push", INSECURE, "--retry=1", "--retry-delay", "10ms", image, f"{name}:1"
        )
    assert "uploading blob" in error
    assert name in error
    assert cli.inspect(image)  # nothing happened here


def test_a_registry_that_knows_dockers_format_only(
    cli: Program, image: str, registry: Registry, spot: str
) -> None:
    """Stood in for by one that refuses the first manifest."""
    place = {"Location": "/v2/x/blobs/uploads/1", "Range": "0-0"}
    with HostileRegistry() as hostile:
        hostile.on("POST", "/uploads/", lambda request: request.answer(202, b"", place))
        hostile.on("PATCH", "/uploads/", lambda request: request.answer(202, b"", place))
        hostile.on("PUT", "/uploads/", lambda request: request.answer(201, b""))
        hostile.on("PUT", "/manifests/", lambda request: request.answer(201, b""))
        hostile.on("PUT", "/manifests/", status(415, "UNSUPPORTED"), times=1)
        cli("push", "-q", INSECURE, image, f"{hostile.host}/x:1")
        kinds = [h["Content-Type"] for m, p, h in hostile.requests if m == "PUT" and "/manif" in p]
        assert ["oci" in kind for kind in kinds] == [True, False]
        hostile.on("PUT", "/manifests/", status(415, "UNSUPPORTED"), times=1)
        cli.fails(125, "push", "--format", "oci", INSECURE, image, f"{hostile.host}/x:1")


def test_registries_that_refuse(cli: Program, image: str) -> None:
    patient = (INSECURE, "--retry=1", "--retry-delay", "1ms")

    def accept_uploads(hostile: HostileRegistry) -> None:
        place = {"Location": "/v2/x/blobs/uploads/1", "Range": "0-0"}
        hostile.on("POST", "/uploads/", lambda request: request.answer(202, b"", place))
        hostile.on("PATCH", "/uploads/", lambda request: request.answer(202, b"", place))
        hostile.on("PUT", "/uploads/", lambda request: request.answer(201, b""))
        hostile.on("PUT", "/manifests/", lambda request: request.answer(201, b""))

    with HostileRegistry() as hostile:
        hostile.on("POST", "/uploads/", status(500))
        error = cli.fails(125, "push", *patient, image, f"{hostile.host}/x:1")
        assert "500" in error and f"{hostile.host}/x" in error
        hostile.on("POST", "/uploads/", status(202))  # without a place to upload to
        assert "does not say where to" in cli.fails(
            125, "push", *patient, image, f"{hostile.host}/x:1"
        )
    with HostileRegistry() as hostile:
        accept_uploads(hostile)
        cli("tag", image, f"{hostile.host}/secret:1")  # which may not be mounted from
        hostile.on("POST", "mount=", status(403, "DENIED"))
        cli("push", "-q", *patient, image, f"{hostile.host}/secret:2")
        cli("push", "-q", *patient, image, f"{hostile.host}/x:1")
        assert any("mount=" in path for path in hostile.paths("POST"))
        hostile.on("PUT", "/manifests/", status(400, "MANIFEST_INVALID"))
        error = cli.fails(125, "push", *patient, image, f"{hostile.host}/x:1")
        assert "uploading manifest 1 to" in error and "manifest invalid" in error.lower()
        wrong = {"Docker-Content-Digest": "sha256:" + "0" * 64}
        hostile.on("PUT", "/manifests/", lambda request: request.answer(201, b"", wrong))
        assert "should have" in cli.fails(125, "push", *patient, image, f"{hostile.host}/x:1")
    assert cli.inspect(image)
