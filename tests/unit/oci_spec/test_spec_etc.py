"""hosts, resolv.conf, hostname, .containerenv, passwd, the working directory."""

from __future__ import annotations

import os

import pytest
from polypod.engine import etc_files, etc_hosts
from polypod.engine.etc_hosts import hosts_text, resolv_text
from polypod.engine.resolve_workdir import ensure_workdir
from polypod.errors import CommandNotExecutable, UsageError
from polypod.model.container import ContainerCreate, Mount, NetworkOptions, Process, Security
from polypod.oci.runtime_spec import user_database

BRIDGE = {
    "podman": {
        "interfaces": {
            "eth0": {"subnets": [{"ipnet": "10.88.0.5/16", "gateway": "10.88.0.1"}]},
            "eth1": {"subnets": [{"ipnet": "fd00::5/64", "gateway": "fd00::1"}]},
        },
        "dns_server_ips": ["10.89.0.1"],
        "dns_search_domains": ["dns.podman"],
    }
}


def container(maker, own=Process(), network=None, **fields):
    request = ContainerCreate(process=own.evolve(command=("x",)), **fields)
    return maker.resolve(request.evolve(network=network or NetworkOptions(mode="none")))


@pytest.fixture
def base(maker, tmp_path):
    """A hosts file of the host's, set by containers.conf."""
    path = tmp_path / "base-hosts"
    path.write_text("# mine\n1.1.1.1 one uno # comment\n2.2.2.2\n3.3.3.3\tthree\n")
    configured = maker.settings.containers.evolve(
        base_hosts_file=str(path), host_containers_internal_ip="9.9.9.9"
    )
    maker.settings = maker.settings.evolve(containers=configured)
    return path


INTERNAL = "9.9.9.9\thost.containers.internal host.docker.internal\n"
LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"


@pytest.mark.usefixtures("base")
def test_hosts(maker):
    made = container(
        maker,
        hostname="zed",
        network=NetworkOptions(mode="bridge", add_hosts=("a;b:4.4.4.4", "gw:host-gateway")),
    )
    assert hosts_text(made, maker.settings, str(maker.rootfs), BRIDGE) == (
        "4.4.4.4\ta b\n9.9.9.9\tgw\n1.1.1.1\tone uno\n3.3.3.3\tthree\n"
        + LOCAL
        + INTERNAL
        + "10.88.0.5\tzed box\nfd00::5\tzed box\n"
    )


@pytest.mark.usefixtures("base")
def test_names_that_are_taken_are_left_alone(maker):
    made = container(maker, hostname="uno")
    text = hosts_text(made, maker.settings, str(maker.rootfs), {})
    assert text.endswith(INTERNAL + "127.0.0.1\tbox\n")


def test_bases_of_hosts(maker, base):
    def text(hosts_file):
        made = container(maker, network=NetworkOptions(mode="none", hosts_file=hosts_file))
        return hosts_text(made, maker.settings, str(maker.rootfs), {})

    assert text("none").startswith(LOCAL)
    (maker.rootfs / "etc" / "hosts").write_text("5.5.5.5 inside\n")
    assert text("image").startswith("5.5.5.5\tinside\n")
    os.unlink(maker.rootfs / "etc" / "hosts")
    os.symlink(base, maker.rootfs / "etc" / "hosts")
    assert text("image").startswith(LOCAL)
    with pytest.raises(UsageError, match="base hosts file /nowhere does not exist"):
        text("/nowhere")


def test_the_address_of_the_host(maker):
    def internal(mode, status):
        made = container(maker, network=NetworkOptions(mode=mode))
        return etc_hosts.internal_address(made, maker.settings, status)

    assert internal("bridge", BRIDGE) == "10.88.0.1"
    assert internal("host", {}) == "127.0.0.1"
    configured = maker.settings.containers.evolve(host_containers_internal_ip="none")
    maker.settings = maker.settings.evolve(containers=configured)
    assert internal("bridge", BRIDGE) == ""
    made = container(maker, network=NetworkOptions(mode="none", add_hosts=("g:host-gateway",)))
    with pytest.raises(UsageError, match="host containers internal IP address is empty"):
        hosts_text(made, maker.settings, str(maker.rootfs), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [("a", "incorrect format"), (":1.1.1.1", "hostname in"), ("a:", "IP address in")],
)
def test_bad_extra_hosts(maker, text, message):
    made = container(maker, network=NetworkOptions(mode="none", add_hosts=(text,)))
    with pytest.raises(UsageError, match=message):
        hosts_text(made, maker.settings, str(maker.rootfs), {})


@pytest.fixture
def host_resolv(monkeypatch):
    """What the host's resolv.conf says, by path."""
    files = {}
    parse = etc_hosts._parse_resolv

    def fake(path):
        given = {"nameserver": [], "search": [], "options": []}
        return {**given, **files[path]} if path in files else parse("/nowhere")

    monkeypatch.setattr(etc_hosts, "_parse_resolv", fake)
    return files


@pytest.mark.parametrize(
    ("servers", "mode", "status", "expected"),
    [
        (["1.1.1.1"], "bridge", {}, ["1.1.1.1"]),
        (["127.0.0.1", "::1"], "bridge", {}, ["8.8.8.8", "8.8.4.4"]),
        (["127.0.0.1", "::1"], "host", {}, ["127.0.0.1", "::1"]),
        (["1.1.1.1", "fd::1"], "bridge", {}, ["1.1.1.1"]),
        (["1.1.1.1", "fe80::1%eth1"], "host", {}, ["1.1.1.1", "fe80::1%eth1"]),
        (["1.1.1.1"], "bridge", BRIDGE, ["10.89.0.1"]),
    ],
)
def test_nameservers(maker, host_resolv, servers, mode, status, expected):
    host_resolv["/etc/resolv.conf"] = {"nameserver": servers}
    made = container(maker, network=NetworkOptions(mode=mode))
    lines = resolv_text(made, maker.settings, "", status).splitlines()
    assert [line for line in lines if line.startswith("nameserver")] == [
        f"nameserver {server}" for server in expected
    ]


def test_ipv6_nameservers_with_ipv6(maker, host_resolv):
    host_resolv["/etc/resolv.conf"] = {"nameserver": ["fd::1", "fe80::1%eth0"]}
    status = {"n": {**BRIDGE["podman"], "dns_server_ips": []}}
    made = container(maker, network=NetworkOptions(mode="bridge"))
    assert "nameserver fd::1\n" in resolv_text(made, maker.settings, "", status)
    assert "fe80" not in resolv_text(made, maker.settings, "", status)


def test_what_the_user_says(maker, host_resolv):
    host_resolv["/etc/resolv.conf"] = {
        "nameserver": ["1.1.1.1"],
        "search": ["host.example"],
        "options": ["edns0"],
    }

    def text(**network):
        made = container(maker, network=NetworkOptions(mode="bridge", **network))
        return resolv_text(made, maker.settings, "", {})

    assert text() == "search host.example\nnameserver 1.1.1.1\noptions edns0\n"
    assert text(dns_servers=("5.5.5.5",), dns_search=("mine",), dns_options=("ndots:2",)) == (
        "search mine\nnameserver 5.5.5.5\noptions ndots:2\n"
    )
    assert text(dns_search=(".",)) == "nameserver 1.1.1.1\noptions edns0\n"


def test_a_parsed_resolv_conf(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("search a\nsearch b c # x\nnameserver 1.1.1.1\n#nameserver 2.2.2.2\noptions\n")
    assert etc_hosts._parse_resolv(str(path)) == {
        "nameserver": ["1.1.1.1"],
        "search": ["b", "c"],
        "options": [],
    }


def prepare(maker, made, **more):
    database = user_database(made, str(maker.rootfs))
    return etc_files.prepare(
        made,
        maker.settings,
        maker.facts,
        rootfs=str(maker.rootfs),
        database=database,
        user=database.resolve(made.process.user),
        engine_version="5.1",
        **more,
    )


def test_which_files_are_bound(maker):
    assert set(prepare(maker, container(maker))) == {
        "/etc/hosts",
        "/etc/hostname",
        "/run/.containerenv",
    }
    bridged = container(maker, network=NetworkOptions(mode="bridge"))
    assert "/etc/resolv.conf" in prepare(maker, bridged)
    bare = container(
        maker,
        network=NetworkOptions(
            mode="bridge", no_hosts=True, no_hostname=True, dns_servers=("none",)
        ),
        mounts=(Mount(type="bind", destination="/run", source="/run"),),
    )
    assert prepare(maker, bare) == {}
    own = container(maker, mounts=(Mount(type="bind", destination="/etc/hosts", source="/x"),))
    assert "/etc/hosts" not in prepare(maker, own)


def test_files_can_be_read_by_all(maker):
    old = os.umask(0o077)
    try:
        binds = prepare(maker, container(maker, hostname="zed"))
    finally:
        os.umask(old)
    assert {os.stat(path).st_mode & 0o777 for path in binds.values()} == {0o644}
    with open(binds["/etc/hostname"]) as file:
        assert file.read() == "zed\n"


def test_files_of_a_shared_network(maker, tmp_path):
    donor = tmp_path / "donor"
    donor.mkdir()
    (donor / "hosts").write_text("127.0.0.1\tdonor\n")
    joined = container(maker).evolve(network=NetworkOptions(mode="container:" + "b" * 64))
    for _ in range(2):
        binds = prepare(maker, joined, shared_run_dir=str(donor))
    assert binds["/etc/hosts"] == str(donor / "hosts")
    assert "/etc/resolv.conf" not in binds
    assert (donor / "hosts").read_text() == "127.0.0.1\tdonor\n127.0.0.1\tbox\n"
    etc_files.write_network_files(joined, maker.settings, rootfs=str(maker.rootfs))
    assert "donor" in (donor / "hosts").read_text()


def test_files_are_rewritten_in_place(maker):
    made = container(maker, network=NetworkOptions(mode="bridge"))
    path = prepare(maker, made)["/etc/hosts"]
    before = os.stat(path).st_ino
    etc_files.write_network_files(
        made, maker.settings, rootfs=str(maker.rootfs), status=BRIDGE, netns=""
    )
    assert os.stat(path).st_ino == before
    with open(path) as file:
        assert "10.88.0.5\t" in file.read()


def containerenv(maker, made):
    with open(prepare(maker, made)["/run/.containerenv"]) as file:
        return file.read()


def test_containerenv(maker):
    assert containerenv(maker, container(maker)) == ""
    made = container(maker, security=Security(privileged=True))
    assert containerenv(maker, made) == (
        'engine="podman-5.1"\n'
        'name="box"\n'
        f'id="{made.id}"\n'
        'image="localhost/bb:latest"\n'
        f'imageid="{"1" * 64}"\n'
        f"rootless={int(maker.facts.rootless)}\n"
    )
    storage = maker.settings.storage.evolve(root="/store/root")
    maker.settings = maker.settings.evolve(storage=storage)
    mounted = container(maker, mounts=(Mount(type="bind", destination="/x", source="/store"),))
    assert containerenv(maker, mounted) == "graphRootMounted=1"


def test_timezones(maker):
    binds = prepare(maker, container(maker, Process(timezone="UTC")))
    with open(binds["/etc/localtime"], "rb") as file:
        assert file.read(4) == b"TZif"
    for zone in ("Moon/Base", "../../etc/passwd"):
        with pytest.raises(UsageError, match="timezone"):
            prepare(maker, container(maker, Process(timezone=zone)))


def passwd(maker, name="passwd"):
    return (maker.rootfs / "etc" / name).read_text()


def test_a_numeric_user_gets_an_entry(maker):
    for _ in range(2):
        prepare(maker, container(maker, Process(user="54321:54322", workdir="/w")))
    assert passwd(maker).splitlines()[-1] == "54321:*:54321:54322:container user:/w:/bin/sh"
    assert passwd(maker).count("54321:*") == 1
    assert passwd(maker, "group").splitlines()[-1] == "54322:x:54322:54321"


def test_known_users_and_names_change_nothing(maker):
    before = passwd(maker)
    for user in ("web", "1000", "root", ""):
        prepare(maker, container(maker, Process(user=user)))
    prepare(maker, container(maker, Process(user="54321", passwd=False)))
    assert passwd(maker) == before


def test_entries_by_template(maker):
    own = Process(user="54321:7", passwd_entry="$USERNAME:x:$UID:$GID:$NAME:$HOME:/x")
    prepare(maker, container(maker, own.evolve(group_entry="$GROUPNAME:*:$GID:$USERLIST")))
    assert passwd(maker).splitlines()[-1] == "54321:x:54321:7:container user:/:/x"
    assert passwd(maker, "group").splitlines()[-1] == "7:*:7:54321"


def test_a_read_only_root_gets_copies(maker):
    before = passwd(maker)
    binds = prepare(
        maker, container(maker, Process(user="54321"), security=Security(read_only=True))
    )
    assert passwd(maker) == before
    with open(binds["/etc/passwd"]) as file:
        assert file.read().startswith(before)


def test_a_missing_last_newline(maker):
    (maker.rootfs / "etc" / "passwd").write_text("root:x:0:0::/:/bin/sh")
    prepare(maker, container(maker, Process(user="54321")))
    assert len(passwd(maker).splitlines()) == 2


def test_hostile_passwd_files_are_not_written(maker, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("host\n")
    target = maker.rootfs / "etc" / "passwd"
    os.unlink(target)
    os.symlink(victim, target)
    prepare(maker, container(maker, Process(user="54321")))
    assert victim.read_text() == "host\n"
    os.unlink(target)
    prepare(maker, container(maker, Process(user="54321")))
    assert "54321" in target.read_text()


def test_mtab_is_linked(maker):
    prepare(maker, container(maker))
    assert os.readlink(maker.rootfs / "etc" / "mtab") == "/proc/mounts"


def workdir(maker, path, config=True, user="web", **fields):
    own = Process(user=user, workdir="" if config else path)
    maker.config = {"config": {"WorkingDir": path}}
    made = container(maker, own, **fields)
    ensure_workdir(made, str(maker.rootfs), user_database(made, str(maker.rootfs)).resolve(user))
    return maker.rootfs / path.lstrip("/")


@pytest.mark.usefixtures("as_root")
def test_the_images_workdir_is_made(maker):
    made = workdir(maker, "/srv/deep/app")
    assert (os.stat(made).st_uid, os.stat(made.parent).st_uid) == (1000, 0)
    workdir(maker, "/srv/deep/app", config=False)


def test_the_users_workdir_must_exist(maker):
    with pytest.raises(CommandNotExecutable, match='workdir "/nope" does not exist on container'):
        workdir(maker, "/nope", config=False)
    with pytest.raises(UsageError, match="is not a directory"):
        workdir(maker, "/etc/passwd", config=False)
    mount = Mount(type="tmpfs", destination="/mnt")
    assert not workdir(maker, "/mnt/x", config=False, mounts=(mount,)).exists()
    below = Mount(type="tmpfs", destination="/new/place")
    assert not workdir(maker, "/new", config=False, mounts=(below,)).exists()


def test_a_hostile_workdir_stays_inside(maker, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, maker.rootfs / "srv")
    workdir(maker, "/srv/evil", user="")
    os.symlink("../../../../../../../../tmp", maker.rootfs / "up")
    workdir(maker, "/up/polypod-evil", user="")
    assert list(outside.iterdir()) == []
    assert not os.path.exists("/tmp/polypod-evil")
    assert (maker.rootfs / "tmp" / "polypod-evil").is_dir()
