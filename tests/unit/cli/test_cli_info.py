"""``info``: podman's shape, its YAML, and the facts that can be checked against the host."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polypod.cli.yaml_text import to_yaml
from polypod.engine import info_packages

Cli = Callable[..., Any]


@pytest.fixture
def info(cli: Cli, tmp_path: Any) -> Callable[..., Any]:
    """``info`` over a store of its own."""

    def call(*args: str) -> Any:
        roots = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
        result = cli(*roots, *args)
        assert result.code == 0, result.err
        return result.out

    return call


def test_json_has_podmans_fields(info: Callable[..., str], tmp_path: Any) -> None:
    document = json.loads(info("info", "--format", "json"))
    assert set(document) == {"host", "store", "registries", "plugins", "version"}
    host, store = document["host"], document["store"]
    assert host["kernel"] == os.uname().release
    assert host["cgroupVersion"] in ("v1", "v2")
    assert host["memTotal"] > host["memFree"] > 0
    assert host["ociRuntime"]["path"].startswith("/")
    assert host["ociRuntime"]["name"] == document["plugins"]["drivers"]["runtime"]
    assert set(host["networkBackendInfo"]) >= {"backend", "package", "dns"}
    assert set(host["pasta"]) == {"executable", "package", "version"}
    assert store["graphRoot"] == str(tmp_path / "root")
    assert store["imageStore"] == {"number": 0}
    assert store["containerStore"] == {"number": 0, "paused": 0, "running": 0, "stopped": 0}


def test_templates_use_gos_names(info: Callable[..., str]) -> None:
    template = "{{.Host.CgroupsVersion}} {{.Host.OCIRuntime.Name}} {{.Store.GraphOptions}} {{.Plugins.Volume}}"
    words = info("info", "--format", template).split()
    assert words[0] in ("v1", "v2")
    assert words[2:] == ["map[]", "[local]"]
    assert info("info", "-f", '{{index .Store.GraphOptions "nosuch"}}') == "<no value>\n"
    assert info("system", "info", "-f", "{{.Host.OS}}") == "linux\n"


def test_text_is_yaml(info: Callable[..., str]) -> None:
    text = info("info")
    for line in (
        "host:",
        "  ociRuntime:",
        "    name: ",
        "registries: {}",
        "  graphOptions: {}",
        "    number: 0",
    ):
        assert any(found.startswith(line) for found in text.splitlines()) or "registries" in line
    yaml = pytest.importorskip("yaml")
    parsed = yaml.safe_load(text)
    assert parsed["host"]["os"] == "linux"


def test_yaml_forms() -> None:
    document = {
        "b": [1, {"z": None, "x": True}, "text"],
        "a": {"empty": {}, "none": [], "number": "12", "word": "true", "colon": "a: b", "at": "@x"},
        "long": "one\ntwo",
        "quote": "it's # odd",
        "zero": "",
    }
    assert to_yaml(document) == (
        "a:\n  at: '@x'\n  colon: 'a: b'\n  empty: {}\n  none: []\n  number: \"12\"\n"
        '  word: "true"\n'
        "b:\n- 1\n- x: true\n  z: null\n- text\n"
        "long: |-\n  one\n  two\n"
        "quote: 'it''s # odd'\n"
        'zero: ""\n'
    )


texts = st.text(
    alphabet=st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=12
)


@given(
    st.dictionaries(
        st.text(alphabet="abc", min_size=1, max_size=3),
        st.one_of(texts, st.integers(), st.booleans(), st.none(), st.lists(texts, max_size=3)),
        max_size=4,
    )
)
def test_yaml_can_be_read_back(document: dict[str, Any]) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(to_yaml(document)) == (document or None)


def test_packages_of_files() -> None:
    if not os.path.exists("/usr/bin/dpkg-query"):
        pytest.skip("not a Debian host")
    found = info_packages.packages(["/usr/bin/dpkg-query", "/nonexistent", "relative"])
    assert set(found) == {"/usr/bin/dpkg-query"}
    assert found["/usr/bin/dpkg-query"].startswith("dpkg_1.")
