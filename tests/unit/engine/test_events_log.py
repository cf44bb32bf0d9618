"""The log of events: podman's lines, a rotation that loses and repeats nothing, filters."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest
from polypod.engine import events_log
from polypod.engine.events_filters import matcher
from polypod.engine.events_line import encode, parse
from polypod.errors import UsageError
from polypod.model.event import Event

PODMAN = (
    b'{"ContainerExitCode":17,"ID":"ab","Image":"i","Name":"n","Status":"died",'
    b'"Time":"2022-04-06T11:26:42.723667951+02:00","Type":"container","Attributes":{"k":"v"}}\n'
)


def event(number: int, **fields) -> Event:
    return Event(
        time=number, time_ns=number * 10**9, type="system", status="later", id=f"e{number}", **fields
    )


def test_podmans_lines_are_read_exactly() -> None:
    found = parse(PODMAN)
    assert found is not None
    assert (found.time_ns, found.exit_code) == (1649237202723667951, 17)
    assert found.attributes == {"k": "v"}
    assert parse(encode(found)) == found
    assert list(json.loads(encode(found))) == list(json.loads(PODMAN))
    none = json.loads(encode(event(1)))
    assert none["Attributes"] is None
    assert "Name" not in none


@pytest.mark.parametrize("line", [b"", b"{", b"{}", b'{"Time":"x","Type":"a","Status":"b"}', PODMAN[:-20]])
def test_a_line_that_is_none_is_left_out(line: bytes) -> None:
    assert parse(line) is None


def test_the_younger_half_stays(tmp_path) -> None:
    path = f"{tmp_path}/deep/log"
    size = len(encode(event(10)))
    for number in range(10, 20):
        events_log.append(path, encode(event(number)), 0)
    events_log.append(path, encode(event(20)), size * 10)
    found = list(events_log.read(path))
    assert [found[0].status, found[-2].status] == ["log-rotation", "log-rotation"]
    assert found[0].attributes == {"io.podman.event.rotate": "begin"}
    assert [one.id for one in found[1:-2]] == ["e16", "e17", "e18", "e19"]  # the cut's line goes too
    assert found[-1].id == "e20"
    assert os.listdir(f"{tmp_path}/deep") == ["log"]


def test_a_follower_sees_each_event_once_through_rotations(tmp_path) -> None:
    path = f"{tmp_path}/log"
    events_log.append(path, encode(event(0)), 0)
    following = events_log.follow(path, from_start=True)
    seen = [next(following).id]
    for number in range(1, 40):
        events_log.append(path, encode(event(number)), 1500)
        while True:
            one = next(following)
            if one.status != "log-rotation":
                break
            assert one.attributes["io.podman.event.rotate"] == "end"
        seen.append(one.id)
    following.close()
    assert seen == [f"e{number}" for number in range(40)]


def test_many_writers_lose_nothing(tmp_path) -> None:
    path = f"{tmp_path}/log"
    following = events_log.follow(path, from_start=True, until=time.time() + 20)

    def work(start: int) -> None:
        for number in range(start, start + 50):
            events_log.append(path, encode(event(number)), 40_000)

    threads = [threading.Thread(target=work, args=(start,)) for start in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    seen = []
    for one in following:
        if one.status == "later":
            seen.append(one.id)
        if len(seen) == 200:
            break
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 200


def test_following_ends_in_time(tmp_path) -> None:
    path = f"{tmp_path}/log"
    events_log.append(path, encode(event(5)), 0)
    assert [one.id for one in events_log.follow(path, from_start=True, until=1.0)] == ["e5"]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ([], True),
        (["container=n"], True),
        (["container=abc"], True),
        (["container=b"], False),
        (["container=x", "container=n"], True),
        (["container=n", "event=start"], False),
        (["event=die"], True),
        (["status=died", "type=container"], True),
        (["image=n"], False),
        (["label=k"], True),
        (["label=k=v"], True),
        (["label=k=w"], False),
        (["LABEL=k"], True),
    ],
)
def test_filters(filters: list[str], fits: bool) -> None:
    one = Event(time=1, type="container", status="died", id="abcd", name="n", attributes={"k": "v"})
    assert matcher(filters)(one) is fits


@pytest.mark.parametrize("text", ["colour=red", "container"])
def test_bad_filters(text: str) -> None:
    with pytest.raises(UsageError, match=r"^failed to parse event filters: \w+ is an invalid filter$"):
        matcher([text])
