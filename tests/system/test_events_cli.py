"""``polypod events``: what happened, filtered and shaped as podman does."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import uuid

import pytest
from polypod.testing.box import IMAGE, CliBox, eventually
from polypod.testing.network import random_subnet

NETWORK = f"ev{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="module")
def box():
    with CliBox() as box:
        box(
            "run", "--rm", "--name", "gone", "--label", "k=a b", "--network", "none",
            IMAGE, "sh", "-c", "exit 3", code=3,
        )  # fmt: skip
        box("volume", "create", "vol")
        box("network", "create", "--subnet", random_subnet(), NETWORK)
        box("network", "rm", NETWORK)
        yield box


def past(box: CliBox, *words: str) -> list[str]:
    return box("events", "--stream=false", *words).splitlines()


def test_the_line_of_a_container(box) -> None:
    (line,) = past(box, "--filter", "container=gone", "-f", "event=start")
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4} \S+"
    assert re.fullmatch(
        rf"{stamp} container start [0-9a-f]{{64}} \(image={IMAGE}, name=gone, k=a b\)", line
    )
    (short,) = past(box, "--filter", "container=gone", "-f", "event=start", "--no-trunc=false")
    assert re.search(r" start [0-9a-f]{12} \(", short)


def test_filters_and_formats(box) -> None:
    statuses = past(box, "--filter", "label=k=a b", "--format", "{{.Status}}")
    assert statuses[0] == "create" and statuses[-1] == "remove" and "start" in statuses
    assert past(box, "-f", "status=die", "--format", "{{.Name}} {{.ContainerExitCode}} {{.Attributes.k}}") == [
        "gone 3 a b"
    ]
    (text,) = past(box, "-f", "volume=vo", "--format", "json")
    shown = json.loads(text)
    assert list(shown) == ["Name", "Status", "time", "timeNano", "Type", "Attributes"]
    assert (shown["Name"], shown["Attributes"]) == ("vol", None)
    assert shown["timeNano"] // 10**9 == shown["time"]
    made, removed = past(box, "-f", "type=network")
    assert re.search(rf" network create [0-9a-f]{{64}} \(name={NETWORK}, type=bridge\)$", made)
    assert " network remove " in removed
    assert past(box, "--since", "1h", "--until", "1m", "-f", "type=network") == [made, removed]
    assert past(box, "--until", "2001-01-01") == []


def test_events_are_streamed(box) -> None:
    process = box.start(
        "events", "-f", "type=volume", "--format", "{{.Status}} {{.Name}}", stdout=subprocess.PIPE
    )
    # What comes before the command watches is past: so make volumes until one is seen.
    count = 0

    def seen() -> bool:
        nonlocal count
        count += 1
        box("volume", "create", f"s{count}")
        return bool(select.select([process.stdout], [], [], 0.2)[0])

    eventually(seen)
    assert process.stdout.readline().startswith(b"create s")
    process.send_signal(signal.SIGINT)
    process.wait(10)


def test_what_cannot_be_read(box) -> None:
    for words, message in (
        (("events", "--since", "the dawn of time"), "failed to parse event filters"),
        (("events", "--filter", "colour=red"), "failed to parse event filters: colour is an invalid filter"),
        (("--events-backend", "none", "events"), 'cannot read events with the "none" backend'),
    ):
        assert message in box.fails(125, *words)


def test_an_event_that_cannot_be_noted_stops_nothing(box, tmp_path) -> None:
    conf = tmp_path / "containers.conf"
    for place in ("/dev/full", f"{conf}/below"):
        conf.write_text(f'[engine]\nevents_logfile_path = "{place}"\n')
        env = {**os.environ, "CONTAINERS_CONF_OVERRIDE": str(conf)}
        name = f"lost{len(place)}"
        done = box.run("volume", "create", name, env=env)
        assert done.stdout == f"{name}\n"
        assert f"event create of volume {name} is not noted: {place}" in done.stderr
        box("volume", "rm", name)
