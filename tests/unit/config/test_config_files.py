"""Which files are read, in which order, and what each value's origin is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from polypod.config import paths
from polypod.config.load import load
from polypod.errors import ConfigError


class Host:
    """A host's configuration folders below a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {"HOME": str(root / "home")}

    def write(self, path: str, text: str) -> str:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return str(target)

    def load(self, **flags: object):
        return load(flags, self.environ)

    @property
    def settings(self):
        return self.load().settings


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(paths, "ETC", str(tmp_path / "etc"))
    monkeypatch.setattr(paths, "SHARE", str(tmp_path / "share"))
    host = Host(tmp_path)
    # Away from what earlier tests or the host left in the default graph root.
    host.write("share/containers/storage.conf", f'[storage]\ngraphroot="{tmp_path}/graph"\n')
    return host


CONF = "containers/containers.conf"


def test_defaults_are_podmans(host: Host) -> None:
    settings = host.settings
    assert settings.storage.root == str(host.root / "graph")
    assert settings.storage.runroot == "/run/containers/storage"
    assert settings.engine.stop_timeout == 10
    assert settings.engine.runtime == ""
    assert "/usr/bin/crun" in settings.engine.runtimes["crun"]
    assert settings.containers.pids_limit == 2048
    assert settings.containers.shm_size == "65536k"
    assert "CAP_CHOWN" in settings.containers.default_capabilities
    assert settings.network.default_subnet == "10.88.0.0/16"
    assert settings.network.default_subnet_pools[0].base == "10.89.0.0/16"
    assert settings.engine.static_dir == settings.storage.root + "/polypod"


def test_user_over_etc_over_vendor_with_drop_ins_in_order(host: Host) -> None:
    host.write(f"share/{CONF}", "[engine]\nstop_timeout=1\nnum_locks=1\nretry=1\n")
    host.write(f"etc/{CONF}", "[engine]\nstop_timeout=2\nnum_locks=2\n")
    host.write(f"etc/{CONF}.d/20.conf", "[engine]\nnum_locks=20\n")
    host.write(f"etc/{CONF}.d/10.conf", "[engine]\nnum_locks=10\n")
    host.write(f"etc/{CONF}.d/99.txt", "not toml")
    user = host.write(f"home/.config/{CONF}", "\n[engine]\nstop_timeout=3\n")
    settings = host.settings
    assert (settings.engine.stop_timeout, settings.engine.num_locks) == (3, 20)
    assert settings.engine.retry == 1
    assert settings.origin["engine.stop_timeout"] == f"{user}:3"


def test_containers_conf_variable_replaces_all_and_override_comes_last(host: Host) -> None:
    host.write(f"etc/{CONF}", "[engine]\nretry=9\nstop_timeout=2\n")
    host.environ["CONTAINERS_CONF"] = host.write("only.conf", "[engine]\nstop_timeout=3\n")
    host.environ["CONTAINERS_CONF_OVERRIDE"] = host.write("over.conf", "[engine]\nnum_locks=7\n")
    engine = host.settings.engine
    assert (engine.retry, engine.stop_timeout, engine.num_locks) == (3, 3, 7)


def test_a_named_file_that_is_absent_is_an_error(host: Host) -> None:
    host.environ["CONTAINERS_CONF"] = str(host.root / "absent.conf")
    with pytest.raises(ConfigError, match=r"absent\.conf, which CONTAINERS_CONF names"):
        host.load()


def test_arrays_replace_and_append(host: Host) -> None:
    host.write(f"share/{CONF}", '[containers]\nenv=["1=true"]\n')
    host.write(f"etc/{CONF}", '[containers]\nenv=["2=true"]\n')
    host.write(f"etc/{CONF}.d/3.conf", '[containers]\nenv=["3=true", {append=true}]\n')
    host.write(f"etc/{CONF}.d/4.conf", '[containers]\nenv=["4=true"]\n')
    assert host.settings.containers.env == ("2=true", "3=true", "4=true")
    host.write(f"etc/{CONF}.d/5.conf", '[containers]\nenv=["5=true", {append=false}]\n')
    assert host.settings.containers.env == ("5=true",)


def test_runtimes_tables_are_merged(host: Host) -> None:
    path = host.write(f"etc/{CONF}", '[engine.runtimes]\nmine = [\n "/opt/mine",\n]\n')
    settings = host.settings
    assert settings.engine.runtimes["mine"] == ("/opt/mine",)
    assert "crun" in settings.engine.runtimes
    assert settings.origin["engine.runtimes.mine"] == f"{path}:2"


def test_unknown_keys_of_containers_conf_are_noted_not_refused(host: Host) -> None:
    path = host.write(f"etc/{CONF}", "[engine]\nfrobnicate=1\n[odd]\nx=1\n[machine]\ncpus=1\n")
    assert host.load().notes == [
        f"{path}:2: unknown key engine.frobnicate",
        f"{path}:3: unknown table odd",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[engine]\nstop_timeout="x"\n', ":2: stop_timeout must be an integer, not 'x'"),
        ("[containers]\nenv=[1]\n", ":2: env must be an array of strings"),
        ('[containers]\n\ninit="yes"\n', ":3: init must be true or false, not 'yes'"),
        ("[engine.runtimes]\nx=1\n", ":1: runtimes must be a table of arrays of strings"),
        ("[engine]\ncgroup_manager = 'x'\n", ":2: cgroup_manager is 'x'; it must be one of"),
        ("[containers]\nlog_size_max=5\n", ":2: log size max should be negative or >= 8192"),
        ("[engine\n", ": not valid TOML: "),
        ("[engine]\ndatabase_backend='etcd'\n", ":2: unsupported database backend 'etcd'"),
        ("[network]\ndefault_subnet_pools=[{base='x',size=1}]\n", ":2: default_subnet_pools must"),
    ],
)
def test_bad_values_name_file_and_line(host: Host, text: str, message: str) -> None:
    path = host.write(f"etc/{CONF}", text)
    with pytest.raises(ConfigError) as caught:
        host.load()
    assert str(caught.value).startswith(path + message)
    assert "\n" not in str(caught.value)


def test_capabilities_get_their_prefix(host: Host) -> None:
    host.write(f"etc/{CONF}", '[containers]\ndefault_capabilities=["chown", "CAP_KILL"]\n')
    assert host.settings.containers.default_capabilities == ("CAP_CHOWN", "CAP_KILL")


def test_modules_are_searched_and_read_after_the_rest(host: Host) -> None:
    host.write(f"etc/{CONF}", "[engine]\nstop_timeout=2\n")
    host.write(f"share/{CONF}.modules/fast.conf", "[engine]\nstop_timeout=1\n")
    assert host.load(module=["fast.conf"]).settings.engine.stop_timeout == 1
    with pytest.raises(ConfigError, match=r"could not resolve module 'slow\.conf'"):
        host.load(module=["slow.conf"])


def test_storage_conf_etc_hides_the_vendors(host: Host) -> None:
    host.write("etc/containers/storage.conf", '[storage]\ndriver="vfs"\nrunroot="/r/$UID"\n')
    storage = host.settings.storage
    assert (storage.root, storage.driver) == ("/var/lib/containers/storage", "vfs")
    assert storage.runroot == f"/r/{os.geteuid()}"


def test_storage_options(host: Host) -> None:
    host.environ["CONTAINERS_STORAGE_CONF"] = host.write(
        "s.conf",
        """[storage]
driver = "overlay"
[storage.options]
additionalimagestores = ["/a", "/b"]
size = "1G"
auto-userns-max-size = 10
pull_options = {use_hard_links = "true"}
[storage.options.overlay]
mountopt = "nodev"
""",
    )
    storage = host.settings.storage
    assert storage.additional == ("/a", "/b")
    assert storage.options == {"size": "1G", "overlay.mountopt": "nodev"}
    assert storage.auto_userns_max_size == 10
    assert storage.pull_options == {"use_hard_links": "true"}


def test_flags_win_and_a_storage_driver_drops_the_options_of_the_other(host: Host) -> None:
    host.environ["CONTAINERS_STORAGE_CONF"] = host.write(
        "s.conf", '[storage]\ndriver="overlay"\n[storage.options.overlay]\nmountopt="nodev"\n'
    )
    settings = host.load(storage_driver="vfs", root="/x", runtime_flag=["debug"]).settings
    assert (settings.storage.driver, settings.storage.options) == ("vfs", {})
    assert settings.engine.runtime_flags == ("--debug",)
    assert settings.engine.volume_path == "/x/volumes"
    assert settings.origin["storage.driver"] == "flag --storage-driver"
    options = ["overlay.mountopt=nodev", "overlay.mountopt=noatime", "size=1"]
    assert host.load(**{"storage-opt": options}).settings.storage.options == {
        "overlay.mountopt": "nodev,noatime",
        "size": "1",
    }


def test_image_stores_from_options_are_additional_stores(host: Host) -> None:
    storage = host.load(storage_opt=["overlay.imagestore=/a", "overlay.imagestore=/b"]).settings.storage
    assert storage.additional == ("/a", "/b")


def test_environment_chooses_the_storage_driver(host: Host) -> None:
    host.environ.update(STORAGE_DRIVER="vfs", STORAGE_OPTS="vfs.a=b")
    settings = host.settings
    assert (settings.storage.driver, settings.storage.options) == ("vfs", {"vfs.a": "b"})
    assert settings.origin["storage.driver"] == "environment STORAGE_DRIVER"


def test_imagestore_must_differ_from_graphroot(host: Host) -> None:
    with pytest.raises(ConfigError, match="flag --imagestore: imagestore /x must"):
        host.load(root="/x", imagestore="/x")


def test_rootless_paths(host: Host) -> None:
    host.environ["_CONTAINERS_ROOTLESS_UID"] = "1234"
    host.environ["XDG_RUNTIME_DIR"] = "/run/user/1234"
    settings = host.settings
    assert settings.storage.root == f"{host.root}/home/.local/share/containers/storage"
    assert settings.storage.runroot == "/run/user/1234/containers"
    assert settings.network.config_dir == settings.storage.root + "/networks"
    host.write("home/.config/containers/storage.conf", '[storage]\ngraphroot="$HOME/here"\n')
    assert host.settings.storage.root == f"{host.root}/home/here"


def test_polypod_conf_layers_and_plugin_tables(host: Host) -> None:
    host.write(
        "share/polypod/polypod.conf",
        'state_backend="json"\n[plugin.state.sqlite]\na=1\nb=1\n',
    )
    etc = host.write("etc/polypod/polypod.conf.d/1.conf", "[plugin.state.sqlite]\nb=2\n")
    settings = host.settings
    assert settings.engine.state_backend == "json"
    assert settings.plugins == {"state.sqlite": {"a": 1, "b": 2}}
    assert settings.origin["plugin.state.sqlite.b"] == f"{etc}:2"
    extra = host.write("x.conf", 'state_backend="kv"\n')
    assert host.load(config=extra).settings.engine.state_backend == "kv"
    host.environ["POLYPOD_CONF"] = host.write("p.conf", 'monitor="m"\nobservers=["o"]\n')
    engine = host.settings.engine
    assert (engine.state_backend, engine.monitor, engine.observers) == ("", "m", ("o",))


def test_config_flag_with_a_folder_is_dockers(host: Host) -> None:
    assert host.load(config=str(host.root)).settings.engine.state_backend == ""
    with pytest.raises(ConfigError, match="absent.conf, which flag --config names, does not exist"):
        host.load(config=str(host.root / "absent.conf"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nstate_backed='x'\n", ":2: unknown key 'state_backed'; polypod.conf knows "),
        ("[plugin.stat.x]\na=1\n", ":1: unknown plugin group 'stat'; groups are state, "),
        ("state_backend=1\n", ":1: state_backend must be a string, not 1"),
        ("[plugin.state]\nx=1\n", ":2: 'x' must be a table [plugin.state.x]"),
    ],
)
def test_polypod_conf_refuses_what_it_does_not_know(host: Host, text: str, message: str) -> None:
    path = host.write("etc/polypod/polypod.conf", text)
    with pytest.raises(ConfigError) as caught:
        host.load()
    assert str(caught.value).startswith(path + message)


def test_state_backend_flag_then_migration_then_files(host: Host) -> None:
    host.write(f"etc/{CONF}", '[engine]\ndatabase_backend="boltdb"\n')
    assert host.settings.engine.state_backend == "kv"
    host.write("etc/polypod/polypod.conf", 'state_backend="sqlite"\n')
    assert host.settings.engine.state_backend == "sqlite"
    marker = host.write("graph/polypod/backend", "json\n")
    settings = host.settings
    assert (settings.engine.state_backend, settings.origin["engine.state_backend"]) == (
        "json",
        marker,
    )
    assert host.load(state_backend="kv").settings.engine.state_backend == "kv"
    assert host.load(state_backend="boltdb").settings.engine.state_backend == "kv"


def test_what_was_looked_at_is_watched_also_when_absent(host: Host) -> None:
    watched = host.load().watched
    for path in (
        f"etc/{CONF}",
        f"etc/{CONF}.d",
        "etc/polypod/polypod.conf",
        "graph/polypod/backend",
    ):
        assert str(host.root / path) in watched
