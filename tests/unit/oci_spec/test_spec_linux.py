"""Namespaces, cgroups, devices, masks."""

from __future__ import annotations

import os
import stat

import pytest
from polypod.errors import UsageError
from polypod.model.container import (
    ContainerCreate,
    Device,
    Lifecycle,
    Mount,
    Namespaces,
    NetworkOptions,
    Process,
    Resources,
    Security,
)
from polypod.oci.host_facts import HostFacts
from polypod.oci.spec_devices import parse_device, parse_rule

ALL = frozenset(("memory", "cpu", "cpuset", "pids", "blkio", "io"))
MEMORY = 64 * 1024 * 1024


def linux(maker, **fields):
    return maker.spec(ContainerCreate(process=Process(command=("x",)), **fields))["linux"]


def kinds(spec):
    return {entry["type"]: entry.get("path", "") for entry in spec["namespaces"]}


def test_namespaces(maker):
    maker.facts = HostFacts(cgroup_version=2, controllers=ALL)
    expected = {"mount", "pid", "network", "ipc", "uts", "cgroup"}
    assert set(kinds(linux(maker))) == expected
    maker.facts = HostFacts(cgroup_version=1, controllers=ALL)
    assert set(kinds(linux(maker))) == expected - {"cgroup"}
    host = Namespaces(pid="host", ipc="host", uts="host", cgroup="host")
    shared = linux(maker, namespaces=host, network=NetworkOptions(mode="host"))
    assert set(kinds(shared)) == {"mount"}
    given = linux(
        maker,
        namespaces=Namespaces(pid="ns:/proc/self/ns/pid", cgroup="private"),
        network=NetworkOptions(mode="ns:/proc/self/ns/net"),
    )
    assert kinds(given)["pid"] == "/proc/self/ns/pid"
    assert kinds(given)["network"] == "/proc/self/ns/net"
    assert "cgroup" in kinds(given)


def test_a_bridged_container_joins_the_engines_namespace(maker):
    container = maker.resolve(
        ContainerCreate(process=Process(command=("x",)), network=NetworkOptions(mode="bridge"))
    )
    spec = maker.spec_of(container, netns="/run/netns/x")
    assert kinds(spec["linux"])["network"] == "/run/netns/x"


def test_cgroup_paths(maker):
    container = maker.resolve(ContainerCreate(process=Process(command=("x",))))

    def path(**changes):
        return maker.spec_of(container.evolve(**changes))["linux"].get("cgroupsPath")

    assert path() == f"/libpod_parent/libpod-{container.id}"
    assert path(cgroup_parent="/mine") == f"/mine/libpod-{container.id}"
    assert path(cgroups="disabled") is None
    engine = maker.settings.engine.evolve(cgroup_manager="systemd")
    maker.settings = maker.settings.evolve(engine=engine)
    assert path() == f"machine.slice:libpod:{container.id}"
    assert path(cgroup_parent="/a/b.slice") == f"b.slice:libpod:{container.id}"
    maker.facts = HostFacts(rootless=True, can_raise_limits=False)
    assert path() == f"user.slice:libpod:{container.id}"


def test_masks(maker):
    plain = linux(maker)
    assert {"/proc/kcore", "/proc/keys", "/sys/firmware", "/proc/interrupts"} <= set(
        plain["maskedPaths"]
    )
    assert "/proc/sys" in plain["readonlyPaths"]
    privileged = linux(maker, security=Security(privileged=True))
    assert "maskedPaths" not in privileged
    assert "readonlyPaths" not in privileged
    bare = linux(maker, security=Security(unmask=("ALL",)))
    assert "maskedPaths" not in bare
    some = linux(maker, security=Security(unmask=("/proc/kcore:/proc/t*", "/proc/sys")))
    assert not {"/proc/kcore", "/proc/timer_list"} & set(some["maskedPaths"])
    assert "/proc/sys" not in some["readonlyPaths"]
    # A star stays within one path component.
    assert (
        "/sys/devices/virtual/powercap"
        in linux(maker, security=Security(unmask=("/sys/*",)))["maskedPaths"]
    )
    more = linux(maker, security=Security(mask=("/a:/b", "relative")))
    assert more["maskedPaths"][-2:] == ["/a", "/b"]
    systemd = linux(maker, lifecycle=Lifecycle(systemd="always"))
    v1 = maker.facts.cgroup_version == 1
    assert ("/sys/fs/cgroup/systemd/release_agent" in systemd["maskedPaths"]) is v1


@pytest.fixture
def disk(tmp_path):
    if os.geteuid():
        pytest.skip("needs root to make a block device")
    path = str(tmp_path / "disk")
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(7, 3))
    return path


def test_resources(maker, disk):
    maker.facts = HostFacts(
        cgroup_version=1, controllers=ALL, swap_limit=True, blkio_weight=True, rootless=False
    )
    found = linux(
        maker,
        resources=Resources(
            memory=MEMORY,
            memory_reservation=1024,
            memory_swappiness=0,
            cpus=1.5,
            cpu_shares=10,
            cpuset_cpus="0-1",
            pids_limit=7,
            blkio_weight=200,
            device_limits={"read-bps": (f"{disk}:1024",)},
        ),
    )["resources"]
    assert found["memory"] == {
        "limit": MEMORY,
        "swap": 2 * MEMORY,
        "reservation": 1024,
        "swappiness": 0,
    }
    assert found["cpu"] == {"shares": 10, "period": 100000, "quota": 150000, "cpus": "0-1"}
    assert found["pids"] == {"limit": 7}
    assert found["blockIO"]["weight"] == 200
    assert found["blockIO"]["throttleReadBpsDevice"] == [{"major": 7, "minor": 3, "rate": 1024}]
    assert maker.warnings == []


def test_only_block_devices_have_rates(maker):
    for limits in ({"read-bps": ("/dev/null:1",)}, {"write-iops": ("/dev/null:1",)}):
        with pytest.raises(UsageError, match="^/dev/null: not a block device$"):
            linux(maker, resources=Resources(device_limits=limits))


def test_what_the_host_cannot_hold_is_dropped_and_told(maker):
    maker.facts = HostFacts(
        cgroup_version=1, controllers=frozenset(("memory",)), swap_limit=False, blkio_weight=False
    )
    found = linux(maker, resources=Resources(memory=MEMORY, cpu_shares=2, blkio_weight=10))
    assert found["resources"]["memory"] == {"limit": MEMORY}
    assert set(found["resources"]) == {"devices", "memory"}
    assert len(maker.warnings) == 3
    assert any("without swap" in text for text in maker.warnings)


def test_pids_limit(maker):
    maker.facts = HostFacts(cgroup_version=1, controllers=ALL, rootless=False)
    assert linux(maker)["resources"]["pids"] == {"limit": 2048}
    for unlimited in (0, -1):
        resources = Resources(pids_limit=unlimited)
        assert "pids" not in linux(maker, resources=resources)["resources"]


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (Resources(memory_swappiness=5), "cannot set memory-swappiness with cgroup v2"),
        (Resources(oom_kill_disable=True), "oom-kill-disable"),
        (Resources(cpus=1.0, cpu_quota=5), "cannot be set together with --cpus"),
        (Resources(memory_swap=5), "you should always set a memory limit"),
        (Resources(memory=10, memory_swap=5), "larger than memory limit"),
        (Resources(blkio_weight_device=("/nowhere:5",)), "invalid device limit"),
    ],
)
def test_contradictions(maker, resources, message):
    maker.facts = HostFacts(cgroup_version=2, controllers=ALL, blkio_weight=True)
    with pytest.raises(UsageError, match=message):
        linux(maker, resources=resources)


def test_unified_settings_need_v2(maker):
    request = {"resources": Resources(cgroup_conf={"memory.high": "1"})}
    maker.facts = HostFacts(cgroup_version=2, controllers=ALL)
    assert linux(maker, **request)["resources"]["unified"] == {"memory.high": "1"}
    maker.facts = HostFacts(cgroup_version=1, controllers=ALL)
    with pytest.raises(UsageError, match="cgroup v2"):
        linux(maker, **request)


def test_devices(maker):
    found = linux(
        maker,
        devices=(
            Device(path="/dev/null", container_path="/dev/mine", permissions="r"),
            Device(path="/dev/zero"),
        ),
        resources=Resources(device_cgroup_rules=("c 42:* rwm",)),
    )
    assert [node["path"] for node in found["devices"]] == ["/dev/mine", "/dev/zero"]
    rules = found["resources"]["devices"]
    assert rules[0] == {"allow": False, "access": "rwm"}
    assert rules[1] == {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "r"}
    assert rules[3] == {"allow": True, "type": "c", "access": "rwm", "major": 42}


@pytest.mark.usefixtures("as_root")
def test_a_directory_of_devices(maker, tmp_path):
    folder = tmp_path / "devs"
    (folder / "sub").mkdir(parents=True)
    try:
        os.mknod(folder / "sub" / "nil", 0o20666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("needs CAP_MKNOD")
    (folder / "plain").write_text("")
    os.symlink("sub/nil", folder / "link")
    found = linux(maker, devices=(Device(path=str(folder), container_path="/dev/x"),))
    assert [node["path"] for node in found["devices"]] == ["/dev/x/sub/nil"]
    linked = linux(maker, devices=(Device(path=str(folder / "link")),))
    assert linked["devices"][0]["path"] == str(folder / "link")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UsageError, match="no devices found in"):
        linux(maker, devices=(Device(path=str(empty)),))


def test_bad_devices(maker):
    with pytest.raises(UsageError, match="/etc/hostname is not a valid device: not a device node"):
        linux(maker, devices=(Device(path="/etc/hostname"),))
    with pytest.raises(UsageError, match="stat /dev/nowhere: no such file or directory"):
        linux(maker, devices=(Device(path="/dev/nowhere"),))


def test_privileged_sees_all_devices(maker):
    found = linux(maker, security=Security(privileged=True))
    paths = {node["path"] for node in found["devices"]}
    assert "/dev/null" in paths
    assert "/dev/console" not in paths
    assert not any(path.startswith("/dev/pts/") for path in paths)
    assert found["resources"]["devices"] == [{"allow": True, "access": "rwm"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/dev/a", ("/dev/a", "", "rwm")),
        ("/dev/a:/dev/b", ("/dev/a", "/dev/b", "rwm")),
        ("/dev/a:rw", ("/dev/a", "", "rw")),
        ("/dev/a:/dev/b:r", ("/dev/a", "/dev/b", "r")),
    ],
)
def test_parse_device(text, expected):
    device = parse_device(text)
    assert (device.path, device.container_path, device.permissions) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("/a:/b:r:w", "invalid device specification"),
        ("/a:/b:rr", 'invalid device mode "rr"'),
        ("/a:x", 'invalid device mode "x"'),
        ("/a:/b:", 'invalid device mode ""'),
    ],
)
def test_parse_bad_device(text, message):
    with pytest.raises(UsageError, match=message):
        parse_device(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "requires type, major:Minor, and access rules"),
        ("x 1:1 r", "invalid device type in device-access-add: x"),
        ("c a:1 r", 'parsing "a": invalid syntax'),
        ("c 1:1 q", "invalid device access in device-access-add: q"),
    ],
)
def test_parse_bad_rule(text, message):
    with pytest.raises(UsageError, match=message):
        parse_rule(text)


def test_propagation_reaches_the_root(maker):
    def root(*options):
        mount = Mount(type="bind", destination="/x", source="/", options=options)
        return linux(maker, mounts=(mount,)).get("rootfsPropagation")

    assert root() is None
    assert root("rslave") == "rslave"
    assert root("rshared") == "shared"
