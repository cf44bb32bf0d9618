"""What only the overlay driver has: links, options, long mounts, the private home."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile

import pytest
from polypod.errors import ConfigError, DriverUnavailable, StorageError
from polypod.kit import mounts
from polypod.testing import storage_tar as tar
from polypod.testing.storage import CONTAINER, StoreCase, put, put_image, tree_facts
from polypod_storage_overlay import Overlay, OverlayConfig


class TestOverlayQuirks(StoreCase):
    driver_name = "overlay"

    @pytest.fixture
    def make_driver(self):
        return lambda **where: Overlay(config=OverlayConfig(), **where)

    def test_the_layout_is_that_of_containers_storage(self, store):
        one = put(store, "", tar.member("f", b"1"))
        two = put(store, one.id, tar.member("g", b"2"))
        home = store.places.root + "/overlay"
        assert sorted(os.listdir(f"{home}/{one.id}")) == ["diff", "empty", "link", "merged", "work"]
        assert sorted(os.listdir(f"{home}/{two.id}")) == ["diff", "link", "lower", "merged", "work"]
        with open(f"{home}/{one.id}/link", encoding="ascii") as file:
            short = file.read()
        assert len(short) == 26
        assert os.readlink(f"{home}/l/{short}") == f"../{one.id}/diff"
        with open(f"{home}/{two.id}/lower", encoding="ascii") as file:
            assert file.read() == f"l/{short}"

    def test_lost_links_are_rebuilt_instead_of_failing(self, store):
        parent = ""
        for number in range(4):
            parent = put(store, parent, tar.member(f"f{number}", b"")).id
        image = put_image(store, parent)
        home = store.places.root + "/overlay"
        for name in os.listdir(home + "/l"):
            os.unlink(f"{home}/l/{name}")
        os.rmdir(home + "/l")
        store.create_container(CONTAINER, (), image.id, {}, False)
        assert len(os.listdir(store.mount_container(CONTAINER))) == 4

    def test_a_lost_link_file_is_rebuilt_from_the_links(self, store):
        one = put(store, "", tar.member("f", b""))
        two = put(store, one.id, tar.member("g", b""))
        home = store.places.root + "/overlay"
        os.unlink(f"{home}/{one.id}/link")
        assert store.driver.check(False) == [(one.id, "its link is missing")]
        three = put(store, one.id, tar.member("h", b""))
        assert store.driver.check(False) == []
        for top, names in ((two.id, ["f", "g"]), (three.id, ["f", "h"])):
            store.create_container(top, (), "", {}, False, top_layer=top)
            assert sorted(os.listdir(store.mount_container(top))) == names

    def test_more_layers_than_fit_with_absolute_names(self, store):
        parent = ""
        for number in range(120):
            parent = put(store, parent, tar.member(f"f{number}", b"")).id
        [spec] = store.driver.mounts(parent, True, "", ())
        assert spec.cwd == store.places.root + "/overlay"
        store.create_container(CONTAINER, (), "", {}, False, top_layer=parent)
        here = os.getcwd()
        assert len(os.listdir(store.mount_container(CONTAINER))) == 120
        assert os.getcwd() == here

    def test_an_additional_store_may_have_as_many(self, make_store):
        shared = make_store("shared")
        parent = ""
        for number in range(120):
            parent = put(shared, parent, tar.member(f"f{number}", b"")).id
        image = put_image(shared, parent)
        store = make_store("own", additional=("shared",))
        store.create_container(CONTAINER, (), image.id, {}, False)
        assert len(os.listdir(store.mount_container(CONTAINER))) == 120

    def test_an_additional_store_without_links_serves(self, make_store):
        shared = make_store("shared")
        one = put(shared, "", tar.member("f", b""))
        two = put(shared, one.id, tar.member("g", b""))
        image = put_image(shared, two.id)
        shutil.rmtree(shared.places.root + "/overlay/l")
        store = make_store("own", additional=("shared",))
        store.create_container(CONTAINER, (), image.id, {}, False)
        assert sorted(os.listdir(store.mount_container(CONTAINER))) == ["f", "g"]
        assert not os.path.exists(shared.places.root + "/overlay/l")
        with pytest.raises(StorageError, match="only read"):
            store.driver.rename(one.id, "x" * 64)

    def test_too_many_layers_are_refused_in_words(self, store):
        parent = ""
        for number in range(150):
            id = f"{number:064x}"
            store.driver.prepare(id, parent, False)
            parent = id
        with pytest.raises(StorageError, match="more than fit in a mount's options"):
            store.driver.mounts(parent, False, "", ())

    def test_mount_options_reach_the_kernel(self, make_store):
        store = make_store(options={"overlay.mountopt": "nodev,nosuid,index=off"})
        store.create_container(CONTAINER, (), "", {}, False)
        path = store.mount_container(CONTAINER)
        with open("/proc/self/mountinfo", encoding="utf-8") as lines:
            [line] = [line for line in lines if line.split()[4] == path]
        assert "nodev" in line
        assert "nosuid" in line

    def test_metacopy_works(self, make_store):
        store = make_store(options={"mountopt": "metacopy=on"})
        base = put(store, "", tar.member("f", b"1"))
        store.create_container(CONTAINER, (), "", {}, False, top_layer=base.id)
        path = store.mount_container(CONTAINER)
        os.chmod(path + "/f", 0o600)
        with open(path + "/f", "rb") as file:
            assert file.read() == b"1"

    def test_the_home_is_a_private_mount_while_something_is_mounted(self, store):
        home = store.places.root + "/overlay"
        store.create_container(CONTAINER, (), "", {}, False)
        store.mount_container(CONTAINER)
        assert mounts.is_mounted(home)
        store.delete_container(CONTAINER)
        assert not mounts.is_mounted(home)

    def test_skip_mount_home(self, make_store):
        store = make_store(options={"overlay.skip_mount_home": "true"})
        store.create_container(CONTAINER, (), "", {}, False)
        store.mount_container(CONTAINER)
        assert not mounts.is_mounted(store.places.root + "/overlay")

    @pytest.mark.parametrize(
        ("option", "value", "words"),
        [
            ("overlay.colour", "blue", "unknown option overlay.colour"),
            ("overlay.size", "10G", "size=10G is not supported"),
            ("use_composefs", "true", "composefs"),
            ("overlay.force_mask", "shared", "force_mask"),
            ("overlay.mount_program", "/no/such/program", "/no/such/program does not exist"),
            ("overlay.skip_mount_home", "perhaps", "must be true or false"),
        ],
    )
    def test_options_that_cannot_be_met_are_refused(self, make_store, option, value, words):
        with pytest.raises(ConfigError, match=words):
            make_store(options={option: value})

    def test_another_drivers_options_are_not_ours(self, make_store):
        make_store(options={"vfs.ignore_chown_errors": "true", "btrfs.min_space": "1G"})

    def test_a_file_system_that_cannot_hold_overlay_is_named(self, tmp_path, make_store):
        below = tmp_path / "below"
        for name in ("lower", "upper", "work", "merged"):
            (below / name).mkdir(parents=True)
        target = tmp_path / "root"
        target.mkdir()
        data = f"lowerdir={below}/lower,upperdir={below}/upper,workdir={below}/work"
        mounts.mount("overlay", str(target), "overlay", 0, data)
        with pytest.raises(DriverUnavailable, match="not supported over overlay"):
            make_store()
        assert os.listdir(target) == []

    def test_mount_options_that_the_kernel_refuses_are_named(self, make_store):
        with pytest.raises(DriverUnavailable, match="mountopt no_such_thing"):
            make_store(options={"mountopt": "no_such_thing"})

    def test_leftover_mounts_do_not_stop_a_removal(self, store):
        store.create_container(CONTAINER, (), "", {}, False)
        path = store.mount_container(CONTAINER)
        os.unlink(store.places.run_layers + "/mountpoints.json")
        mounts.mount("overlay", path, "tmpfs")
        assert store.delete_container(CONTAINER)
        assert not os.path.exists(path)

    @pytest.mark.skipif(
        not shutil.which("fuse-overlayfs") or not os.path.exists("/dev/fuse"),
        reason="needs fuse-overlayfs and /dev/fuse",
    )
    def test_a_mount_program_mounts_and_its_deletions_are_found(self, make_store):
        store = make_store(options={"mount_program": shutil.which("fuse-overlayfs")})
        one = put(store, "", tar.member("d"), tar.member("d/x", b"1"), tar.member("gone", b"1"))
        two = put(store, one.id, tar.member(".wh.gone", b""), tar.member("d/y", b"2"))
        store.create_container(CONTAINER, (), "", {}, False, top_layer=two.id)
        path = store.mount_container(CONTAINER)
        assert sorted(tree_facts(path)) == ["d", "d/x", "d/y"]
        os.unlink(path + "/d/x")
        layer = store.layer(store.container_layer(CONTAINER))
        with tarfile.open(fileobj=io.BytesIO(b"".join(store.diff(layer)))) as archive:
            assert archive.getnames() == [".", "d", "d/.wh.x"]
        store.delete_container(CONTAINER)

    def test_a_failing_mount_program_is_named(self, make_store):
        store = make_store(options={"mount_program": "/bin/false"})
        store.create_container(CONTAINER, (), "", {}, False)
        with pytest.raises(StorageError, match="mount program /bin/false failed"):
            store.mount_container(CONTAINER)

    @pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
    def test_it_works_in_a_user_namespace(self, tmp_path):
        script = (
            "import io, os, sys\n"
            "from polypod_storage_overlay import Overlay, OverlayConfig\n"
            "from polypod.ports.storage import StoragePort\n"
            "from polypod.store import Store\n"
            "from polypod.testing import storage_tar as tar\n"
            "from polypod.testing.storage import put\n"
            "root = sys.argv[1]\n"
            "driver = Overlay(OverlayConfig(), root + '/r/overlay', root + '/rr/overlay')\n"
            "store = Store(root + '/r', root + '/rr', StoragePort(driver, 'overlay'))\n"
            "one = put(store, '', tar.member('d'), tar.member('d/x', b'1'), tar.member('g', b'1'))\n"
            "two = put(store, one.id, tar.member('.wh.g', b''), tar.member('d/y', b'2'),\n"
            "          tar.member('d/.wh..wh..opq', b''))\n"
            "store.create_container('c' * 64, (), '', {}, False, top_layer=two.id)\n"
            "path = store.mount_container('c' * 64)\n"
            "print(sorted(os.listdir(path)), os.listdir(path + '/d'))\n"
            "store.delete_container('c' * 64)\n"
        )
        base = tmp_path / "ns"
        base.mkdir()
        done = subprocess.run(
            ["unshare", "-U", "-r", "-m", sys.executable, "-c", script, str(base)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        if "unshare failed" in done.stderr:
            pytest.skip("this machine has no user namespaces")
        assert (done.stdout, done.stderr) == ("['d'] ['y']\n", "")

    def test_info(self, store):
        put(store, "", tar.member("f", b"1"))
        facts = dict(store.driver.info())
        assert facts["Native Overlay Diff"] == "true"
        assert facts["Backing Filesystem"] != "<unknown>"
