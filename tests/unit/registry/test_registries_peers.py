"""The same registries.conf with skopeo: both try the same places in the same order."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from polypod.oci.reference import parse, with_docker_defaults, with_tag
from polypod.registry import auth, conf
from polypod.registry.access import Access
from polypod.testing.peers import need

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "sha256:" + "a" * 64
DEAD = "127.0.0.1:1"  # refuses at once

CONF = f"""
[[registry]]
prefix = "example.com/foo"
location = "{DEAD}/bar"
[[registry.mirror]]
location = "{DEAD}/one"
[[registry.mirror]]
location = "{DEAD}/two"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "{DEAD}/three"
pull-from-mirror = "tag-only"

[[registry]]
prefix = "*.wild.org"
location = "{DEAD}/wild"

[[registry]]
location = "{DEAD}"
mirror-by-digest-only = true
[[registry.mirror]]
location = "{DEAD}/mirrored"

[[registry]]
prefix = "docker.io/library"
location = "{DEAD}/hub/"

[[registry]]
prefix = "docker.io"
location = "{DEAD}/all"
"""

NAMES = [
    "example.com/foo/image:1",
    f"example.com/foo/image@{DIGEST}",
    "example.com/foo/deep:v2",
    "example.com/foo/deep/er:v1",
    "a.wild.org/x:1",
    "a.b.wild.org/x/y",
    f"{DEAD}/x:1",
    f"{DEAD}/x@{DIGEST}",
    "docker.io/x",
    "docker.io/library/x:1",
    "docker.io/team/x:1",
    "x",
]


@pytest.mark.parametrize("name", NAMES)
def test_skopeo_tries_the_same(tmp_path: Path, name: str) -> None:
    need("skopeo")
    path = tmp_path / ".config/containers/registries.conf"
    path.parent.mkdir(parents=True)
    path.write_text(CONF)
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["skopeo", "--debug", "inspect", "--raw", f"docker://{name}"],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    tried = re.findall(r'Trying to access \\"(.*?)\\"', done.stderr)
    assert tried, done.stderr
    registries = conf.load(environ=environ)
    endpoints = registries.endpoints(with_tag(with_docker_defaults(parse(name))))
    assert [str(endpoint.reference) for endpoint in endpoints] == tried


AUTHS = ["r.io", "r.io/team", "r.io/team/app", "https://s.io/v1/", "http://t.io", "u.io:5000", "docker.io/team",
         "https://index.docker.io/v1/"]  # fmt: skip
LOOKUPS = ["r.io", "r.io/x", "r.io/team/app/y", "r.io/team/other", "r.io/teams", "s.io", "s.io/x", "t.io/x/y",
           "u.io", "u.io:5000/x", "docker.io", "docker.io/x", "docker.io/team/x", "index.docker.io", "v.io"]  # fmt: skip


@pytest.mark.parametrize("name", LOOKUPS)
def test_podman_finds_the_same_user(tmp_path: Path, name: str) -> None:
    need("podman")
    path = tmp_path / "auth.json"
    entries = {key: {"auth": base64.b64encode(f"{key.replace(':', ';')}:p".encode()).decode()} for key in AUTHS}
    path.write_text(json.dumps({"auths": entries}))
    done = subprocess.run(
        ["podman", "login", "--authfile", str(path), "--get-login", name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = auth.lookup(name, Access(authfile=str(path)))
    assert (found.username if found else "") == done.stdout.strip(), done.stderr
