"""Credentials: which file and which key win, helpers, and what login and logout leave."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from polypod.errors import RegistryError, UsageError
from polypod.registry import auth, authfiles, login
from polypod.registry.access import Access
from polypod.registry.auth import Credentials
from polypod.registry.conf import Registries

HELPER = """#!/bin/sh
# A credential helper that keeps JSON files in a folder, one a server.
dir={folder}
server() {{ tr -d '\\n' | tr '/:' '__'; }}
case "$1" in
store) body=$(cat); name=$(printf %s "$body" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | server)
       printf %s "$body" > "$dir/$name";;
get)   name=$(server); [ -e "$dir/$name" ] || {{ echo "credentials not found in native keychain"; exit 1; }}
       cat "$dir/$name";;
erase) rm -f "$dir/$(server)";;
list)  printf '{{'; for f in "$dir"/*; do [ -e "$f" ] && sed 's/.*"ServerURL":"\\([^"]*\\)".*"Username":"\\([^"]*\\)".*/"\\1":"\\2"/' "$f"; done; printf '}}';;
esac
"""


def encoded(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


class Home:
    """A home and a run-time directory of its own, with files written by key."""

    PLACES = {
        "run": "run/containers/auth.json",
        "config": "home/.config/containers/auth.json",
        "docker": "home/.docker/config.json",
        "legacy": "home/.dockercfg",
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "run").mkdir()
        self.environ = {"HOME": f"{folder}/home", "XDG_RUNTIME_DIR": f"{folder}/run"}
        self.access = Access(environ=self.environ)

    def path(self, place: str) -> Path:
        return self.folder / self.PLACES[place]

    def write(self, place: str, document: object) -> None:
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))

    def read(self, place: str) -> Any:
        return json.loads(self.path(place).read_text())

    def user(self, name: str, **access: Any) -> str:
        found = auth.lookup(name, self.access.evolve(**access))
        return found.username if found else ""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program docker-credential-test on PATH; returns the folder that it keeps things in."""
    kept = tmp_path / "kept"
    kept.mkdir()
    program = tmp_path / "bin/docker-credential-test"
    program.parent.mkdir()
    program.write_text(HELPER.format(folder=kept))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return kept


def test_the_most_special_key_wins(home: Home) -> None:
    keys = ("r.io", "r.io/team", "r.io/team/app", "other.io/team")
    home.write("run", {"auths": {key: encoded(key, "p") for key in keys}})
    assert home.user("r.io/team/app") == "r.io/team/app"
    assert home.user("r.io/team/app/sub") == "r.io/team/app"
    assert home.user("r.io/team/other") == "r.io/team"
    assert home.user("r.io/teams") == "r.io"
    assert home.user("r.io") == "r.io"
    assert home.user("other.io/team/x") == "other.io/team"
    assert home.user("other.io/x") == ""
    assert home.user("r.io:5000/x") == ""


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("https://index.docker.io/v1/", "docker.io/library/x"),
        ("index.docker.io", "docker.io/x"),
        ("docker.io", "docker.io/x"),
        ("https://r.io", "r.io/x"),
        ("https://r.io/v1/", "r.io/x"),
        ("http://r.io:5000", "r.io:5000/x"),
    ],
)
def test_keys_as_docker_writes_them(home: Home, key: str, name: str) -> None:
    home.write("docker", {"auths": {key: encoded("me", "p:w")}})
    found = auth.lookup(name, home.access)
    assert found is not None
    assert (found.username, found.password) == ("me", "p:w")


def test_the_order_of_files(home: Home) -> None:
    for place in reversed(home.PLACES):
        entry = {"r.io": encoded(place, "p")}
        home.write(place, entry if place == "legacy" else {"auths": entry})
        assert home.user("r.io/x") == place
    home.environ["DOCKER_CONFIG"] = str(home.path("docker").parent)
    assert home.user("r.io/x") == "docker"
    home.environ["REGISTRY_AUTH_FILE"] = str(home.path("config"))
    assert home.user("r.io/x") == "config"
    assert home.user("r.io/x", authfile=str(home.path("run"))) == "run"
    assert home.user("r.io/x", authfile="/nonexistent") == ""
    assert home.user("r.io/x", creds="given:p") == "given"


def test_tokens(home: Home) -> None:
    home.write("run", {"auths": {"r.io": {"auth": "PHRva2VuPjo=", "identitytoken": "t"}}})
    found = auth.lookup("r.io", home.access)
    assert found is not None
    assert found.identity_token == "t"
    assert "t" not in repr(found).replace("token", "").replace("Credentials", "").replace("username", "")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("no", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ('{"auths": []x', "it is not JSON"),
        ('{"auths": "x"}', '"auths" is not an object'),
        ('{"auths": {"r.io": 5}}', 'the entry for "r.io" is not an object'),
        ('{"auths": {"r.io": {"auth": "???"}}}', 'the entry for "r.io" is not valid base64'),
    ],
)
def test_broken_files(home: Home, body: str, message: str) -> None:
    home.write("run", body)
    with pytest.raises(RegistryError, match=f"{home.path('run')}: {message}"):
        home.user("r.io")


@pytest.mark.parametrize("body", ["", "{}", '{"auths": null}', '{"auths": {"r.io": {}}}'])
def test_empty_files(home: Home, body: str) -> None:
    home.write("run", body)
    assert home.user("r.io") == ""


# Helpers


def test_helpers_of_docker(home: Home, helper: Path) -> None:
    home.write("docker", {"auths": {"s.io": {}}, "credsStore": "test", "credHelpers": {"r.io": "test"}})
    assert home.user("r.io/x") == ""
    login.store("r.io", Credentials(username="me", password="p"), docker(home), Registries())
    login.store("s.io", Credentials(username="you", password="p"), docker(home), Registries())
    assert home.user("r.io/x") == "me"
    assert home.user("s.io/x") == "you"
    assert home.user("t.io/x") == ""
    assert sorted(path.name for path in helper.iterdir()) == ["r.io", "s.io"]
    assert login.forget("r.io", docker(home), Registries())
    assert not login.forget("r.io", docker(home), Registries())
    assert home.user("r.io/x") == ""


def docker(home: Home) -> Access:
    return home.access.evolve(compat_auth_file=str(home.path("docker")))


def test_helpers_of_registries_conf(home: Home, helper: Path) -> None:
    registries = Registries(credential_helpers=("test", "containers-auth.json"))
    where = login.store("r.io", Credentials(username="me", password="p"), home.access, registries)
    assert where == "credential helper: test"
    found = auth.lookup("r.io/x", home.access, registries)
    assert found is not None
    assert found.username == "me"
    # A helper knows servers only: a name space goes to the file.
    where = login.store("r.io/a", Credentials(username="a", password="p"), home.access, registries)
    assert where == str(home.path("run"))
    login.forget_all(home.access, registries)
    assert list(helper.iterdir()) == []
    assert home.read("run") == {"auths": {}}


def test_docker_hub_has_two_names_with_helpers(home: Home, helper: Path) -> None:
    """Podman calls it docker.io, Docker by a URL."""
    me = Credentials(username="me", password="p")
    registries = Registries(credential_helpers=("test",))
    login.store("docker.io", me, home.access, registries)
    assert [path.name for path in helper.iterdir()] == ["docker.io"]
    assert auth.lookup("docker.io/library/x", home.access, registries) == me
    home.write("docker", {"credsStore": "test"})
    login.store("docker.io", me, docker(home), Registries())
    assert len(list(helper.iterdir())) == 2
    assert login.forget("docker.io", home.access, registries)
    assert list(helper.iterdir()) == []


def test_a_helper_that_is_not_there(home: Home) -> None:
    home.write("run", {"credHelpers": {"r.io": "absent"}})
    with pytest.raises(RegistryError, match="docker-credential-absent: executable file not found"):
        home.user("r.io")
    home.write("run", {"credHelpers": {"r.io": "../../bin/sh"}})
    with pytest.raises(RegistryError, match="invalid credential helper"):
        home.user("r.io")


# What is written


def test_login_keeps_what_others_put_there(home: Home) -> None:
    home.write("run", {"auths": {"a.io": encoded("a", "p")}, "HttpHeaders": {"X": "y"}})
    home.path("run").chmod(0o644)
    login.store("r.io/team", Credentials(username="me", password="p"), home.access, Registries())
    assert home.read("run") == {
        "auths": {"a.io": encoded("a", "p"), "r.io/team": encoded("me", "p")},
        "HttpHeaders": {"X": "y"},
    }
    assert stat.S_IMODE(home.path("run").stat().st_mode) == 0o600
    assert home.path("run").read_text().startswith('{\n\t"auths": {\n\t\t"a.io": {\n')
    assert [path.name for path in home.path("run").parent.iterdir()] == ["auth.json"]
    assert login.forget("r.io/team", home.access, Registries())
    assert not login.forget("r.io/team", home.access, Registries())
    assert home.read("run")["auths"] == {"a.io": encoded("a", "p")}


def test_login_makes_folder_and_file(home: Home) -> None:
    login.store("r.io", Credentials(username="me", password="p"), home.access, Registries())
    assert stat.S_IMODE(home.path("run").parent.stat().st_mode) == 0o700
    assert home.user("r.io") == "me"


def test_login_follows_a_link(home: Home, tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("{}")
    home.path("run").parent.mkdir()
    home.path("run").symlink_to(tmp_path / "real.json")
    login.store("r.io", Credentials(username="me", password="p"), home.access, Registries())
    assert home.path("run").is_symlink()
    assert "r.io" in (tmp_path / "real.json").read_text()


def test_dockers_file_has_dockers_keys(home: Home) -> None:
    login.store("docker.io", Credentials(username="me", password="p"), docker(home), Registries())
    assert list(home.read("docker")["auths"]) == ["https://index.docker.io/v1/"]
    assert home.user("docker.io/library/x") == "me"
    with pytest.raises(RegistryError, match="Docker-compatible format with namespaced key"):
        login.store("r.io/team", Credentials(username="me", password="p"), docker(home), Registries())
    assert login.forget("docker.io", docker(home), Registries())
    assert home.read("docker")["auths"] == {}


def test_a_broken_file_stays_as_it_is(home: Home) -> None:
    home.write("run", "no JSON")
    with pytest.raises(RegistryError, match="it is not JSON"):
        login.store("r.io", Credentials(username="me", password="p"), home.access, Registries())
    assert home.path("run").read_text() == "no JSON"


def test_two_logins_at_once_keep_both(home: Home) -> None:
    import threading

    def store(number: int) -> None:
        login.store(f"r{number}.io", Credentials(username="u", password="p"), home.access, Registries())

    threads = [threading.Thread(target=store, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(home.read("run")["auths"]) == 12


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("r.io", ("r.io", "r.io")),
        ("https://r.io/v1/", ("r.io", "r.io")),
        ("localhost:5000/team/app", ("localhost:5000/team/app", "localhost:5000")),
    ],
)
def test_keys_of_the_command_line(text: str, key: tuple[str, str]) -> None:
    assert login.split_key(text) == key


@pytest.mark.parametrize("text", ["r.io/x:1", f"r.io/x@sha256:{'0' * 64}", "r.io/UPPER", "r.io//x"])
def test_bad_keys_of_the_command_line(text: str) -> None:
    with pytest.raises(UsageError):
        login.split_key(text)


def test_places_that_environment_names() -> None:
    access = Access(environ={"HOME": "/h", "XDG_CONFIG_HOME": "/c"})
    assert [file.path for file in authfiles.paths(access)] == [
        f"/run/containers/{os.getuid()}/auth.json",
        "/c/containers/auth.json",
        "/h/.docker/config.json",
        "/h/.dockercfg",
    ]


@pytest.mark.parametrize("where", ["", " >&2"])
def test_a_helper_without_end(home: Home, helper: Path, where: str) -> None:
    program = helper.parent / "bin/docker-credential-test"
    program.write_text(f"#!/bin/sh\nexec yes{where}\n")
    home.write("config", {"credHelpers": {"r.io": "test"}})
    with pytest.raises(RegistryError, match="docker-credential-test: its answer is longer than"):
        home.user("r.io/x")


def test_a_helper_that_takes_long(home: Home, helper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polypod.registry.helpers.TIMEOUT", 0.1)
    (helper.parent / "bin/docker-credential-test").write_text("#!/bin/sh\nexec sleep 60\n")
    home.write("config", {"credHelpers": {"r.io": "test"}})
    with pytest.raises(RegistryError, match="docker-credential-test get: no answer for 0.1 seconds"):
        home.user("r.io/x")
