"""Seccomp profiles and ready filters."""

from __future__ import annotations

import base64
import json
import os
import subprocess

import pytest
from polypod.errors import ConfigError
from polypod.kit import seccomp_bpf
from polypod.kit.seccomp_bpf import compile_filter, filter_for
from polypod.model.container import ContainerCreate, Process, Security
from polypod.oci import seccomp

PROFILE = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 38,
    "defaultErrno": "ENOSYS",
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
    ],
    "syscalls": [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [], "includes": {}, "excludes": {}},
        {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {
            "names": ["mount"],
            "action": "SCMP_ACT_ERRNO",
            "errno": "EPERM",
            "excludes": {"caps": ["CAP_SYS_ADMIN"]},
        },
        {"names": ["arm_sync"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm"]}},
    ],
}


def names(result):
    return [(call["names"][0], call["action"]) for call in result["syscalls"]]


def test_conditions_are_decided():
    plain = seccomp.convert(PROFILE, "amd64", frozenset())
    assert names(plain) == [("read", "SCMP_ACT_ALLOW"), ("mount", "SCMP_ACT_ERRNO")]
    assert plain["syscalls"][1]["errnoRet"] == 1
    assert plain["defaultErrnoRet"] == 38
    assert plain["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    admin = seccomp.convert(PROFILE, "arm", frozenset(["CAP_SYS_ADMIN"]))
    assert names(admin) == [
        ("read", "SCMP_ACT_ALLOW"),
        ("mount", "SCMP_ACT_ALLOW"),
        ("arm_sync", "SCMP_ACT_ALLOW"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "decoding seccomp profile failed"),
        ("[]", "JSON object"),
        ('{"defaultAction":"A","architectures":["x"],"archMap":[{}]}', "either 'architectures'"),
        ('{"syscalls":[{"name":"a","names":["b"],"action":"A"}]}', "either 'name'"),
        ('{"syscalls":[{"name":"a","action":"A","errno":"EWHAT"}]}', "unknown errno EWHAT"),
        ('{"syscalls":[{"name":"a"}]}', "action"),
    ],
)
def test_bad_profiles_name_their_file(tmp_path, text, message):
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        seccomp.load(str(path), "amd64", frozenset())
    assert str(path) in str(caught.value)


def test_a_missing_profile(tmp_path):
    with pytest.raises(ConfigError, match=r"opening seccomp profile failed: open .*no such file"):
        seccomp.load(str(tmp_path / "none"), "amd64", frozenset())


def test_an_empty_profile_allows_everything():
    assert seccomp.convert({}, "amd64", frozenset()) is None


def test_selection(maker):
    def chosen(**security):
        return maker.spec(
            ContainerCreate(process=Process(command=("x",)), security=Security(**security))
        )["linux"].get("seccomp")

    assert chosen()["defaultAction"] == "SCMP_ACT_ERRNO"
    assert chosen(seccomp_profile="unconfined") is None
    assert chosen(privileged=True) is None
    own = maker.base / "own.json"
    own.write_text(json.dumps(PROFILE))
    assert len(chosen(seccomp_profile=str(own))["syscalls"]) == 2
    assert len(chosen(seccomp_profile=str(own), privileged=True)["syscalls"]) == 2


@pytest.fixture
def default_filter():
    path = seccomp.default_path()
    if not path:
        pytest.skip("no default profile")
    return seccomp.load(path, "amd64", frozenset(["CAP_CHOWN", "CAP_SYS_CHROOT"]))


def test_a_filter_is_compiled_once(tmp_path, monkeypatch, default_filter):
    cache = str(tmp_path / "cache")
    first = filter_for(default_filter, cache)
    assert first
    assert len(base64.b64decode(first)) % 8 == 0

    def refuse(_seccomp):
        raise AssertionError("compiled twice")

    monkeypatch.setattr(seccomp_bpf, "compile_filter", refuse)
    assert filter_for(default_filter, cache) == first
    with pytest.raises(AssertionError):
        filter_for({**default_filter, "defaultErrnoRet": 1}, cache)


def test_damaged_and_foreign_caches_are_not_used(tmp_path, default_filter):
    cache = tmp_path / "cache"
    first = filter_for(default_filter, str(cache))
    (kept,) = cache.iterdir()
    for text in ("", "{}", "[]", "{", '{"key": 1}'):
        kept.write_text(text)
        assert filter_for(default_filter, str(cache)) == first
    document = json.loads(kept.read_text())
    kept.write_text(json.dumps({**document, "filter": "EVIL"}))
    os.chmod(kept, 0o666)
    assert filter_for(default_filter, str(cache)) == first
    kept.write_text(json.dumps({**document, "filter": "OLD", "library": "other"}))
    assert filter_for(default_filter, str(cache)) == first


def test_no_filter_where_the_runtime_must_take_part(tmp_path):
    plain = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}
    assert filter_for(plain, str(tmp_path))
    assert filter_for(plain, "") == ""
    assert filter_for({**plain, "flags": ["SECCOMP_FILTER_FLAG_LOG"]}, str(tmp_path)) == ""
    assert filter_for({**plain, "listenerPath": "/x"}, str(tmp_path)) == ""
    notify = [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]
    assert filter_for({**plain, "syscalls": notify}, str(tmp_path)) == ""


def test_an_unwritable_cache_costs_only_time(default_filter):
    assert filter_for(default_filter, "/proc/nowhere")


@pytest.mark.usefixtures("as_root")
def test_crun_compiles_the_same_filter(maker):
    """The ready filter is, byte for byte, what crun would have made."""
    spec = maker.spec(ContainerCreate(process=Process(command=("sleep", "100"))))
    (maker.bundle / "config.json").write_text(json.dumps(spec))
    crun = ["crun", "--root", str(maker.base / "rt")]
    name = f"filter-{os.getpid()}"
    subprocess.run(
        [*crun, "create", "-b", str(maker.bundle), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    try:
        made = (maker.base / "rt" / name / "seccomp.bpf").read_bytes()
    finally:
        subprocess.run([*crun, "delete", "-f", name], check=True)
    assert compile_filter(spec["linux"]["seccomp"])[0] == made


@pytest.mark.usefixtures("as_root")
def test_a_ready_filter_filters(maker):
    spec = maker.spec(
        ContainerCreate(
            process=Process(
                command=("sh", "-c", "grep Seccomp: /proc/self/status; hostname new || echo no")
            ),
            security=Security(cap_add=("sys_admin",), seccomp_profile=_without_sethostname(maker)),
        )
    )
    ready = filter_for(spec["linux"]["seccomp"], str(maker.base / "cache"))
    del spec["linux"]["seccomp"]
    spec["annotations"]["run.oci.seccomp_bpf_data"] = ready
    assert maker.run(spec) == "Seccomp:\t2\nno\n"


def _without_sethostname(maker) -> str:
    path = maker.base / "profile.json"
    rule = {"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}
    path.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    return str(path)
