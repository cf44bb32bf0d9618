"""From requests to containers."""

from __future__ import annotations

import pytest
from polypod.engine.namespaces import joined_paths
from polypod.engine.resolve_env import resolve_env
from polypod.engine.resolve_limits import parse_size, parse_ulimit
from polypod.errors import InvalidState, UsageError
from polypod.kit import fastjson, mount_copy
from polypod.model.container import (
    Container,
    ContainerCreate,
    ContainerState,
    Device,
    Lifecycle,
    Log,
    Mount,
    Namespaces,
    NetworkAttachment,
    NetworkOptions,
    Process,
    Resources,
    Security,
    Ulimit,
)
from polypod.oci.host_facts import HostFacts

IMAGE = {
    "Entrypoint": ["/entry"],
    "Cmd": ["arg"],
    "Env": ["A=image", "PATH=/image"],
    "User": "web",
    "WorkingDir": "/srv/app",
    "Volumes": {"/data": {}, "/": {}},
    "StopSignal": "SIGQUIT",
    "Labels": {"from": "image", "both": "image"},
    "ExposedPorts": {"80/tcp": {}},
}


@pytest.fixture
def resolve(maker):
    maker.config = {"config": IMAGE}

    def make(process=Process(), find=None, **fields):
        return maker.resolve(ContainerCreate(process=process, **fields), find=find)

    return make


def test_the_images_config_applies(resolve):
    made = resolve()
    assert made.argv == ("/entry", "arg")
    assert made.process.user == "web"
    assert made.process.workdir == "/srv/app"
    assert made.process.create_workdir is True
    assert made.process.env["A"] == "image"
    assert made.process.env["PATH"] == "/image"
    assert made.process.env["container"] == "podman"
    assert made.lifecycle.stop_signal == 3
    assert made.network.expose == ("80/tcp",)
    assert made.hostname == made.id[:12]
    (volume,) = made.mounts
    assert (volume.type, volume.destination, volume.anonymous) == ("volume", "/data", True)


def test_the_request_wins(resolve):
    made = resolve(
        Process(command=("mine",), user="root", workdir="/w", env={"A": "me"}),
        labels={"both": "me"},
        lifecycle=Lifecycle(stop_signal=9, stop_timeout=0),
        hostname="zed",
    )
    assert made.argv == ("/entry", "mine")
    assert made.process.user == "root"
    assert made.process.create_workdir is False
    assert made.process.env["A"] == "me"
    assert made.labels == {"from": "image", "both": "me"}
    assert made.lifecycle.stop_signal == 9
    assert made.lifecycle.stop_timeout == 0
    assert made.hostname == "zed"


@pytest.mark.parametrize(
    ("entrypoint", "command", "expected"),
    [
        (("/mine",), (), ("/mine",)),
        (("/mine", "-x"), ("a",), ("/mine", "-x", "a")),
        (("",), ("a",), ("a",)),
        ((), (), ("arg",)),
    ],
)
def test_an_entrypoint_drops_the_images_arguments(resolve, entrypoint, command, expected):
    assert resolve(Process(entrypoint=entrypoint, command=command)).argv == expected


def test_nothing_to_run(resolve, maker):
    # As in podman, such a container can be created; only starting it fails.
    assert resolve(Process(entrypoint=("",))).argv == ()
    made = maker.resolve(ContainerCreate(rootfs=f"{maker.rootfs}:O"))
    assert made.image.rootfs == str(maker.rootfs)
    assert made.image.rootfs_overlay is True
    assert maker.spec_of(made)["process"]["args"] == [""]


def test_environment(maker):
    def env(request, environ=(), configured=("PATH=/conf",), **containers):
        settings = maker.settings.evolve(
            containers=maker.settings.containers.evolve(env=configured, **containers)
        )
        return resolve_env(request, IMAGE, settings, dict(environ))

    host = {"http_proxy": "p", "A": "host", "OTHER": "o"}
    plain = env(ContainerCreate(), host)
    assert plain == {"PATH": "/image", "container": "podman", "A": "image", "http_proxy": "p"}
    assert "http_proxy" not in env(ContainerCreate(http_proxy=False), host)
    assert "http_proxy" not in env(ContainerCreate(), host, http_proxy=False)
    everything = env(ContainerCreate(env_host=True, process=Process(env={"A": "me"})), host)
    assert everything["OTHER"] == "o"
    assert everything["A"] == "me"
    assert "A" not in env(ContainerCreate(unset_env=("A",)))
    assert env(ContainerCreate(unset_env_all=True, process=Process(env={"B": "c"}))) == {"B": "c"}
    assert "TERM" not in env(ContainerCreate())
    assert env(ContainerCreate(process=Process(terminal=True)))["TERM"] == "xterm"


@pytest.mark.parametrize(
    ("kind", "mode", "message"),
    [
        ("pid", "nonsense", "unrecognized namespace mode nonsense passed"),
        ("pid", "none", "unrecognized namespace mode none passed"),
        ("ipc", "container:", "requires a value"),
        ("uts", "ns:/nowhere", "cannot find specified UTS namespace path"),
        ("user", "keep-id", "--userns=keep-id is not supported"),
    ],
)
def test_bad_namespaces(resolve, kind, mode, message):
    with pytest.raises(UsageError, match=message):
        resolve(namespaces=Namespaces(**{kind: mode}))


def test_namespace_defaults(resolve, maker):
    maker.facts = HostFacts(cgroup_version=2)
    found = resolve().namespaces
    assert (found.pid, found.ipc, found.uts, found.cgroup, found.user) == (
        "private",
        "shareable",
        "private",
        "private",
        "host",
    )
    maker.facts = HostFacts(cgroup_version=1)
    assert resolve().namespaces.cgroup == "host"
    maker.settings = maker.settings.evolve(origin={"containers.cgroupns": "x:1"})
    assert resolve().namespaces.cgroup == "private"


def test_networks(resolve, maker):
    def mode(**network):
        return maker.resolve(
            ContainerCreate(process=Process(command=("x",)), network=NetworkOptions(**network))
        ).network

    bridged = mode(mode="bridge")
    assert list(bridged.networks) == ["podman"]
    assert mode(networks={"mine": NetworkAttachment()}).mode == "bridge"
    assert mode(mode="private").mode == "bridge"
    assert mode(mode="host").networks == {}
    with pytest.raises(UsageError, match='network mode "slirp4netns" is not supported'):
        mode(mode="slirp4netns")
    with pytest.raises(UsageError, match="can only be used with Bridge mode"):
        mode(mode="none", networks={"mine": NetworkAttachment()})


def other(**fields):
    given = {"id": "b" * 64, "name": "other", "created": 0.0, "hostname": "donor"}
    return Container(**{**given, "namespaces": Namespaces(ipc="shareable"), **fields})


def test_joining_a_container(resolve, maker, monkeypatch):
    copied = []
    monkeypatch.setattr(mount_copy, "copy_mount", lambda *args: copied.append(args))
    made = resolve(
        find=lambda _: other(),
        namespaces=Namespaces(ipc="container:other", uts="container:other"),
        network=NetworkOptions(mode="container:other"),
    )
    full = "container:" + "b" * 64
    assert made.namespaces.ipc == made.namespaces.uts == made.network.mode == full
    assert made.depends == ("b" * 64,)
    assert made.hostname == "donor"
    running = ContainerState(status="running", pid=77)
    paths = joined_paths(made, lambda _: (other(), running))
    assert paths == {
        "ipc": "/proc/77/ns/ipc",
        "shm": f"{maker.run_dir}/shm",
        "uts": "/proc/77/ns/uts",
        "hostname": "donor",
        "network": "/proc/77/ns/net",
    }
    assert copied == [(77, "/dev/shm", f"{maker.run_dir}/shm")]
    bare = joined_paths(made, lambda _: (other(namespaces=Namespaces(ipc="none")), running))
    assert "shm" not in bare
    with pytest.raises(InvalidState, match=r"unless container b+ is running"):
        joined_paths(made, lambda _: (other(), ContainerState(status="exited")))


def test_a_private_ipc_cannot_be_joined(resolve):
    with pytest.raises(UsageError, match="non-shareable IPC"):
        resolve(
            find=lambda _: other(namespaces=Namespaces(ipc="private")),
            namespaces=Namespaces(ipc="container:other"),
        )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"hostname": "x", "namespaces": Namespaces(uts="host")},
            "cannot set hostname when running in the host UTS namespace",
        ),
        (
            {"resources": Resources(shm_size=5), "namespaces": Namespaces(ipc="host")},
            "cannot set shmsize when running in the host IPC Namespace",
        ),
        (
            {"process": Process(init=True), "namespaces": Namespaces(pid="host")},
            "cannot add init binary as PID 1",
        ),
        (
            {"process": Process(init=True), "lifecycle": Lifecycle(systemd="always")},
            "cannot use container-init binary with systemd=always",
        ),
        ({"process": Process(workdir="rel")}, "must be an absolute path"),
        ({"lifecycle": Lifecycle(systemd="maybe")}, "requires 'true, false, always'"),
        ({"image_volumes": "odd"}, 'invalid ImageVolumeMode "odd"'),
        (
            {"sysctls": {"net.x": "1"}, "network": NetworkOptions(mode="host")},
            "sysctl net.x=1 can't be set since Network Namespace set to host",
        ),
        (
            {"sysctls": {"kernel.hostname": "1"}, "namespaces": Namespaces(uts="host")},
            "can't be set since UTS Namespace set to host",
        ),
    ],
)
def test_contradictions(resolve, fields, message):
    with pytest.raises(UsageError, match=message):
        resolve(**fields)


def test_default_sysctls_give_way(resolve, maker):
    configured = maker.settings.containers.evolve(
        default_sysctls=("net.ipv4.ping_group_range=0 0", "kernel.msgmax=5")
    )
    maker.settings = maker.settings.evolve(containers=configured)
    assert set(resolve().sysctls) == {"net.ipv4.ping_group_range", "kernel.msgmax"}
    shared = resolve(network=NetworkOptions(mode="host"))
    assert set(shared.sysctls) == {"kernel.msgmax"}


@pytest.mark.parametrize(
    ("command", "mode", "expected"),
    [
        (("/sbin/init",), "true", True),
        (("/bin/sh", "-c", "/usr/lib/systemd/systemd"), "true", True),
        (("systemd",), "false", False),
        (("sh",), "always", True),
        (("sh",), "", False),
    ],
)
def test_systemd(resolve, maker, command, mode, expected):
    maker.config = {"config": {}}
    made = resolve(Process(command=command), lifecycle=Lifecycle(systemd=mode))
    assert (made.lifecycle.systemd == "always") is expected
    assert made.lifecycle.stop_signal == (37 if expected else 15)


def test_configured_defaults(resolve, maker):
    containers = maker.settings.containers.evolve(
        read_only=True,
        init=True,
        init_path="/bin/init",
        log_driver="json-file",
        log_size_max=10,
        log_tag="t",
        pids_limit=5,
        shm_size="1k",
        tz="UTC",
        umask="0077",
        cgroups="no-conmon",
        annotations=("a=b",),
        oom_score_adj=3,
        cgroup_conf=("memory.high=5",),
        privileged=True,
    )
    engine = maker.settings.engine.evolve(stop_timeout=7, detach_keys="ctrl-a")
    maker.settings = maker.settings.evolve(containers=containers, engine=engine)
    made = resolve()
    assert made.security.read_only is True
    assert made.security.privileged is True
    assert made.process.init is True
    assert (made.process.timezone, made.process.umask) == ("UTC", "0077")
    assert (made.log.driver, made.log.max_size, made.log.tag) == ("json-file", 10, "t")
    assert (made.resources.pids_limit, made.resources.shm_size) == (5, 1000)
    assert made.resources.oom_score_adj == 3
    assert made.resources.cgroup_conf == {"memory.high": "5"}
    assert (made.lifecycle.stop_timeout, made.lifecycle.detach_keys) == (7, "ctrl-a")
    assert made.cgroups == "no-conmon"
    assert made.annotations == {"a": "b"}
    explicit = resolve(
        Process(init=False), security=Security(read_only=False), log=Log(driver="none")
    )
    assert explicit.security.read_only is False
    assert explicit.process.init is False
    assert explicit.log.driver == "none"


def destinations(container):
    return {mount.destination: mount for mount in container.mounts}


def test_mounts_in_order_of_precedence(resolve, maker):
    containers = maker.settings.containers.evolve(
        volumes=("/conf:/data:ro", "/conf:/conf", "named:/n", "/anon")
    )
    maker.settings = maker.settings.evolve(containers=containers)
    donor = other(
        mounts=(
            Mount(type="volume", name="v", source="/store/v", destination="/v", anonymous=True),
            Mount(type="bind", source="/donor", destination="/conf"),
            Mount(type="tmpfs", destination="/t"),
        )
    )
    made = resolve(
        find=lambda _: donor,
        volumes_from=("other:ro",),
        mounts=(Mount(type="bind", source="/mine", destination="/n/"),),
    )
    found = destinations(made)
    assert found["/n"].source == "/mine"
    assert (found["/data"].source, found["/data"].options) == ("/conf", ("ro",))
    assert found["/conf"].source == "/conf"
    assert (found["/v"].source, found["/v"].options) == ("v", ("ro",))
    assert found["/v"].anonymous is False
    assert found["/anon"].anonymous is True
    assert "/t" not in found
    assert made.depends == (donor.id,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"mounts": (Mount(type="tmpfs", destination="/a"),) * 2},
            "/a: duplicate mount destination",
        ),
        ({"mounts": (Mount(type="tmpfs", destination="a"),)}, "must be an absolute path"),
        ({"volumes_from": ("other:exec",)}, 'invalid option "exec" specified'),
        ({"volumes_from": ("other:ro,rw",)}, "cannot set ro or rw options more than once"),
    ],
)
def test_bad_mounts(resolve, fields, message):
    with pytest.raises(UsageError, match=message):
        resolve(find=lambda _: other(), **fields)


def test_image_volumes(resolve):
    assert resolve(image_volumes="ignore").mounts == ()
    (mount,) = resolve(image_volumes="tmpfs").mounts
    assert (mount.type, mount.from_image) == ("tmpfs", True)


def test_a_stored_container_gives_the_same_spec(resolve, maker):
    """Tuples come back from storage as lists."""
    made = resolve(
        Process(command=("x", "y"), groups=("audio",), user="web"),
        ulimits=(Ulimit(name="core", soft=0, hard=0),),
        devices=(Device(path="/dev/null", container_path="/dev/n"),),
        security=Security(cap_add=("kill",), unmask=("/proc/kcore",), mask=("/a",)),
        mounts=(Mount(type="tmpfs", destination="/t", options=("size=1m",)),),
        image_volumes="ignore",
        network=NetworkOptions(mode="host", dns_servers=("none",), add_hosts=("a:1.2.3.4",)),
    )
    stored = Container.from_dict(fastjson.loads(fastjson.dumps(made.to_dict())))
    fresh = maker.spec_of(made)
    assert maker.spec_of(stored) == fresh
    assert not any(mount["destination"] == "/etc/resolv.conf" for mount in fresh["mounts"])


@pytest.mark.parametrize(
    ("text", "soft", "hard"),
    [("nofile=5:6", 5, 6), ("core=-1", -1, -1), ("nproc=unlimited", -1, -1), ("NOFILE=1", 1, 1)],
)
def test_parse_ulimit(text, soft, hard):
    limit = parse_ulimit(text)
    assert (limit.soft, limit.hard) == (soft, hard)


@pytest.mark.parametrize("text", ["nofile", "what=1", "nofile=x", "nofile=6:5", "core=-2"])
def test_parse_bad_ulimit(text):
    with pytest.raises(UsageError, match="failed to be parsed"):
        parse_ulimit(text)


@pytest.mark.parametrize(
    ("text", "size"), [("65536k", 65536000), ("1g", 10**9), ("5", 5), ("1.5 MB", 1500000)]
)
def test_parse_size(text, size):
    assert parse_size(text) == size
