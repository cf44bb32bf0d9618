"""The address database: bbolt's format, allocation, and podman on the same file."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polypod.errors import NetworkError
from polypod.testing.busybox import write_rootfs
from polypod_network_netavark.boltfile import BoltError, BoltFile
from polypod_network_netavark.ipam import AddressBook

NET = {"name": "podman", "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}]}
C1, C2 = "1" * 64, "2" * 64


@pytest.fixture
def book(tmp_path):
    return AddressBook(str(tmp_path / "ipam.db"))


def small(prefix=29, **subnet):
    return {"name": "small", "subnets": [{"subnet": f"10.9.0.0/{prefix}", **subnet}]}


# -- the file ------------------------------------------------------------------

KEYS = st.binary(min_size=1, max_size=60)
TREES = st.recursive(
    st.dictionaries(KEYS, st.binary(max_size=3000), max_size=6),
    lambda inner: st.dictionaries(KEYS, st.one_of(st.binary(max_size=50), inner), max_size=5),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(versions=st.lists(TREES, min_size=1, max_size=4))
def test_what_is_written_is_read(tmp_path_factory, versions):
    path = str(tmp_path_factory.mktemp("bolt") / "db")
    expected = {}
    for version in versions:
        with BoltFile(path) as file:
            assert file.read() == expected
            file.write(version)
        expected = version
    with BoltFile(path) as file:
        assert file.read() == expected


def test_space_is_used_again(tmp_path):
    path = str(tmp_path / "db")
    for number in range(50):
        with BoltFile(path) as file:
            root = file.read()
            root[b"b"] = {b"k": bytes([number]) * 100}
            file.write(root)
    assert os.path.getsize(path) < 20 * 4096


def test_a_crash_before_the_switch_keeps_the_old_content(tmp_path, monkeypatch):
    path = str(tmp_path / "db")
    with BoltFile(path) as file:
        file.read()
        file.write({b"a": b"old"})
    monkeypatch.setattr(BoltFile, "_write_meta", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt), BoltFile(path) as file:
        file.read()
        file.write({b"a": b"new" * 2000})
    monkeypatch.undo()
    with BoltFile(path) as file:
        assert file.read() == {b"a": b"old"}


def test_damage_is_told(tmp_path, book):
    path = tmp_path / "ipam.db"
    path.write_bytes(b"x" * 20000)
    with pytest.raises(BoltError), BoltFile(str(path)) as file:
        file.read()
    with pytest.raises(NetworkError, match=r"ipam\.db is damaged"):
        book.allocate(C1, [(NET, [])])


# -- allocation -------------------------------------------------------------------


def test_the_next_address_follows_the_last(book):
    assert book.allocate(C1, [(NET, [])]) == {"podman": ["10.88.0.2"]}
    book.release(C1, ["podman"])
    assert book.allocate(C1, [(NET, [])]) == {"podman": ["10.88.0.3"]}
    assert book.assigned(C1, ["podman", "other"]) == {"podman": ["10.88.0.3"]}
    book.release(C1, ["podman", "other"])
    assert book.assigned(C1, ["podman"]) == {}


def test_gateway_network_and_broadcast_are_left_out(book):
    network = small(29, gateway="10.9.0.3")
    given = [book.allocate(f"{n:064x}", [(network, [])])["small"][0] for n in range(5)]
    assert given == [f"10.9.0.{n}" for n in (1, 2, 4, 5, 6)]
    with pytest.raises(NetworkError, match=r"failed to find free IP in range: 10.9.0.1 - 10.9.0.6"):
        book.allocate(C1, [(network, [])])


def test_all_or_nothing(book):
    full = small(31)
    with pytest.raises(NetworkError):
        book.allocate(C1, [(NET, []), (full, [])])
    assert book.assigned(C1, ["podman"]) == {}


def test_a_killed_start_is_forgotten(book):
    first = book.allocate(C1, [(NET, [])])
    again = book.allocate(C1, [(NET, [])])
    assert first != again
    assert book.allocate(C2, [(NET, ["10.88.0.2"])]) == {"podman": ["10.88.0.2"]}


def test_static_addresses_and_families(book):
    network = {
        "name": "two",
        "subnets": [{"subnet": "10.9.0.0/24", "gateway": "10.9.0.1"}, {"subnet": "fd00:1::/64"}],
    }
    given = book.allocate(C1, [(network, ["fd00:1::77"])])
    assert given == {"two": ["10.9.0.2", "fd00:1::77"]}
    with pytest.raises(NetworkError, match="fd00:1::77 is already allocated to container ID 1111"):
        book.allocate(C2, [(network, ["fd00:1:0::77"])])
    assert book.allocate(C2, [(network, [])]) == {"two": ["10.9.0.3", "fd00:1::1"]}


def test_networks_without_host_addresses(book, tmp_path):
    network = {"name": "x", "subnets": [], "ipam_options": {"driver": "none"}}
    assert book.allocate(C1, [(network, [])]) == {}
    assert not os.path.exists(tmp_path / "ipam.db")


def test_a_removed_network_is_forgotten(book):
    book.allocate(C1, [(NET, [])])
    book.forget_network("podman")
    assert book.assigned(C1, ["podman"]) == {}
    assert book.allocate(C2, [(NET, [])]) == {"podman": ["10.88.0.2"]}


def test_many_at_once(book):
    given = []

    def work(number):
        given.append(book.allocate(f"{number:064x}", [(NET, [])])["podman"][0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 30


# -- podman ---------------------------------------------------------------------------

# In a mount namespace of its own with an empty /run/containers, so that the host's
# podman knows nothing of it. $1: scratch directory, $2: python, $3: this plugin's paths.
_SCRIPT = r"""
set -e
mount --make-rprivate /
mkdir -p /run/containers; mount -t tmpfs tmpfs /run/containers
cd "$1"
export CONTAINERS_CONF="$1/containers.conf"
pod="podman --root $1/root --runroot /run/containers/p --storage-driver vfs --events-backend none"
pod="$pod --cgroup-manager cgroupfs"
$pod import -q root.tar busybox >/dev/null
theirs() { $pod run --rm busybox ip -4 -o addr show eth0 | sed 's/.*inet \([0-9.]*\).*/theirs \1/'; }
ours() { PYTHONPATH="$3" "$2" - "$@" <<'EOF'
import sys
from polypod_network_netavark.ipam import AddressBook
network = {"name": "net", "subnets": [{"subnet": sys.argv[5], "gateway": ""}]}
book = AddressBook("/run/containers/networks/ipam.db")
print("ours", *book.allocate(sys.argv[4] * 64, [(network, [])])["net"])
EOF
}
ours "$1" "$2" "$3" a "$4"
theirs
ours "$1" "$2" "$3" b "$4"
theirs
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="networks need root")
def test_podman_and_polypod_share_the_addresses(tmp_path, tmp_path_factory):
    if not shutil.which("podman") or not shutil.which("unshare"):
        pytest.skip("not installed: podman")
    from polypod.testing.network import random_subnet

    subnet = random_subnet(28)
    with open(tmp_path / "root.tar", "wb") as file:
        write_rootfs(file)
    (tmp_path / "networks").mkdir()
    interface = "pt" + os.urandom(5).hex()
    (tmp_path / "networks" / "net.json").write_text(
        f'{{"name":"net","id":"{os.urandom(32).hex()}","driver":"bridge","network_interface":'
        f'"{interface}","created":"2024-01-01T00:00:00Z","subnets":[{{"subnet":"{subnet}"}}],'
        '"ipv6_enabled":false,"internal":false,"dns_enabled":false,'
        '"ipam_options":{"driver":"host-local"}}'
    )
    (tmp_path / "containers.conf").write_text(
        "[containers]\n"
        'default_ulimits = ["nofile=20000:20000","nproc=1000:1000"]\n'
        f'[network]\nnetwork_config_dir = "{tmp_path}/networks"\ndefault_network = "net"\n'
        'network_backend = "netavark"\n'
    )
    import sys

    paths = ":".join(path for path in sys.path if path)
    done = subprocess.run(
        [
            "unshare",
            "-m",
            "bash",
            "-c",
            _SCRIPT,
            "test",
            str(tmp_path),
            sys.executable,
            paths,
            subnet,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    base, _, last = subnet.partition("/")[0].rpartition(".")
    # The container of podman's gets the address after ours, and the other way round.
    expected = [f"{base}.{int(last) + step}" for step in (1, 2, 3, 4)]
    shown = [line.split()[1] for line in done.stdout.splitlines()]
    # .1 would be the gateway, which podman fills in by itself; ours was told of none.
    assert shown == expected
