"""crun gets its seccomp filter ready."""

from __future__ import annotations

import pytest
from polypod.errors import DriverUnavailable
from polypod_runtime_crun import Crun

KEY = "run.oci.seccomp_bpf_data"


@pytest.fixture
def spec():
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
    return {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}}}


def crun(**config):
    try:
        return Crun(config=Crun.Config(**config))
    except DriverUnavailable as error:
        pytest.skip(str(error))


def test_the_filter_is_added_beside_the_spec(spec, tmp_path):
    assert crun().runtime_adapt(spec, str(tmp_path / "cache")) is True
    assert spec["annotations"][KEY]
    assert spec["linux"]["seccomp"]


def test_not_when_switched_off_or_unconfined(spec, tmp_path):
    assert crun(ready_seccomp=False).runtime_adapt(spec, str(tmp_path)) is False
    assert "annotations" not in spec
    assert crun().runtime_adapt({"linux": {}}, str(tmp_path)) is False
