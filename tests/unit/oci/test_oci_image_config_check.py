"""Image configs of wrong types are not let in: stored, they would break the list of all images."""

from __future__ import annotations

import json
from typing import Any

import pytest
from polypod.oci.archive_files import FormatError
from polypod.oci.archive_image import read_config

ROOTFS = {"type": "layers", "diff_ids": ["sha256:" + "a" * 64]}
GOOD: dict[str, Any] = {
    "created": "2024-05-01T10:11:12.123456789Z", "architecture": "amd64", "os": "linux",
    "os.features": ["x"], "rootfs": ROOTFS,
    "config": {
        "User": "1:2", "Env": ["A=b"], "Cmd": ["sh"], "Entrypoint": None, "Labels": {"a": "b"},
        "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/v": {}}, "StopSignal": "9",
        "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5, "Retries": 3},
    },
    "history": [{"created": "0001-01-01T00:00:00Z", "created_by": "x", "empty_layer": True}],
}  # fmt: skip


def test_what_the_specification_has() -> None:
    assert read_config(json.dumps(GOOD).encode()) == GOOD
    bare = {"rootfs": ROOTFS, "config": None, "history": None, "created": None}
    assert read_config(json.dumps(bare).encode()) == bare


@pytest.mark.parametrize(
    ("key", "value"),
    [("created", 5), ("created", "yesterday"), ("os", [1]), ("os.features", "x"), ("config", 5),
     ("history", 5), ("history", [5]), ("author", {})],
)  # fmt: skip
def test_wrong_types(key: str, value: object) -> None:
    with pytest.raises(FormatError, match=f'image config has an invalid "{key}"'):
        read_config(json.dumps({**GOOD, key: value}).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [("Env", 5), ("Env", [5]), ("Cmd", "x"), ("Labels", [1]), ("Labels", {"a": 1}), ("User", 5),
     ("ExposedPorts", 5), ("Volumes", [1]), ("Healthcheck", 5), ("Healthcheck", {"Retries": "x"})],
)  # fmt: skip
def test_wrong_types_in_what_containers_get(key: str, value: object) -> None:
    with pytest.raises(FormatError, match=rf'image config has an invalid "config\.{key}'):
        read_config(json.dumps({**GOOD, "config": {key: value}}).encode())


@pytest.mark.parametrize(("key", "value"), [("created", "x"), ("created_by", 5), ("empty_layer", 1)])
def test_wrong_types_in_the_history(key: str, value: object) -> None:
    with pytest.raises(FormatError, match=rf'image config has an invalid "history\.{key}"'):
        read_config(json.dumps({**GOOD, "history": [{key: value}]}).encode())
