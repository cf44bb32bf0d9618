"""Networks, published ports and volumes as a user types them, with containers that run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from polypod.testing.bundles import eventually
from polypod.testing.busybox import write_rootfs
from polypod.testing.network import random_subnet
from polypod.testing.network_ns import firewall_rules, free_port
from polypod.testing.peers import unmount_below

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="bridges and mounts need root")


class Cli:
    """The ``polypod`` program with roots and network definitions of its own."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        beside = os.path.join(os.path.dirname(sys.executable), "polypod")
        self.program = beside if os.path.exists(beside) else shutil.which("polypod")
        with open(f"{folder}/containers.conf", "w", encoding="ascii") as file:
            file.write(f'[network]\nnetwork_config_dir = "{folder}/networks"\n')
        self.env = {**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf"}

    def run(
        self, *words: object, code: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        roots = ("--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run")
        options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            [self.program, *roots, *map(str, words)],
            check=False, capture_output=True, text=True, env=self.env, timeout=120, **options,
        )  # fmt: skip
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def __call__(self, *words: object, **options: Any) -> str:
        return self.run(*words, **options).stdout.rstrip("\n")

    def fails(self, code: int, *words: object, **options: Any) -> str:
        return self.run(*words, code=code, **options).stderr.strip()


@pytest.fixture
def cli() -> Iterator[Cli]:
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        cli = Cli(folder)
        yield cli
        cli("rm", "-f", "-a", "-t", "0", "-v")
        cli("network", "prune", "-f")
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


@pytest.fixture
def image(cli: Cli) -> str:
    with tempfile.TemporaryFile() as file:
        write_rootfs(file, {"data/hello": b"hello\n", "www/index.html": b"welcome\n"})
        file.seek(0)
        cli("import", "-c", "ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin", "-", "bb", stdin=file)
    return "bb"


@pytest.fixture
def network(cli: Cli) -> Iterator[str]:
    """A network on a subnet and a bridge of its own; nothing of it is left at the end."""
    name = f"n{uuid.uuid4().hex[:10]}"
    subnet, interface = random_subnet(), f"pt{uuid.uuid4().hex[:10]}"
    cli("network", "create", "--subnet", subnet, "--interface-name", interface, name)
    yield name
    cli("network", "rm", "-f", "-t", "0", name)
    assert interface not in [found for _index, found in socket.if_nameindex()]
    assert subnet not in firewall_rules()


def fetch(port: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as sock:
            sock.sendall(b"GET /index.html HTTP/1.0\r\n\r\n")
            data = b""
            while chunk := sock.recv(4096):
                data += chunk
            return data
    except OSError:
        return b""


# -- networks --------------------------------------------------------------------


def test_network_definitions(cli: Cli) -> None:
    name = f"n{uuid.uuid4().hex[:10]}"
    assert cli("network", "create", "--label", "a=b", "--disable-dns", name) == name
    assert cli("network", "create", "--ignore", name) == name
    assert cli.fails(125, "network", "create", name) == (
        f"Error: netavark: network already exists {name}"
    )
    table = cli("network", "ls").splitlines()
    assert table[0].split() == ["NETWORK", "ID", "NAME", "DRIVER"]
    assert table[2].startswith("2f259bab93aa  podman ")
    assert cli("network", "ls", "-q").splitlines() == [name, "podman"]
    assert cli(
        "network", "ls", "-n", "--filter", "label=a", "--format", "{{.Name}} {{.Labels}}"
    ) == (f"{name} a=b")
    (document,) = json.loads(cli("network", "inspect", name))
    assert document["labels"] == {"a": "b"} and document["containers"] == {}
    assert cli("network", "inspect", "-f", "{{.ID}}", document["id"][:12]) == document["id"]
    cli("network", "exists", name)
    assert cli("network", "rm", name) == name
    cli.run("network", "exists", name, code=1)
    assert cli.fails(1, "network", "rm", name) == (
        f"Error: unable to find network with name or ID {name}: network not found"
    )
    assert cli("network", "rm", "--force", name) == ""


def test_containers_on_a_network(cli: Cli, image: str, network: str) -> None:
    server = cli(
        "run", "-d", "--name", "server", "--network", network, image,
        "httpd", "-f", "-p", "80", "-h", "/www",
    )  # fmt: skip
    ready = cli.run("exec", "server", "true")
    assert ready.returncode == 0
    page = eventually(lambda: _wget(cli, image, network, "server"))
    assert page == "welcome"
    (document,) = json.loads(cli("network", "inspect", network))
    assert document["containers"][server]["name"] == "server"
    assert "eth0" in document["containers"][server]["interfaces"]
    assert cli.fails(2, "network", "rm", network) == (
        f'Error: "{network}" has associated containers with it. Use -f to forcibly delete '
        "containers and pods: network is being used"
    )
    assert cli("network", "prune", "-f") == ""
    cli("stop", "-t", "0", "server")
    assert json.loads(cli("network", "inspect", network))[0]["containers"] == {}
    assert cli("network", "rm", "-f", "-t", "0", network) == network
    assert cli("ps", "-aq") == ""
    cli("network", "create", "--subnet", random_subnet(), network)  # for the fixture's end


def _wget(cli: Cli, image: str, network: str, host: str) -> str:
    done = subprocess.run(
        [
            cli.program, "--root", f"{cli.folder}/root", "--runroot", f"{cli.folder}/run", "run",
            "--rm", "--network", network, image, "wget", "-qO-", f"http://{host}/index.html",
        ],
        capture_output=True, text=True, check=False, env=cli.env,
    )  # fmt: skip
    return done.stdout.strip()


def test_unknown_network(cli: Cli, image: str) -> None:
    error = cli.fails(125, "run", "--rm", "--network", "nosuch", image, "true")
    assert error == "Error: unable to find network with name or ID nosuch: network not found"
    assert cli("ps", "-aq") == ""


def test_static_address(cli: Cli, image: str, network: str) -> None:
    (document,) = json.loads(cli("network", "inspect", network))
    base, _, last = document["subnets"][0]["gateway"].rpartition(".")
    wanted = f"{base}.{int(last) + 5}"
    shown = cli("run", "--rm", "--network", f"{network}:ip={wanted},mac=92:d0:c6:0a:29:44", image,
                "ip", "addr", "show", "eth0")  # fmt: skip
    assert f"inet {wanted}/28" in shown and "92:d0:c6:0a:29:44" in shown


def test_published_ports(cli: Cli, image: str, network: str) -> None:
    port = free_port()
    cli(
        "run", "-d", "--name", "web", "--network", network, "-p", f"127.0.0.1:{port}:80", image,
        "httpd", "-f", "-p", "80", "-h", "/www",
    )  # fmt: skip
    assert eventually(lambda: b"welcome" in fetch(port))
    assert cli("port", "web") == f"80/tcp -> 127.0.0.1:{port}"
    assert cli("port", "web", "80") == f"127.0.0.1:{port}"
    assert cli.fails(125, "port", "web", "99/tcp") == (
        'Error: failed to find published port "99/tcp"'
    )
    taken = cli.fails(
        126, "run", "--rm", "--network", network, "-p", f"127.0.0.1:{port}:80", image, "true"
    )
    assert f"127.0.0.1:{port}: address already in use" in taken
    assert b"welcome" in fetch(port)  # the failure took nothing from the other
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(("127.0.0.1", port))
    cli("rm", "-f", "-t", "0", "web")
    assert fetch(port) == b""
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


def test_publish_all(cli: Cli, image: str, network: str) -> None:
    cli("run", "-d", "--name", "web", "--network", network, "-P", "--expose", "80", image,
        "sleep", "100")  # fmt: skip
    line = cli("port", "web")
    assert line.startswith("80/tcp -> 0.0.0.0:") and int(line.rpartition(":")[2]) > 1024


# -- volumes -----------------------------------------------------------------------


def test_volumes_are_filled_kept_and_removed(cli: Cli, image: str) -> None:
    assert cli(
        "run", "--rm", "--network", "none", "-v", "v1:/data", image, "cat", "/data/hello"
    ) == ("hello")
    cli("run", "--rm", "--network", "none", "-v", "v1:/elsewhere", image,
        "sh", "-c", "echo more >/elsewhere/more")  # fmt: skip
    mountpoint = cli("volume", "inspect", "-f", "{{.Mountpoint}}", "v1")
    assert sorted(os.listdir(mountpoint)) == ["hello", "more"]
    assert cli("volume", "ls", "--format", "{{.Name}} {{.Driver}}") == "v1 local"
    keeper = cli("create", "--network", "none", "-v", "v1:/data", image, "true")
    assert cli.fails(2, "volume", "rm", "v1") == (
        f"Error: volume v1 is being used by the following container(s): {keeper}: "
        "volume is being used"
    )
    assert cli("volume", "prune", "-f", "-a") == ""
    assert cli("volume", "rm", "-f", "-t", "0", "v1") == "v1"
    assert not os.path.exists(mountpoint)
    assert cli("ps", "-aq") == ""


def test_anonymous_volumes(cli: Cli, image: str) -> None:
    cli("run", "--rm", "--network", "none", "-v", "/data", image, "true")
    assert cli("volume", "ls", "-q") == ""
    cli("run", "--name", "kept", "--network", "none", "-v", "/data", image,
        "sh", "-c", "echo x >/data/x")  # fmt: skip
    name = cli("volume", "ls", "-q", "--filter", "anonymous=true")
    assert len(name) == 64
    cli("rm", "kept")
    assert cli("volume", "prune", input="n\n", stdin=None).endswith("continue? [y/N] ")
    assert cli("volume", "prune", "-f") == name
    cli("run", "--name", "gone", "--network", "none", "-v", "/data", image, "true")
    cli("rm", "-v", "gone")
    assert cli("volume", "ls", "-q") == ""


def test_device_volumes(cli: Cli, image: str) -> None:
    cli("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2M", "v1")
    shown = cli("run", "--rm", "--network", "none", "-v", "v1:/data", image, "mount")
    (line,) = [line for line in shown.splitlines() if " /data " in line]
    assert line.startswith("tmpfs on /data type tmpfs") and "size=2048k" in line
    assert cli("volume", "inspect", "-f", "{{.MountCount}}", "v1") == "0"
    assert f"{cli.folder}/root/volumes" not in open("/proc/self/mounts", encoding="utf-8").read()


def test_subpath_and_readonly(cli: Cli, image: str) -> None:
    cli("run", "--rm", "--network", "none", "-v", "v1:/v", image,
        "sh", "-c", "mkdir /v/sub; echo inner >/v/sub/f")  # fmt: skip
    mount = "type=volume,src=v1,dst=/s,subpath=sub,ro"
    done = cli.run("run", "--rm", "--network", "none", "--mount", mount, image,
                   "sh", "-c", "cat /s/f; touch /s/new", code=1)  # fmt: skip
    assert done.stdout == "inner\n" and "Read-only file system" in done.stderr


def test_volume_errors(cli: Cli) -> None:
    cli("volume", "create", "v1")
    assert cli.fails(125, "volume", "create", "v1") == (
        "Error: volume with name v1 already exists: volume already exists"
    )
    assert cli.fails(1, "volume", "rm", "bogus") == (
        'Error: no volume with name "bogus" found: no such volume'
    )
    assert cli("volume", "rm", "--force", "bogus", "v1") == "v1"
    done = cli.run("volume", "inspect", "bogus", code=125)
    assert (done.stdout, done.stderr) == (
        "[]\n", "Error: inspecting object: no such volume bogus\n"
    )  # fmt: skip
    cli.run("volume", "exists", "bogus", code=1)
