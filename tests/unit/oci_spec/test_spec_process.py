"""Arguments, environment, user, limits; annotations and hooks."""

from __future__ import annotations

import json

import pytest
from polypod.errors import ConfigError, RuntimeFailure, UsageError
from polypod.model.container import (
    ContainerCreate,
    Lifecycle,
    Mount,
    Namespaces,
    NetworkOptions,
    Process,
    Resources,
    Security,
    Ulimit,
)
from polypod.oci.host_facts import HostFacts

UNLIMITED = 0xFFFFFFFFFFFFFFFF


def process(maker, own=Process(), **fields):
    return maker.spec(ContainerCreate(process=own.evolve(command=("x",)), **fields))["process"]


def test_home_and_hostname(maker):
    found = process(maker, Process(user="web"), hostname="zed")
    assert "HOME=/home/web" in found["env"]
    assert "HOSTNAME=zed" in found["env"]
    given = process(maker, Process(env={"HOME": "/x", "HOSTNAME": "y"}))
    assert {"HOME=/x", "HOSTNAME=y"} <= set(given["env"])
    shared = process(maker, namespaces=Namespaces(uts="host"))
    assert f"HOSTNAME={maker.facts.hostname}" in shared["env"]


def test_listen_variables_are_passed(maker, monkeypatch):
    monkeypatch.setenv("LISTEN_FDS", "2")
    monkeypatch.setenv("LISTEN_PID", "4711")
    assert {"LISTEN_FDS=2", "LISTEN_PID=1"} <= set(process(maker)["env"])


def test_systemd_gets_a_uuid(maker):
    spec = process(maker, lifecycle=Lifecycle(systemd="always"))
    assert any(line.startswith("container_uuid=") for line in spec["env"])


@pytest.mark.parametrize(
    ("user", "groups", "expected"),
    [
        ("", (), {"uid": 0, "gid": 0, "additionalGids": [10]}),
        ("web", (), {"uid": 1000, "gid": 1000, "additionalGids": [1000, 10]}),
        ("web:audio", (), {"uid": 1000, "gid": 29, "additionalGids": [29]}),
        ("", ("audio", "55"), {"uid": 0, "gid": 0, "additionalGids": [29, 55, 10]}),
    ],
)
def test_users(maker, user, groups, expected):
    found = process(maker, Process(user=user, groups=groups))["user"]
    assert {key: found[key] for key in expected} == expected
    assert found["umask"] == 0o022


def test_bad_users(maker):
    with pytest.raises(UsageError, match="unable to find user nobody"):
        process(maker, Process(user="nobody"))
    with pytest.raises(UsageError, match="unable to find group staff"):
        process(maker, Process(groups=("staff",)))
    with pytest.raises(UsageError, match="invalid umask 9"):
        process(maker, Process(umask="9"))


def limits(maker, *ulimits):
    found = process(maker, ulimits=ulimits)["rlimits"]
    return {entry["type"]: (entry["soft"], entry["hard"]) for entry in found}


def test_limits_with_the_right_to_raise_them(maker):
    maker.facts = HostFacts(can_raise_limits=True)
    assert limits(maker) == {
        "RLIMIT_NOFILE": (1048576, 1048576),
        "RLIMIT_NPROC": (1048576, 1048576),
    }
    found = limits(
        maker, Ulimit(name="nofile", soft=5, hard=9), Ulimit(name="core", soft=-1, hard=-1)
    )
    assert found["RLIMIT_NOFILE"] == (5, 9)
    assert found["RLIMIT_CORE"] == (UNLIMITED, UNLIMITED)


def test_limits_are_cut_to_the_hosts(maker):
    own = {"RLIMIT_NOFILE": (100, 200), "RLIMIT_NPROC": (-1, -1), "RLIMIT_CORE": (0, 50)}
    maker.facts = HostFacts(can_raise_limits=False, limits=own)
    found = limits(maker, Ulimit(name="core", soft=-1, hard=-1))
    assert found["RLIMIT_NOFILE"] == (200, 200)
    assert found["RLIMIT_NPROC"] == (1048576, 1048576)
    assert found["RLIMIT_CORE"] == (50, 50)


def test_limits_of_the_host(maker):
    maker.facts = HostFacts(can_raise_limits=True, limits={"RLIMIT_NOFILE": (7, 8)})
    found = limits(maker, Ulimit(name="host", soft=0, hard=0))
    assert found["RLIMIT_NOFILE"] == (7, 8)


def test_configured_limits(maker):
    configured = maker.settings.containers.evolve(default_ulimits=("nofile=20:30", "nproc=4"))
    maker.settings = maker.settings.evolve(containers=configured)
    maker.facts = HostFacts(can_raise_limits=True)
    assert limits(maker, Ulimit(name="nproc", soft=1, hard=1)) == {
        "RLIMIT_NOFILE": (20, 30),
        "RLIMIT_NPROC": (1, 1),
    }


def test_oom_score_is_cut_to_ones_own(maker):
    resources = Resources(oom_score_adj=-500)
    maker.facts = HostFacts(can_raise_limits=False, oom_score_adj=0)
    assert process(maker, resources=resources)["oomScoreAdj"] == 0
    maker.facts = HostFacts(can_raise_limits=True)
    assert process(maker, resources=resources)["oomScoreAdj"] == -500
    assert "oomScoreAdj" not in process(maker)


def test_apparmor(maker):
    asked = Security(apparmor_profile="mine")
    with pytest.raises(UsageError, match="Apparmor is not enabled on this system"):
        maker.facts = HostFacts(apparmor=False)
        process(maker, security=asked)
    default = maker.settings.containers.apparmor_profile
    maker.facts = HostFacts(apparmor=True, apparmor_profiles=frozenset((default,)))
    assert process(maker, security=asked)["apparmorProfile"] == "mine"
    assert process(maker)["apparmorProfile"] == default
    assert "apparmorProfile" not in process(maker, security=Security(privileged=True))
    maker.facts = HostFacts(apparmor=True, apparmor_profiles=frozenset())
    assert "apparmorProfile" not in process(maker)


def test_terminal(maker):
    request = ContainerCreate(process=Process(command=("x",), terminal=True))
    found = maker.spec(request, console=(24, 80))["process"]
    assert found["terminal"] is True
    assert found["consoleSize"] == {"height": 24, "width": 80}
    assert "TERM=xterm" in found["env"]


def test_no_new_privileges_and_personality(maker):
    spec = maker.spec(
        ContainerCreate(
            process=Process(command=("x",), personality="LINUX32"),
            security=Security(no_new_privileges=True, read_only=True),
        )
    )
    assert spec["process"]["noNewPrivileges"] is True
    assert spec["linux"]["personality"] == {"domain": "LINUX32"}
    assert spec["root"]["readonly"] is True


def test_hostname_only_in_a_namespace_of_its_own(maker):
    def hostname(**fields):
        return maker.spec(ContainerCreate(process=Process(command=("x",)), **fields)).get(
            "hostname"
        )

    assert len(hostname()) == 12
    assert hostname(hostname="zed") == "zed"
    assert hostname(namespaces=Namespaces(uts="host")) is None
    assert hostname(network=NetworkOptions(mode="host")) == maker.facts.hostname


def test_annotations(maker):
    found = maker.spec(
        ContainerCreate(
            process=Process(command=("x",)),
            annotations={"a": "b"},
            security=Security(privileged=True),
            lifecycle=Lifecycle(remove=True, stop_signal=9, stop_timeout=3),
        )
    )["annotations"]
    assert found["a"] == "b"
    assert found["io.podman.annotations.autoremove"] == "TRUE"
    assert found["io.podman.annotations.privileged"] == "TRUE"
    assert found["org.opencontainers.image.stopSignal"] == "9"
    assert found["org.systemd.property.TimeoutStopUSec"] == "uint64 3000000"
    assert found["io.container.manager"] == "libpod"


def hook(folder, name, **document):
    folder.mkdir(exist_ok=True)
    full = {
        "version": "1.0.0",
        "hook": {"path": "/bin/true", "args": [name]},
        "when": {"always": True},
        "stages": ["prestart"],
    }
    (folder / name).write_text(json.dumps({**full, **document}))


def hooked(maker, *folders, **fields):
    fields.setdefault("process", Process(command=("/bin/x",)))
    request = ContainerCreate(hooks_dirs=tuple(map(str, folders)), **fields)
    found = maker.spec(request).get("hooks", {})
    return {stage: [entry["args"][0] for entry in hooks] for stage, hooks in found.items()}


def test_hooks(maker, tmp_path):
    low, high = tmp_path / "low", tmp_path / "high"
    hook(low, "b.json")
    hook(low, "a.json", stages=["poststop", "prestart"])
    hook(low, "c.json", when={"always": True, "commands": ["^/bin/y"]})
    hook(low, "d.json", when={"commands": ["^/bin/[wx]$"]}, stages=["poststart"])
    hook(low, "e.json", when={"annotations": {"^k": "^v"}}, stages=["createRuntime"])
    hook(low, "f.json", when={"hasBindMounts": True}, stages=["startContainer"])
    (low / "readme.txt").write_text("not a hook")
    hook(high, "b.json", when={"always": False})
    assert hooked(maker, low, high, tmp_path / "absent") == {
        "poststop": ["a.json"],
        "prestart": ["a.json"],
        "poststart": ["d.json"],
    }
    more = hooked(
        maker,
        low,
        annotations={"key": "value"},
        mounts=(Mount(type="bind", destination="/x", source="/"),),
    )
    assert more["createRuntime"] == ["e.json"]
    assert more["startContainer"] == ["f.json"]
    assert more["prestart"] == ["a.json", "b.json"]


def precreate(maker, folder, script):
    program = {"path": "/bin/sh", "args": ["sh", "-c", script]}
    hook(folder, "pre.json", hook=program, stages=["precreate"])
    request = ContainerCreate(process=Process(command=("x",)), hooks_dirs=(str(folder),))
    return maker.spec(request)


def test_precreate_hooks_change_the_spec(maker, tmp_path):
    spec = precreate(maker, tmp_path / "hooks", 'sed \'s/"args":..x../"args":["y"]/\'')
    assert spec["process"]["args"] == ["y"]
    assert "hooks" not in spec


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no >&2; exit 3", "precreate hook /bin/sh failed with code 3: no"),
        ("echo", "wrote no JSON"),
        ("echo {}", "wrote no runtime spec"),
    ],
)
def test_failing_precreate_hooks(maker, tmp_path, script, message):
    with pytest.raises(RuntimeFailure, match=message):
        precreate(maker, tmp_path / "hooks", f"cat > /dev/null; {script}")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"version": "0.1.0"}, '"version" must be "1.0.0"'),
        ({"hook": {}}, 'needs a "hook" with a "path"'),
        ({"when": {}}, 'needs a "when"'),
        ({"stages": ["never"]}, '"stages" must be of'),
        ({"stages": []}, '"stages" must be of'),
        ({"hook": {"path": "/nowhere"}}, "/nowhere does not exist"),
        ({"when": {"moon": "full"}}, 'unknown condition "moon"'),
        ({"when": {"commands": ["("]}}, "bad pattern"),
    ],
)
def test_bad_hooks(maker, tmp_path, document, message):
    hook(tmp_path / "hooks", "bad.json", **document)
    with pytest.raises(ConfigError, match=message) as caught:
        hooked(maker, tmp_path / "hooks")
    assert "bad.json" in str(caught.value)
