"""The Python face: what a program that embeds the engine notices."""

from __future__ import annotations

import asyncio
import time

import polypod
import pytest
from polypod.errors import AlreadyExists, CommandNotFound, NoSuchContainer, NoSuchImage, PolypodError
from polypod.model.container import ContainerCreate, NetworkOptions
from polypod.testing.images import make_busybox_image
from polypod.testing.peers import unmount_below

OFFLINE = ContainerCreate(network=NetworkOptions(mode="none"))
IMAGE = "busybox"


@pytest.fixture
def roots(tmp_path_factory):
    base = tmp_path_factory.mktemp("api")
    yield {"root": str(base / "root"), "runroot": str(base / "run")}
    with polypod.Engine(root=str(base / "root"), runroot=str(base / "run")) as engine:
        for container in engine.containers.list(all=True):
            container.remove(force=True, timeout=0)
    unmount_below(base)


@pytest.fixture
def engine(roots):
    with polypod.Engine(**roots) as engine:
        make_busybox_image(engine.runtime)
        yield engine


def test_run_returns_output_exit_code_and_leaves_nothing(engine):
    result = engine.containers.run(
        IMAGE,
        ["sh", "-c", "cat; echo err >&2; exit 3"],
        remove=True,
        stdin=b"in\n",
        request=OFFLINE,
    )
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"in\n", b"err\n")
    assert engine.containers.list(all=True) == []
    with pytest.raises(PolypodError, match="exited with 3: err"):
        result.check()


def test_output_larger_than_any_pipe_arrives_whole(engine):
    result = engine.containers.run(
        IMAGE, ["sh", "-c", "dd if=/dev/zero bs=1024 count=3000 2>/dev/null"], remove=True, request=OFFLINE
    )
    assert len(result.stdout) == 3000 * 1024


def test_errors_are_polypod_errors(engine):
    with pytest.raises(NoSuchImage):
        engine.containers.run("nosuch", request=OFFLINE)
    with pytest.raises(CommandNotFound):
        engine.containers.run(IMAGE, ["nosuchcommand"], remove=True, request=OFFLINE)
    with pytest.raises(NoSuchContainer):
        engine.containers.get("nosuch")
    engine.containers.create(IMAGE, ["true"], name="taken", request=OFFLINE)
    with pytest.raises(AlreadyExists, match="taken"):
        engine.containers.create(IMAGE, ["true"], name="taken", request=OFFLINE)


def test_a_container_is_a_context_manager(engine):
    with engine.containers.start(IMAGE, ["sleep", "1000"], name="long", request=OFFLINE) as container:
        assert container.status == "running"
        assert container.name == "long"
        assert [found.id for found in engine.containers.list()] == [container.id]
        container.pause()
        assert container.status == "paused"
        container.unpause()
        container.stop(timeout=0)
        assert container.status == "exited"
        container.start()
        container.kill("KILL")
        assert container.wait() == 137
    assert not engine.containers.exists("long")


def test_exec_with_output_streams_and_stdin(engine):
    with engine.containers.start(IMAGE, ["sleep", "1000"], request=OFFLINE) as container:
        done = container.exec(["sh", "-c", "cat; id -u; exit 7"], user="5", stdin=b"x\n")
        assert (done.exit_code, done.stdout) == (7, b"x\n5\n")
        stream = container.exec_stream(["sh", "-c", "echo out; echo err >&2; exit 4"])
        parts: dict[str, bytes] = {"stdout": b"", "stderr": b""}
        while True:
            try:
                name, data = next(stream)
            except StopIteration as stop:
                code = stop.value
                break
            parts[name] += data
        assert (code, parts) == (4, {"stdout": b"out\n", "stderr": b"err\n"})


def test_logs_follow_until_the_end(engine):
    script = "echo one; sleep 0.2; echo two >&2"
    with engine.containers.start(IMAGE, ["sh", "-c", script], request=OFFLINE) as container:
        lines = [(line.stream, line.text) for line in container.logs(follow=True)]
        assert lines == [("stdout", b"one"), ("stderr", b"two")]


def test_events_can_be_read_and_followed(engine):
    following = engine.events.follow()
    began = time.time()
    engine.containers.run(IMAGE, ["true"], name="seen", remove=True, request=OFFLINE)
    statuses = []
    for event in following:
        if event.name == "seen":
            statuses.append(event.status)
            if event.status == "remove":
                break
    following.close()
    assert statuses[0] == "create"
    assert "start" in statuses and "died" in statuses
    read = [event.status for event in engine.events.read(since=began) if event.name == "seen"]
    assert read == statuses


def test_following_survives_a_rotation(engine, monkeypatch):
    from polypod.engine import events

    monkeypatch.setitem(engine.runtime.settings.engine.__dict__, "events_logfile_max_size", 1200)
    before = time.time()
    events.emit(engine.runtime, "system", "first", id="e0")
    following = engine.events.follow(since=before)
    for number in range(1, 20):
        events.emit(engine.runtime, "system", "later", id=f"e{number}")
    seen = [next(following).id for _ in range(5)]
    following.close()
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen, key=lambda text: int(text[1:]))


def test_who_waits_during_a_restart_gets_the_last_exit_code(engine, monkeypatch):
    from polypod.engine import init

    container = engine.containers.create(IMAGE, ["sh", "-c", "exit 3"], name="again", request=OFFLINE)
    container.start()
    assert container.wait() == 3
    make, seen = init._create_in_runtime, []

    def looked_at(*arguments):
        seen.append(container.wait())
        return make(*arguments)

    monkeypatch.setattr(init, "_create_in_runtime", looked_at)
    container.start()
    assert (seen, container.wait()) == ([3], 3)


def test_a_look_into_a_container(engine, tmp_path):
    (tmp_path / "file").write_text("in")
    with engine.containers.start(IMAGE, ["sleep", "1000"], request=OFFLINE) as container:
        container.copy_in(str(tmp_path / "file"), "/inside")
        container.copy_out("/inside", str(tmp_path / "back"))
        assert (tmp_path / "back").read_text() == "in"
        assert ("A", "/inside") in container.changes()
        assert [row["args"] for row in container.processes()] == ["sleep 1000"]
        container.update(memory=64 << 20)
        first = container.stats()
        assert (first.name, first.pids) == (container.name, 1)
        assert container.stats(first).cpu_ns >= first.cpu_ns


def test_images(engine):
    assert engine.images.exists(IMAGE)
    engine.images.tag(IMAGE, "other:1")
    assert engine.images.get("other:1").id == engine.images.get(IMAGE).id
    engine.images.remove("other:1")
    assert not engine.images.exists("other:1")
    assert engine.images.inspect(IMAGE)["Config"]["Cmd"] == ["/bin/sh"]
    with pytest.raises(NoSuchImage):
        engine.images.remove("nosuch")


def test_the_same_calls_as_asyncio(engine, roots):
    async def work():
        async with polypod.AsyncEngine(**roots) as other:
            results = await asyncio.gather(
                *(
                    other.containers.run(IMAGE, ["echo", str(n)], remove=True, request=OFFLINE)
                    for n in range(4)
                )
            )
            async with await other.containers.start(IMAGE, ["sleep", "100"], request=OFFLINE) as container:
                status = await container.status
                streamed = [part async for part in container.exec_stream(["echo", "hi"])]
            return [result.stdout for result in results], status, streamed

    outputs, status, streamed = asyncio.run(work())
    assert outputs == [b"0\n", b"1\n", b"2\n", b"3\n"]
    assert status == "running"
    assert streamed == [("stdout", b"hi\n")]


def test_image_stores_come_and_go_while_a_program_lives(engine, roots, tmp_path):
    with polypod.Engine(root=str(tmp_path / "r"), runroot=roots["runroot"], imagestore=str(tmp_path / "s")) as other:
        make_busybox_image(other.runtime, "localhost/stored:latest")
    assert not engine.images.exists("stored")
    with polypod.Engine(**roots) as another:
        another.imagestores.attach(str(tmp_path / "s"), "disk")
    engine.runtime.stores_age = 0.0
    assert engine.images.exists("stored")
    (tmp_path / "s").rename(tmp_path / "away")
    assert not engine.images.exists("stored")
    assert engine.containers.run(IMAGE, ["true"], remove=True, request=OFFLINE).exit_code == 0
    (tmp_path / "away").rename(tmp_path / "s")
    assert engine.containers.run("stored", ["true"], remove=True, request=OFFLINE).exit_code == 0


def test_image_stores(engine, roots, tmp_path):
    with polypod.Engine(root=str(tmp_path / "r"), runroot=roots["runroot"], imagestore=str(tmp_path / "s")) as other:
        make_busybox_image(other.runtime, "localhost/stored:latest")
    said = []
    store = engine.imagestores.attach(str(tmp_path / "s"), "disk", say=said.append)
    assert store.name == "disk" and said[0].startswith("image store disk: direct")
    assert engine.containers.run("stored", ["true"], remove=True, request=OFFLINE).exit_code == 0
    assert [finding.sound for finding in engine.imagestores.check()] == [True]
    engine.imagestores.move("disk", str(tmp_path / "t"))
    assert engine.imagestores.inspect("disk")["ImageNames"] == ["localhost/stored:latest"]
    engine.imagestores.detach("disk")
    assert [row["State"] for row in engine.imagestores.list()] == ["detached"]
    with pytest.raises(NoSuchImage, match="image store disk is detached"):
        engine.images.get("stored")
