"""Volumes: creation, copy-up, devices, references, removal. Needs root for owners and mounts."""

from __future__ import annotations

import os
import stat
import threading
from types import SimpleNamespace

import pytest
from polypod.engine import volumes, volumes_admin
from polypod.engine.volumes_filters import select
from polypod.errors import AlreadyExists, Conflict, InUse, NoSuchVolume, UsageError
from polypod.kit.mounts import is_mounted
from polypod.model.container import Container, ContainerState, Mount, Process
from polypod.records import Records

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes owners and mounts")


class MemoryState:
    """The state contract in a dict."""

    def __init__(self):
        self.data, self.revision, self.lock = {}, 0, threading.Lock()

    def get(self, bucket, keys):
        return {k: self.data[bucket, k] for k in keys if (bucket, k) in self.data}

    def list(self, bucket, prefix):
        return [
            (k, *v) for (b, k), v in sorted(self.data.items()) if b == bucket and k.startswith(prefix)
        ]

    def apply(self, operations, durable):
        with self.lock:
            for name, bucket, key, *rest in operations:
                if name == "check":
                    found = self.data.get((bucket, key), (b"", 0))[1]
                    if not (found > 0 if rest[0] == -1 else found == rest[0]):
                        raise Conflict(bucket, key)
            self.revision += 1
            for name, bucket, key, *rest in operations:
                if name == "put":
                    self.data[bucket, key] = (rest[0], self.revision)
                elif name == "delete":
                    self.data.pop((bucket, key), None)
            return self.revision


@pytest.fixture
def rt(tmp_path):
    events = []
    state = MemoryState()
    return SimpleNamespace(
        records=Records(state),
        volume_path=str(tmp_path / "volumes"),
        tmp_dir=str(tmp_path / "tmp"),
        settings=SimpleNamespace(engine=SimpleNamespace(events_logger="none")),
        observers=SimpleNamespace(event=events.append),
        events=events,
    )


@pytest.fixture
def rootfs(tmp_path):
    """An image's root with something at /data."""
    root = tmp_path / "rootfs"
    data = root / "data"
    (data / "sub").mkdir(parents=True)
    (data / "file").write_text("hello")
    (data / "sub" / "tool").write_bytes(b"x" * 100_000)
    os.chmod(data / "sub" / "tool", 0o4755)
    os.link(data / "file", data / "sub" / "other-name")
    (data / "link").symlink_to("/etc/passwd")
    os.mkfifo(data / "pipe")
    os.utime(data / "file", (1, 2))
    os.chmod(data, 0o750)
    return root


def container(rt, *mounts, number=1, user=""):
    made = Container(
        id=f"{number:064x}",
        name=f"c{number}",
        created=0.0,
        mounts=tuple(mounts),
        process=Process(user=user),
    )
    return made.evolve(mounts=volumes.name_volumes(rt, made))


def store(rt, made):
    rt.records.containers.add(made, ContainerState(), durable=False)
    volumes.make_volumes(rt, made)
    return made


def volume_mount(source, destination="/data", *options):
    return Mount(type="volume", source=source, destination=destination, options=options)


def prepare(rt, made, rootfs):
    return [volumes.prepare_volume(rt, made, mount, str(rootfs)) for mount in made.mounts]


# -- making ------------------------------------------------------------------


def test_create_makes_directory_record_and_event(rt):
    made = volumes_admin.create_volume(rt, "v1", labels={"a": "b"})
    assert made.mountpoint == f"{rt.volume_path}/v1/_data"
    assert stat.S_IMODE(os.stat(made.mountpoint).st_mode) == 0o755
    assert rt.records.volumes.get("v1").labels == {"a": "b"}
    assert [(e.type, e.status, e.name) for e in rt.events] == [("volume", "create", "v1")]


def test_create_twice(rt):
    volumes_admin.create_volume(rt, "v1", labels={"a": "1"})
    with pytest.raises(AlreadyExists, match="volume with name v1 already exists: volume already"):
        volumes_admin.create_volume(rt, "v1")
    again = volumes_admin.create_volume(rt, "v1", labels={"a": "2"}, ignore=True)
    assert again.labels == {"a": "1"}


def test_unnamed_volume_is_anonymous(rt):
    made = volumes_admin.create_volume(rt)
    assert made.anonymous and len(made.name) == 64
    assert volumes_admin.volume_exists(rt, made.name)


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "ä"])
def test_bad_names_are_refused(rt, name):
    with pytest.raises(UsageError, match="names must match"):
        volumes.check_name(name)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colour": "red"}, "invalid mount option colour for driver 'local'"),
        (
            {"type": "bind", "device": "/bogus"},
            "invalid volume option device for driver 'local': faccessat /bogus: no such file",
        ),
        ({"o": "uid=me"}, "cannot convert UID me to integer"),
        ({"o": "gid"}, "gid option must provide a GID"),
        ({"o": "size=1G"}, "Filesystem does not support Project Quota"),
    ],
)
def test_bad_options_are_refused(rt, options, words):
    with pytest.raises(UsageError) as caught:
        volumes_admin.create_volume(rt, "v1", options=options)
    assert words in str(caught.value)
    assert not os.path.exists(volumes.volume_dir(rt, "v1"))


def test_other_drivers_are_refused(rt):
    with pytest.raises(UsageError, match="no volume plugin with name nfs available"):
        volumes_admin.create_volume(rt, "v1", driver="nfs")


@needs_root
def test_owner_from_options(rt):
    made = volumes_admin.create_volume(rt, "v1", options={"o": "uid=12,gid=34"})
    status = os.stat(made.mountpoint)
    assert (status.st_uid, status.st_gid) == (12, 34)
    assert not made.needs_chown and not made.needs_mount
    document = volumes_admin.volume_document(made)
    assert document["Options"] == {"o": "uid=12,gid=34", "UID": "12", "GID": "34"}
    assert document["UID"] == 12


def test_inspect_document(rt):
    document = volumes_admin.volume_document(volumes_admin.create_volume(rt, "v1"))
    assert list(document) == [
        "Name", "Driver", "Mountpoint", "CreatedAt", "Labels", "Scope", "Options", "MountCount",
        "NeedsCopyUp", "NeedsChown",
    ]  # fmt: skip
    assert document["CreatedAt"][10] == "T"


def test_many_creators_of_one_name_make_one_volume(rt):
    made, refused = [], []

    def work():
        try:
            made.append(volumes_admin.create_volume(rt, "v1"))
        except AlreadyExists:
            refused.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)


# -- a container's volumes ------------------------------------------------------


def test_naming_makes_nothing(rt):
    made = container(rt, volume_mount("v1"), volume_mount("", "/other"))
    first, second = made.mounts
    assert (first.name, first.anonymous) == ("v1", False)
    assert len(second.name) == 64 and second.anonymous
    assert rt.records.volumes.all() == []


def test_bad_name_in_a_mount(rt):
    with pytest.raises(UsageError, match="names must match"):
        container(rt, volume_mount("a:b"))


@needs_root
def test_copy_up_takes_everything(rt, rootfs):
    os.chown(rootfs / "data", 7, 8)
    os.chown(rootfs / "data" / "file", 9, 10)
    os.setxattr(rootfs / "data" / "file", "user.note", b"x")
    made = store(rt, container(rt, volume_mount("v1")))
    (mount,) = prepare(rt, made, rootfs)
    top = os.stat(mount.source)
    assert (top.st_uid, top.st_gid, stat.S_IMODE(top.st_mode)) == (7, 8, 0o750)
    assert sorted(os.listdir(mount.source)) == ["file", "link", "pipe", "sub"]
    file = os.stat(f"{mount.source}/file")
    assert (file.st_uid, file.st_gid, file.st_mtime, file.st_nlink) == (9, 10, 2, 2)
    assert os.getxattr(f"{mount.source}/file", "user.note") == b"x"
    assert os.readlink(f"{mount.source}/link") == "/etc/passwd"
    assert stat.S_ISFIFO(os.stat(f"{mount.source}/pipe").st_mode)
    tool = os.stat(f"{mount.source}/sub/tool")
    assert (tool.st_size, stat.S_IMODE(tool.st_mode)) == (100_000, 0o4755)
    stored = rt.records.volumes.get("v1")
    assert not stored.needs_copy_up and not stored.needs_chown


def test_nothing_to_copy_leaves_the_chance(rt, tmp_path):
    root = tmp_path / "empty"
    root.mkdir()
    made = store(rt, container(rt, volume_mount("v1")))
    prepare(rt, made, root)
    stored = rt.records.volumes.get("v1")
    assert stored.needs_copy_up and stored.needs_chown


def test_copy_up_happens_once_and_never_into_a_filled_volume(rt, rootfs):
    filled = volumes_admin.create_volume(rt, "mine")
    with open(f"{filled.mountpoint}/own", "w", encoding="utf-8") as file:
        file.write("x")
    made = store(rt, container(rt, volume_mount("mine"), volume_mount("v1")))
    _mine, fresh = prepare(rt, made, rootfs)
    assert os.listdir(filled.mountpoint) == ["own"]
    os.unlink(f"{fresh.source}/file")
    prepare(rt, made, rootfs)
    assert "file" not in os.listdir(fresh.source)


@pytest.mark.parametrize("where", ["mount", "volume"])
def test_nocopy(rt, rootfs, where):
    options = ("nocopy",) if where == "mount" else ()
    if where == "volume":
        volumes_admin.create_volume(rt, "v1", options={"nocopy": ""})
    made = store(rt, container(rt, volume_mount("v1", "/data", *options)))
    (mount,) = prepare(rt, made, rootfs)
    assert os.listdir(mount.source) == []


def test_an_interrupted_copy_is_resumed(rt, rootfs):
    made = store(rt, container(rt, volume_mount("v1")))
    directory = volumes.volume_dir(rt, "v1")
    with open(f"{directory}/.polypod-copy-up", "w", encoding="ascii"):
        pass
    with open(f"{directory}/_data/.polypod-copy-up", "w", encoding="ascii") as file:
        file.write("half a file")
    (mount,) = prepare(rt, made, rootfs)
    assert sorted(os.listdir(mount.source)) == ["file", "link", "pipe", "sub"]
    assert os.listdir(directory) == ["_data"]


def test_links_in_the_image_lead_nowhere(rt, rootfs, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("s")
    (rootfs / "out").symlink_to(secret)
    (rootfs / "up").symlink_to("../../../../../.." + str(secret))
    made = store(rt, container(rt, volume_mount("a", "/out"), volume_mount("b", "/up/x")))
    for mount in prepare(rt, made, rootfs):
        assert os.listdir(mount.source) == []


def test_links_inside_the_image_are_followed_inside(rt, rootfs):
    (rootfs / "alias").symlink_to("/")
    made = store(rt, container(rt, volume_mount("v1", "/alias/data")))
    (mount,) = prepare(rt, made, rootfs)
    assert "file" in os.listdir(mount.source)


@needs_root
def test_without_a_directory_in_the_image_the_user_owns_the_volume(rt, rootfs):
    (rootfs / "etc").mkdir()
    (rootfs / "etc" / "passwd").write_text("me:x:1000:2000::/:/bin/sh\n")
    made = store(rt, container(rt, volume_mount("v1", "/new"), user="me"))
    (mount,) = prepare(rt, made, rootfs)
    status = os.stat(mount.source)
    assert (status.st_uid, status.st_gid) == (1000, 2000)


@needs_root
def test_option_u_gives_everything_to_the_user(rt, rootfs):
    made = store(rt, container(rt, volume_mount("v1", "/data", "U"), user="5:6"))
    (mount,) = prepare(rt, made, rootfs)
    for path in (mount.source, f"{mount.source}/sub/tool", f"{mount.source}/link"):
        status = os.lstat(path)
        assert (status.st_uid, status.st_gid) == (5, 6)


# -- devices ---------------------------------------------------------------------


@needs_root
def test_a_device_is_mounted_while_somebody_uses_it(rt, rootfs):
    options = {"type": "tmpfs", "device": "tmpfs", "o": "size=1M"}
    volumes_admin.create_volume(rt, "v1", options=options)
    first = store(rt, container(rt, volume_mount("v1")))
    second = store(rt, container(rt, volume_mount("v1"), number=2))
    try:
        (mount,) = prepare(rt, first, rootfs)
        prepare(rt, first, rootfs)  # a repeated start counts once
        prepare(rt, second, rootfs)
        assert is_mounted(mount.source)
        assert os.statvfs(mount.source).f_blocks * os.statvfs(mount.source).f_frsize == 1 << 20
        assert "file" in os.listdir(mount.source)
        assert rt.records.volumes.get("v1").mount_count == 2
        volumes.release_volume(rt, first, first.mounts[0])
        volumes.release_volume(rt, first, first.mounts[0])
        assert is_mounted(mount.source)
        volumes.release_volume(rt, second, second.mounts[0])
        assert not is_mounted(mount.source)
        assert rt.records.volumes.get("v1").mount_count == 0
    finally:
        volumes.release_volume(rt, first, first.mounts[0])
        volumes.release_volume(rt, second, second.mounts[0])


@needs_root
def test_a_bound_directory(rt, rootfs, tmp_path):
    device = tmp_path / "device"
    device.mkdir()
    (device / "there").write_text("x")
    volumes_admin.create_volume(rt, "v1", options={"type": "bind", "device": str(device)})
    made = store(rt, container(rt, volume_mount("v1")))
    (mount,) = prepare(rt, made, rootfs)
    try:
        assert os.listdir(mount.source) == ["there"]
    finally:
        volumes.release_volume(rt, made, made.mounts[0])
    assert os.listdir(mount.source) == []
    rt.records.containers.remove(made)
    volumes_admin.remove_volume(rt, "v1")
    assert (device / "there").exists()


# -- removing ----------------------------------------------------------------------


def test_remove_in_use(rt):
    made = store(rt, container(rt, volume_mount("v1")))
    with pytest.raises(InUse) as caught:
        volumes_admin.remove_volume(rt, "v1")
    assert str(caught.value) == (
        f"volume v1 is being used by the following container(s): {made.id}: volume is being used"
    )
    assert caught.value.exit_code == 2
    rt.records.containers.remove(made)
    assert volumes_admin.remove_volume(rt, "v1") == "v1"
    assert not os.path.exists(volumes.volume_dir(rt, "v1"))
    assert os.listdir(os.path.join(rt.tmp_dir, "volume-locks")) == []


def test_remove_absent(rt):
    with pytest.raises(NoSuchVolume, match='no volume with name "bogus" found: no such volume'):
        volumes_admin.remove_volume(rt, "bogus")


def test_anonymous_volumes_go_with_their_container_only(rt):
    made = store(rt, container(rt, volume_mount("", "/a"), volume_mount("named", "/b")))
    anonymous = made.mounts[0].name
    other = store(rt, container(rt, volume_mount(anonymous, "/a"), number=2))
    volumes.remove_anonymous(rt, [m.name for m in made.mounts], made.id)
    assert volumes_admin.volume_exists(rt, anonymous)
    rt.records.containers.remove(other)
    volumes.remove_anonymous(rt, [m.name for m in made.mounts], made.id)
    assert not volumes_admin.volume_exists(rt, anonymous)
    assert volumes_admin.volume_exists(rt, "named")


def test_prune(rt):
    for name in ("used", "free", "kept"):
        volumes_admin.create_volume(rt, name, labels={"keep": "1"} if name == "kept" else None)
    anonymous = volumes_admin.create_volume(rt)
    with open(f"{anonymous.mountpoint}/f", "wb") as file:
        file.write(b"x" * 10)
    store(rt, container(rt, volume_mount("used")))
    pruned = volumes_admin.prune_volumes(rt)
    assert [(p.name, p.size, p.error) for p in pruned] == [(anonymous.name, 10, "")]
    pruned = volumes_admin.prune_volumes(rt, ["label!=keep"], everything=True)
    assert [p.name for p in pruned] == ["free"]
    assert [v.name for v in rt.records.volumes.all()] == ["kept", "used"]


def test_filters(rt):
    volumes_admin.create_volume(rt, "volume_1", labels={"a": "1", "b": ""})
    volumes_admin.create_volume(rt, "volume_2", options={"o": "uid=1"} if os.geteuid() == 0 else {})
    store(rt, container(rt, volume_mount("volume_2")))

    def names(*filters):
        return [v.name for v in select(rt, rt.records.volumes.all(), list(filters))]

    both = ["volume_1", "volume_2"]
    assert names("name=volume_1.*") == ["volume_1"]
    assert names("name=volume_1*") == both  # a regular expression, not a glob
    assert names("label=a") == names("label=a=1", "label=b") == ["volume_1"]
    assert names("label!=a") == ["volume_2"]
    assert names("dangling=true") == ["volume_1"]
    assert names("dangling=0") == ["volume_2"]
    assert names("driver=local") == names("scope=local") == both
    assert names("driver=x") == []
    assert names("until=24h") == []
    assert names("since=volume_1") == ["volume_2"]
    assert names("anonymous=false") == both
    for bad in ("colour=red", "dangling=maybe", "nothing"):
        with pytest.raises(UsageError):
            names(bad)
