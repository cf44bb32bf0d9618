"""``pull``, ``run`` and ``create`` with registries: what is printed, several at once, and killed ones."""

from __future__ import annotations

import os
import pty
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.assembly import open_runtime
from polypod.engine.images_pull import PullOptions, pull
from polypod.engine.images_remove import RemoveOptions, remove_all
from polypod.engine.runtime import Runtime
from polypod.registry.access import Access
from polypod.testing import registry_hostile as hostile
from polypod.testing.busybox import write_rootfs
from polypod.testing.images import assert_whole
from polypod.testing.peers import unmount_below
from polypod.testing.program import Program
from polypod.testing.registry import HostileRegistry

ROUNDS = 9
PLAIN = PullOptions(access=Access(tls_verify=False, retry=0))


@pytest.fixture
def folder() -> Iterator[str]:
    # In memory where that is possible: the stores of killed pulls are written many times.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = tempfile.mkdtemp(prefix="pp", dir=memory)
    yield path
    unmount_below(path)
    shutil.rmtree(path)


@pytest.fixture
def cli(folder: str) -> Program:
    return Program(folder)


@pytest.fixture
def registry() -> Iterator[HostileRegistry]:
    with HostileRegistry() as registry:
        yield registry


def runtime(folder: str) -> Runtime:
    return open_runtime(
        {"root": f"{folder}/root", "runroot": f"{folder}/run", "storage-driver": "overlay"}
    )


def big_layers(count: int, size: int, seed: int = 0) -> list[bytes]:
    """Layers of files that hardly compress, and some that do."""
    dice = random.Random(seed)
    found = []
    for number in range(count):
        files = {f"l{number}/f{n}": dice.randbytes(size // 20) for n in range(20)}
        files |= {f"l{number}/many{n}": b"text\n" * 100 for n in range(50)}
        found.append(hostile.layer(files))
    return found


def pulls(registry: HostileRegistry, *words: object) -> tuple[object, ...]:
    return ("pull", "--tls-verify=false", *words, f"{registry.host}/x")


# -- what is printed ------------------------------------------------------------------------------------


def test_lines_in_a_pipe(cli: Program, registry: HostileRegistry) -> None:
    manifest = registry.add_image(layers=big_layers(3, 1000))
    done = cli.run(*pulls(registry))
    id = manifest["config"]["digest"].removeprefix("sha256:")
    assert done.stdout == f"{id}\n"
    blobs = [f"Copying blob {layer['digest']}" for layer in manifest["layers"]]
    lines = done.stderr.splitlines()
    assert lines == [
        f"Trying to pull {registry.host}/x:latest...",
        "Getting image source signatures",
        *blobs,
        f"Copying config sha256:{id}",
        "Writing manifest to image destination",
        "Storing signatures",
    ]
    again = cli.run("image", *pulls(registry)).stderr.splitlines()
    assert again[2:5] == [f"{blob} skipped: already exists" for blob in blobs]


def test_quiet(cli: Program, registry: HostileRegistry) -> None:
    registry.add_image()
    done = cli.run(*pulls(registry, "-q"))
    assert done.stderr == ""
    assert len(done.stdout) == 65


def test_bars_on_a_terminal(cli: Program, registry: HostileRegistry) -> None:
    """Bars with speed and time left while blobs come, a line for each that is done, no bar left over."""
    manifest = registry.add_image(layers=big_layers(2, 3_000_000))
    registry.on("GET", "/blobs/", dripping)
    master, slave = pty.openpty()
    process = cli.start(*pulls(registry), stdout=subprocess.PIPE, stderr=slave, stdin=slave)
    os.close(slave)
    shown = read_all(master)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert out.decode() == manifest["config"]["digest"].removeprefix("sha256:") + "\n"
    text = shown.decode()
    assert "MB/s" in text
    assert "0:00:" in text
    for layer in manifest["layers"]:
        assert f"Copying blob {layer['digest'].removeprefix('sha256:')[:12]} done" in text
    tail = text.rpartition("Copying config")[2]
    assert "━" not in tail
    assert "Writing manifest to image destination" in tail
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def dripping(request: hostile.Request) -> None:
    """A blob in some pieces, with pauses."""
    data = request.registry.blobs[request.path.rpartition("/")[2]]
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    step = len(data) // 8 + 1
    for start in range(0, len(data), step):
        request.wfile.write(data[start : start + step])
        request.registry.stopping.wait(0.1)


def read_all(fd: int) -> bytes:
    found = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # the other side is closed
            os.close(fd)
            return found
        found += data


def test_one_of_several_fails(cli: Program, registry: HostileRegistry) -> None:
    """The others are pulled; each failure has its line."""
    registry.add_image()
    good, bad = f"{registry.host}/x", f"{registry.host}/x:nope"
    done = cli.run("pull", "--tls-verify=false", "-q", bad, good, f"{bad}2", code=125)
    assert len(done.stdout.splitlines()) == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"Error: initializing source docker://{bad}: reading manifest nope in")
    assert second.startswith(f"Error: initializing source docker://{bad}2: ")


def test_flags_that_are_wrong(cli: Program, registry: HostileRegistry) -> None:
    said = cli.fails(125, *pulls(registry, "--platform", "linux/arm64", "--arch", "arm64"))
    assert said == "Error: --platform option can not be specified with --arch or --os"
    said = cli.fails(125, *pulls(registry, "--authfile", "/nope/auth"))
    assert "credential file is not accessible" in said
    said = cli.fails(125, *pulls(registry, "--decryption-key", "k"))
    assert "encrypted images are not supported" in said
    said = cli.fails(125, *pulls(registry, "--policy", "x"))
    assert said == 'Error: unsupported pull policy "x"'
    assert registry.requests == []


def test_retries(cli: Program, registry: HostileRegistry) -> None:
    registry.add_image()
    registry.on("GET", "/blobs/", hostile.status(503), times=2)
    done = cli.run(*pulls(registry, "--retry", 2, "--retry-delay", "10ms"))
    assert done.stderr.count("Failed, retrying in 10ms ...") == 2
    cli("rmi", "-a", "-f")
    registry.on("GET", "/blobs/", hostile.status(503))
    said = cli.fails(125, *pulls(registry, "--retry", 0, "-q"))
    assert "503" in said
    assert "retrying" not in said


# -- run and create ---------------------------------------------------------------------------------------


@pytest.fixture
def busybox(registry: HostileRegistry) -> str:
    """The full name of an image that can run."""
    import gzip

    with tempfile.TemporaryFile() as file:
        write_rootfs(file)
        file.seek(0)
        layer = gzip.compress(file.read(), 1, mtime=0)
    registry.add_image(layers=[layer], config={"config": {"Env": ["PATH=/bin"]}})
    return f"{registry.host}/x"


def test_run_pulls_what_is_missing(cli: Program, registry: HostileRegistry, busybox: str) -> None:
    run = ("run", "--rm", "--network", "none", "--tls-verify=false")
    first = cli.run(*run, busybox, "echo", "hello")
    assert first.stdout == "hello\n"
    assert first.stderr.startswith(f"Trying to pull {busybox}:latest...\n")
    registry.requests.clear()
    second = cli.run(*run, busybox, "echo", "hello")
    assert (second.stdout, second.stderr) == ("hello\n", "")
    assert registry.requests == []
    third = cli.run(*run, "--pull=always", "-q", busybox, "echo", "hello")
    assert (third.stdout, third.stderr) == ("hello\n", "")
    assert registry.requests != []
    registry.requests.clear()
    assert cli.run(*run, "--pull=newer", busybox, "true").stderr == ""
    assert registry.requests != []


def test_create_for_another_platform(cli: Program, registry: HostileRegistry, busybox: str) -> None:
    done = cli.run("create", "--tls-verify=false", "--platform", "linux/arm64", busybox, "true")
    assert "WARNING: image platform (linux/amd64) does not match the expected" in done.stderr
    assert len(done.stdout) == 65
    container = cli("inspect", "--format", "{{.ImageName}}", done.stdout.strip())
    assert container == f"{busybox}:latest\n"
    cli("rm", done.stdout.strip())


def test_run_with_an_image_that_cannot_be_had(cli: Program, registry: HostileRegistry) -> None:
    name = f"{registry.host}/nope"
    said = cli.fails(125, "run", "--tls-verify=false", name, "true").splitlines()
    assert said[0] == f"Trying to pull {name}:latest..."
    assert said[1].startswith(f"Error: initializing source docker://{name}:latest: reading manifest")
    assert cli.fails(125, "run", "--pull=never", name) == f"Error: {name}: image not known"
    assert cli("ps", "-aq") == ""


# -- several at once ----------------------------------------------------------------------------------------


def test_two_processes_fetch_each_layer_once(folder: str, registry: HostileRegistry) -> None:
    manifest = registry.add_image(layers=big_layers(5, 400_000))
    ready = threading.Barrier(3)
    first = threading.Event()

    def together(request: hostile.Request) -> None:
        """Both processes have the manifest before the first of them goes on."""
        if not first.is_set():
            ready.wait(20)
        hostile.ordinary(request)

    registry.on("GET", "/manifests/latest", together)
    registry.on("GET", "/blobs/", hostile.slow(0.2))
    cli = Program(folder)
    processes = [cli.start(*pulls(registry)) for _ in range(2)]
    ready.wait(20)
    first.set()
    for process in processes:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out.decode().strip() == manifest["config"]["digest"].removeprefix("sha256:")
    for layer in manifest["layers"]:
        asked = [path for path in registry.paths("GET") if path.endswith(layer["digest"])]
        assert len(asked) == 1
    rt = runtime(folder)
    assert_whole(rt)
    rt.close()


def test_a_process_that_is_killed_gives_its_layers_free(
    folder: str, registry: HostileRegistry
) -> None:
    """The one that waits for a layer fetches it when the other one dies."""
    registry.add_image(layers=big_layers(3, 400_000))
    asked = threading.Event()

    def stuck(request: hostile.Request) -> None:
        asked.set()
        hostile.stall(1000)(request)

    registry.on("GET", "/blobs/sha256:", stuck, times=4)
    config = registry.manifests["latest"][0].split(b'"digest": "')[1].split(b'"')[0].decode()
    registry.on("GET", config, hostile.ordinary)
    cli = Program(folder)
    with cli.start(*pulls(registry)) as first:
        assert asked.wait(20)
        with cli.start(*pulls(registry)) as second:
            assert second.stderr is not None
            while not (line := second.stderr.readline()).startswith(b"Waiting for another process"):
                assert line, "it did not wait"
            registry.on("GET", "/blobs/", hostile.ordinary)
            first.kill()
            first.wait()
            _, err = second.communicate(timeout=30)
            assert second.returncode == 0, err
    rt = runtime(folder)
    assert_whole(rt)
    rt.close()


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_killed_at_any_point_then_three_at_once(folder: str, registry: HostileRegistry) -> None:
    """What a killed pull leaves, the next ones repair, although they are three."""
    registry.add_image(layers=big_layers(6, 1_000_000))
    cli = Program(folder)
    started = time.monotonic()
    cli(*pulls(registry, "-q"))
    duration = time.monotonic() - started
    rt = runtime(folder)
    remove_all(rt, RemoveOptions())
    for round in range(ROUNDS):
        with cli.start(*pulls(registry, "-q"), process_group=0) as process:
            try:
                process.wait(duration * (round + 1) / ROUNDS)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        if round % 3 == 0:
            three = [cli.start(*pulls(registry, "-q")) for _ in range(3)]
            for one in three:
                _, err = one.communicate(timeout=60)
                assert one.returncode == 0, err
        else:
            pull(rt, f"{registry.host}/x", PLAIN)
        assert len(rt.store.images()) == 1
        assert_whole(rt)
        remove_all(rt, RemoveOptions())
        assert rt.store.layers() == []
    rt.close()


def test_helpers_die_with_their_process(folder: str, registry: HostileRegistry) -> None:
    registry.add_image(layers=big_layers(4, 400_000))
    asked = threading.Event()

    def stuck(request: hostile.Request) -> None:
        asked.set()
        hostile.stall(1000)(request)

    layers = [path for path in registry.blobs if len(registry.blobs[path]) > 10_000]
    registry.on("GET", "|".join(layers), stuck)
    with Program(folder).start(*pulls(registry)) as process:
        assert asked.wait(20)
        wait_for(lambda: len(children(process.pid)) >= 2)
        helpers = children(process.pid)
        process.kill()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in helpers))


def children(pid: int) -> list[int]:
    try:
        return [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except OSError:
        return []


def test_interrupted(folder: str, registry: HostileRegistry) -> None:
    """Ctrl-C ends it at once, in one line at most, and leaves nothing."""
    registry.add_image(layers=big_layers(4, 400_000))
    asked = threading.Event()

    def stuck(request: hostile.Request) -> None:
        asked.set()
        hostile.stall(1000)(request)

    layers = [path for path in registry.blobs if len(registry.blobs[path]) > 10_000]
    registry.on("GET", "|".join(layers), stuck)
    with Program(folder).start(*pulls(registry, "-q"), process_group=0) as process:
        assert asked.wait(20)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    assert process.returncode != 0
    rt = runtime(folder)
    assert_whole(rt)
    rt.close()


# -- memory ----------------------------------------------------------------------------------------------


def test_memory_stays_flat(folder: str, registry: HostileRegistry) -> None:
    """All processes of a pull together, as the kernel counts shared pages, whatever the layers' size."""
    peaks = []
    for size in (3_000_000, 16_000_000):
        registry.add_image(layers=big_layers(6, size, seed=size))
        process = Program(folder).start(*pulls(registry, "-q"))
        peak = 0
        while process.poll() is None:
            peak = max(peak, proportional(process.pid))
            time.sleep(0.01)
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out
        peaks.append(peak)
    assert peaks[1] < 120 << 20
    assert peaks[1] < peaks[0] * 1.6


def proportional(pid: int) -> int:
    """Bytes of a process and its children, each shared page counted once in all."""
    total = 0
    for one in (pid, *children(pid)):
        try:
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) << 10
        except OSError:
            continue
    return total
