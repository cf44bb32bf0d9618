"""A process killed in the middle leaves nothing that the next writer does not clean."""

from __future__ import annotations

import io
import os
import signal
import time
import traceback

import pytest
from polypod.testing import storage_tar as tar
from polypod.testing.storage import CONTAINER, leftovers, put, put_image

pytestmark = pytest.mark.timeout(120)


def wait_for(condition, what: str):
    deadline = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.005)
    return found


def in_child(work) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def test_a_killed_extraction_is_removed_by_the_next_writer(tmp_path, reopen, store):
    read, write = os.pipe()
    data = tar.archive(tar.member("first", b"x"), tar.member("second", b"y" * 100_000))

    def work():
        os.close(write)
        reopen().put_layer("", os.fdopen(read, "rb", buffering=0))

    child = in_child(work)
    os.close(read)
    os.write(write, data[:4096])
    wait_for(lambda: store.driver.list(), "the layer's directory")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(write)
    assert store.driver.list() != []
    assert store.layers() == []
    put(store, "", tar.member("other", b"z"))
    assert store.driver.list() == [store.layers()[0].id]
    assert os.listdir(tmp_path / "root" / "overlay-layers" / "polypod-pending") == []


def test_an_extraction_that_goes_on_is_left_alone(reopen, store):
    read, write = os.pipe()
    data = tar.archive(tar.member("first", b"x"), tar.member("second", b"y" * 100_000))

    def work():
        os.close(write)
        reopen().put_layer("", os.fdopen(read, "rb", buffering=0))

    child = in_child(work)
    os.close(read)
    os.write(write, data[:4096])
    wait_for(lambda: store.driver.list(), "the layer's directory")
    put(store, "", tar.member("other", b"z"))
    with os.fdopen(write, "wb") as rest:
        rest.write(data[4096:])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(store.layers()) == 2


def test_an_incomplete_record_of_another_engine_is_removed(store):
    base = put(store, "", tar.member("f", b"1"))
    broken = "b" * 64
    store.driver.prepare(broken, "", False)
    with store.layer_records.lock(images=True):
        table = store.layer_records.edit(store.layer_records.image)
        table.put({"id": broken, "created": "2020-01-01T00:00:00Z", "flags": {"incomplete": True}})
        table.save(durable=False)
    assert [layer.id for layer in store.layers()] == [base.id]
    put(store, "", tar.member("g", b"1"))
    assert broken not in store.driver.list()
    assert broken not in store.layer_records.edit(store.layer_records.image).text


def test_sixteen_processes_put_the_same_layer_once(reopen, store):
    data = tar.archive(*(tar.member(f"f{n}", b"x" * 1000) for n in range(20)))
    children = [
        in_child(lambda: reopen().put_layer("", io.BytesIO(data))) for _ in range(16)
    ]
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.driver.list() == [layer.id for layer in store.layers()]
    assert len(store.driver.list()) == 1


def test_sixteen_processes_make_mount_and_delete_containers(reopen, store):
    base = put(store, "", tar.member("f", b"1"))
    image = put_image(store, base.id)

    def work(number: int):
        own = reopen()
        for turn in range(5):
            id = f"{number:02x}{turn:02x}" * 16
            own.create_container(id, (f"n{number}-{turn}",), image.id, {}, turn % 2 == 0)
            path = own.mount_container(id)
            assert os.listdir(path) == ["f"]
            own.unmount_container(id)
            if turn != 4:
                own.delete_container(id)

    children = [in_child(lambda number=number: work(number)) for number in range(16)]
    for child in children:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(store.containers()) == 16
    assert len(store.driver.list()) == 17
    for record in list(store.containers()):
        store.delete_container(record["id"])
    store.delete_image(image.id)
    assert leftovers(store) == []


@pytest.mark.parametrize("round", range(12))
def test_a_kill_anywhere_in_a_containers_life_can_be_cleaned(reopen, store, round):
    base = put(store, "", tar.member("f", b"1"))
    image = put_image(store, base.id)

    def work():
        own = reopen()
        while True:
            own.create_container(CONTAINER, ("n",), image.id, {}, False)
            own.mount_container(CONTAINER)
            own.container_dir(CONTAINER)
            own.delete_container(CONTAINER)

    child = in_child(work)
    wait_for(lambda: store.containers(), "the first container")
    time.sleep(round * 0.0007)  # another point of the cycle each round
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    store.delete_container(CONTAINER)
    assert store.containers() == []
    assert store.driver.list() == [base.id]
    store.create_container(CONTAINER, ("n",), image.id, {}, False)
    assert os.listdir(store.mount_container(CONTAINER)) == ["f"]
    store.delete_container(CONTAINER)
    store.delete_image(image.id)
    assert leftovers(store) == []


@pytest.mark.parametrize("round", range(8))
def test_a_kill_while_an_image_goes_leaves_it_whole_or_gone(reopen, store, round):
    one = put(store, "", *(tar.member(f"f{n}", b"1") for n in range(200)))
    two = put(store, one.id, tar.member("g", b"2"))
    image = put_image(store, two.id)
    child = in_child(lambda: reopen().delete_image(image.id))
    time.sleep(round * 0.0008)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for left in store.images():
        for layer in store.image_layers(left):
            assert store.driver.exists(layer.id)
        store.delete_image(left.id)
    other = put(store, "", tar.member("h", b"3"))  # a writer: it recovers what was left
    for layer in store.layers():
        assert store.driver.exists(layer.id)
        if layer.id != other.id and not any(x.parent == layer.id for x in store.layers()):
            store.delete_layer(layer.id)
    for layer in [x for x in store.layers() if x.id != other.id]:
        store.delete_layer(layer.id)
    assert store.driver.list() == [other.id]


@pytest.mark.parametrize("round", range(6))
def test_a_kill_while_many_images_go_leaves_each_whole_or_gone(reopen, store, round):
    base = put(store, "", tar.member("base", b"1"))
    ids = []
    for number in range(20):
        own = put(store, base.id, *(tar.member(f"f{number}-{n}", b"1") for n in range(10)))
        ids.append(put_image(store, own.id, f"localhost/i{number}:latest").id)
    child = in_child(lambda: reopen().delete_images(ids))
    time.sleep(round * 0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for left in store.images():
        for layer in store.image_layers(left):
            assert store.driver.exists(layer.id)
    outcome = store.delete_images([image.id for image in store.images()])
    assert all(isinstance(layers, list) for layers in outcome.values())
    put(store, "", tar.member("h", b"3"))  # a writer: it recovers what was left
    assert store.images() == []
    assert sorted(store.driver.list()) == sorted(layer.id for layer in store.layers())
