"""Mounts: defaults, options, conflicts."""

from __future__ import annotations

import os

import pytest
from polypod.errors import UsageError
from polypod.model.container import (
    ContainerCreate,
    Lifecycle,
    Mount,
    Namespaces,
    NetworkOptions,
    Process,
    Resources,
    Security,
)
from polypod.oci.host_facts import HostFacts
from polypod.oci.spec_options import bind_options, tmpfs_options
from polypod.oci.spec_owner import chown_source


def mounts(maker, **fields):
    fields.setdefault("process", Process(command=("x",)))
    spec = maker.spec(ContainerCreate(**fields))
    return {mount["destination"]: mount for mount in spec["mounts"]}


def test_the_defaults(maker):
    found = mounts(maker)
    assert set(found) >= {"/proc", "/dev", "/dev/pts", "/sys", "/sys/fs/cgroup", "/dev/shm"}
    assert found["/sys"]["options"] == ["nosuid", "noexec", "nodev", "ro"]
    assert "gid=5" in found["/dev/pts"]["options"]
    assert found["/dev/shm"]["options"][-1] == "size=65536000"
    assert found["/etc/hosts"]["source"] == f"{maker.run_dir}/hosts"
    assert found["/run/.containerenv"]["options"] == ["bind", "rprivate"]
    assert "ro" in found["/sys/fs/cgroup"]["options"]


def test_no_mount_covers_an_earlier_one(maker):
    order = [
        mount["destination"]
        for mount in maker.spec(
            ContainerCreate(
                process=Process(command=("x",)),
                mounts=(
                    Mount(type="tmpfs", destination="/a/b/c"),
                    Mount(type="tmpfs", destination="/a"),
                    Mount(type="tmpfs", destination="/a/b"),
                    Mount(type="tmpfs", destination="/run"),
                ),
            )
        )["mounts"]
    ]
    for index, path in enumerate(order):
        assert not any(earlier.startswith(path + "/") for earlier in order[:index]), order


def test_privileged_has_a_writable_sys(maker):
    found = mounts(maker, security=Security(privileged=True))
    assert "rw" in found["/sys"]["options"]
    assert "rw" in found["/sys/fs/cgroup"]["options"]


@pytest.mark.parametrize("unmask", ["ALL", "all", "/sys/fs/cgroup", "/proc/x:/sys/fs/cgroup/"])
def test_unmasking_makes_the_cgroup_writable(maker, unmask):
    found = mounts(maker, security=Security(unmask=(unmask,)))
    assert "rw" in found["/sys/fs/cgroup"]["options"]


def test_user_mounts_take_the_place_of_defaults(maker, tmp_path):
    found = mounts(
        maker,
        mounts=(
            Mount(type="bind", destination="/etc/hosts", source="/etc/hostname"),
            Mount(type="bind", destination="/dev", source="/dev"),
            Mount(type="bind", destination="/run", source=str(tmp_path)),
        ),
    )
    assert found["/etc/hosts"]["source"] == "/etc/hostname"
    assert [path for path in found if path.startswith("/dev")] == ["/dev"]
    assert "/run/.containerenv" not in found


def test_a_tmpfs_run_still_gets_the_marker(maker):
    found = mounts(maker, mounts=(Mount(type="tmpfs", destination="/run"),))
    assert "/run/.containerenv" in found


def test_read_only(maker):
    found = mounts(maker, security=Security(read_only=True))
    assert {found[path]["type"] for path in ("/run", "/tmp", "/var/tmp")} == {"tmpfs"}
    assert "tmpcopyup" in found["/run"]["options"]
    assert "ro" in found["/etc/hosts"]["options"]
    assert "ro" not in found["/dev/shm"]["options"]
    plain = mounts(maker, security=Security(read_only=True, read_only_tmpfs=False))
    assert "/tmp" not in plain
    assert "ro" in plain["/dev"]["options"]


def test_ipc_modes(maker):
    assert "/dev/shm" not in mounts(maker, namespaces=Namespaces(ipc="none"))
    assert mounts(maker, namespaces=Namespaces(ipc="host"))["/dev/shm"]["source"] == "/dev/shm"
    sized = mounts(maker, resources=Resources(shm_size=4096))["/dev/shm"]
    assert "size=4096" in sized["options"]
    assert not any(
        option.startswith("size")
        for option in mounts(maker, resources=Resources(shm_size=0))["/dev/shm"]["options"]
    )


def test_joined_ipc(maker):
    container = maker.resolve(ContainerCreate(process=Process(command=("x",))))
    container = container.evolve(namespaces=container.namespaces.evolve(ipc="container:abc"))
    paths = {"ipc": "/proc/9/ns/ipc", "shm": "/proc/9/root/dev/shm"}
    spec = maker.spec_of(container, ns_paths=paths)
    assert {"type": "ipc", "path": "/proc/9/ns/ipc"} in spec["linux"]["namespaces"]
    assert any(mount["source"] == "/proc/9/root/dev/shm" for mount in spec["mounts"])


def test_systemd_on_either_cgroup_version(maker):
    request = {"lifecycle": Lifecycle(systemd="always")}
    maker.facts = HostFacts(cgroup_version=2)
    found = mounts(maker, **request)
    assert found["/sys/fs/cgroup"]["options"] == ["private", "rw"]
    assert {found[path]["type"] for path in ("/run", "/run/lock", "/tmp")} == {"tmpfs"}
    shared = mounts(maker, namespaces=Namespaces(cgroup="host"), **request)
    assert shared["/sys/fs/cgroup"]["type"] == "bind"
    maker.facts = HostFacts(cgroup_version=1)
    found = mounts(maker, **request)
    assert "ro" in found["/sys/fs/cgroup"]["options"]
    if os.path.isdir("/sys/fs/cgroup/systemd"):
        assert found["/sys/fs/cgroup/systemd"]["type"] == "bind"


def test_rootless_host_network_binds_sys(maker):
    maker.facts = HostFacts(rootless=True, can_raise_limits=False)
    found = mounts(maker, network=NetworkOptions(mode="host"))
    assert found["/sys"]["type"] == "bind"
    assert found["/sys"]["options"][-1] == "rbind"


def test_init_is_mounted(maker, tmp_path):
    binary = tmp_path / "init"
    binary.write_text("")
    process = Process(command=("x",), init=True, init_path=str(binary))
    spec = maker.spec(ContainerCreate(process=process))
    assert spec["process"]["args"] == ["/run/podman-init", "--", "x"]
    assert any(mount["source"] == str(binary) for mount in spec["mounts"])
    with pytest.raises(UsageError, match="conflict with mount added by --init"):
        mounts(
            maker, process=process, mounts=(Mount(type="tmpfs", destination="/run/podman-init"),)
        )
    with pytest.raises(UsageError, match="container-init binary not found on the host"):
        mounts(maker, process=Process(command=("x",), init=True, init_path="/nowhere"))


def test_tmpfs_on_a_link_goes_to_its_target(maker):
    os.symlink("/var/tmp", maker.rootfs / "scratch")
    assert "/var/tmp" in mounts(maker, mounts=(Mount(type="tmpfs", destination="/scratch"),))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["rprivate", "rbind"]),
        (["ro", "z"], ["ro", "rprivate", "rbind"]),
        (["bind"], ["bind", "private"]),
        (["rshared", "noexec"], ["rshared", "noexec", "rbind"]),
        (["U", "copy", "Z", "consistency=x"], ["rprivate", "rbind"]),
        (["no-dereference"], ["copy-symlink", "rprivate", "rbind"]),
    ],
)
def test_bind_options(given, expected, tmp_path):
    found = bind_options(given, str(tmp_path))
    assert [option for option in found if option not in ("nodev", "nosuid")] == expected


def test_a_bind_keeps_its_sources_flags():
    with open("/proc/self/mounts") as file:
        rows = [line.split() for line in file]
    source = next(row[1] for row in rows if "nosuid" in row[3] and os.access(row[1], os.X_OK))
    assert "nosuid" in bind_options([], source)
    assert "nosuid" not in bind_options(["suid"], source)
    assert {"nodev", "nosuid"} <= set(bind_options([], "/", volume=True))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["rprivate", "nosuid", "nodev", "tmpcopyup"]),
        (["size=1m", "notmpcopyup"], ["size=1m", "rprivate", "nosuid", "nodev"]),
        (["exec", "suid", "dev", "slave"], ["exec", "suid", "dev", "slave", "tmpcopyup"]),
    ],
)
def test_tmpfs_options(given, expected):
    assert tmpfs_options(given) == expected


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("bind", ["what"], 'unknown mount option "what": invalid mount option'),
        ("bind", ["ro", "rw"], "only one of 'rw' and 'ro' can be used: duplicate"),
        ("bind", ["shared", "slave"], "only one root propagation mode can be used"),
        ("bind", ["size=1"], "the 'size' option is only allowed with tmpfs mounts"),
        ("bind", ["idmap"], "not supported"),
        ("bind", ["U", "U"], "the 'U' option can only be set once"),
        ("tmpfs", ["bind"], "the 'bind' and 'rbind' options are not allowed with tmpfs"),
        ("tmpfs", ["z"], "the 'z' and 'Z' options are not allowed with tmpfs"),
        ("tmpfs", ["tmpcopyup", "notmpcopyup"], "can only be set once"),
    ],
)
def test_bad_options(kind, options, message):
    with pytest.raises(UsageError, match=message):
        tmpfs_options(options) if kind == "tmpfs" else bind_options(options, "/")


def test_a_missing_source(maker):
    with pytest.raises(UsageError, match="statfs /nowhere: no such file or directory"):
        mounts(maker, mounts=(Mount(type="bind", destination="/x", source="/nowhere"),))


def test_a_subpath_is_never_left_to_the_runtime(maker, tmp_path):
    (tmp_path / "a").mkdir()
    mount = Mount(type="volume", name="v", destination="/x", source=str(tmp_path), subpath="a")
    with pytest.raises(UsageError, match="subpath a of the mount at /x is not mounted"):
        mounts(maker, mounts=(mount,))


def test_overlay_keeps_writes_apart(maker, tmp_path):
    lower = tmp_path / "lower"
    lower.mkdir(mode=0o750)
    mount = Mount(type="bind", destination="/x", source=str(lower), options=("O",))
    made = mounts(maker, mounts=(mount,))["/x"]
    assert made["type"] == "overlay"
    options = dict(option.split("=", 1) for option in made["options"] if "=" in option)
    assert options["lowerdir"] == str(lower)
    assert os.stat(options["upperdir"]).st_mode & 0o777 == 0o750
    open(options["upperdir"] + "/left", "w").close()
    os.mkdir(options["upperdir"] + "/sub")
    mounts(maker, mounts=(mount,))
    assert os.listdir(options["upperdir"]) == []


@pytest.mark.usefixtures("as_root")
def test_u_gives_the_source_to_the_user(maker, tmp_path):
    source = tmp_path / "data"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "file").write_text("")
    victim = tmp_path / "victim"
    victim.write_text("")
    os.symlink(victim, source / "link")
    mounts(
        maker,
        process=Process(command=("x",), user="1000:77"),
        mounts=(Mount(type="bind", destination="/x", source=str(source), options=("U",)),),
    )
    owned = os.stat(source / "sub" / "file")
    assert (owned.st_uid, owned.st_gid) == (1000, 77)
    assert os.lstat(source / "link").st_uid == 1000
    assert os.stat(victim).st_uid == 0
    with pytest.raises(UsageError, match="chown on host path /usr is not supported"):
        chown_source("/usr", 0, 0)


def test_u_on_a_tmpfs_is_an_option(maker):
    found = mounts(
        maker,
        process=Process(command=("x",), user="web"),
        mounts=(Mount(type="tmpfs", destination="/x", options=("U",)),),
    )
    assert found["/x"]["options"][-2:] == ["uid=1000", "gid=1000"]
