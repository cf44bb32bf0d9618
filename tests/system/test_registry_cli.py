"""``login``, ``logout`` and ``search`` with a real registry, and their files with skopeo and podman."""

from __future__ import annotations

import json
import os
import pty
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from polypod.testing.peers import layout, need, run, unmount_below
from polypod.testing.program import Program
from polypod.testing.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """With user ``me`` and password ``pw``, TLS, and two repositories: team/app:1,2 and app:t."""
    need("skopeo", "umoci")
    with Registry(user="me", password="pw", tls=True) as running:
        source = layout(tmp_path_factory.mktemp("image"), layers=1)
        for name in ("team/app:1", "team/app:2", "app:t"):
            run("skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", "me:pw",
                f"oci:{source}:t", f"docker://{running.host}/{name}")  # fmt: skip
        yield running


class Box:
    """The program and its peers with a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = Program(str(folder))
        self.environ = {
            **{key: value for key, value in os.environ.items() if key not in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG")},
            "HOME": f"{folder}/home",
            "XDG_CONFIG_HOME": f"{folder}/home/.config",
            "XDG_RUNTIME_DIR": f"{folder}/run",
        }  # fmt: skip
        (folder / "run").mkdir()
        (folder / "home").mkdir()
        self.authfile = folder / "run/containers/auth.json"

    def __call__(self, *words: object, **options: Any) -> str:
        return self.program(*words, env=self.environ, **options)

    def fails(self, *words: object, code: int = 125, **options: Any) -> str:
        return self.program.fails(code, *words, env=self.environ, **options)

    def peer(self, *words: object) -> str:
        return run(*words, env=self.environ)

    def auths(self, path: Path | None = None) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((path or self.authfile).read_text())["auths"]
        return found


@pytest.fixture
def box() -> Iterator[Box]:
    folder = tempfile.mkdtemp(prefix="pp")
    yield Box(Path(folder))
    shutil.rmtree(folder)


def test_login_and_logout(box: Box, registry: Registry) -> None:
    host, insecure = registry.host, "--tls-verify=false"
    out = box("login", insecure, "-u", "me", "--password-stdin", host, input="pw\n")
    assert out == "Login Succeeded!\n"
    assert box.auths() == {host: {"auth": "bWU6cHc="}}
    assert stat.S_IMODE(box.authfile.stat().st_mode) == 0o600
    assert box("login", "--get-login", host) == "me\n"
    assert box("login", insecure, host) == (
        f"Authenticating with existing credentials for {host}\n"
        f"Existing credentials are valid. Already logged in to {host}\n"
    )
    out = box("login", "--cert-dir", registry.cert_dir, "-v", "-u", "me", "-p", "pw", f"{host}/team")
    assert out == f"Used:  {box.authfile}\nLogin Succeeded!\n"
    assert list(box.auths()) == [host, f"{host}/team"]
    assert box("logout", host) == f"Removed login credentials for {host}\n"
    assert box.fails("logout", host) == f"Error: not logged into {host}"
    assert box("logout", "--all") == "Removed login credentials for all registries\n"
    assert box.auths() == {}
    assert box.fails("login", "--get-login", host) == f"Error: not logged into {host}"


def test_login_that_is_refused(box: Box, registry: Registry) -> None:
    host = registry.host
    out = box.fails("login", "--tls-verify=false", "-u", "me", "-p", "no", host)
    assert out == f'Error: logging into "{host}": invalid username/password'
    out = box.fails("login", "-u", "me", "-p", "pw", host)
    assert out.startswith(f'Error: authenticating creds for "{host}": pinging container registry {host}: Get')
    assert out.endswith("tls: failed to verify certificate: x509: certificate signed by unknown authority")
    assert not box.authfile.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-u", "x", "-p", "y", "--password-stdin", "r.io"), "can't specify both --password-stdin and --password"),
        (("--password-stdin", "r.io"), "must provide --username with --password-stdin"),
        (("--authfile", "/a", "--compat-auth-file", "/b", "r.io"), "options for paths to the credential file and"),
        (("--secret", "s", "-p", "y", "r.io"), "--secret can not be used with --password options"),
        (("-u", "x", "-p", "y", "r.io/a:1"), 'reference "r.io/a:1" contains tag or digest'),
        (("r.io", "s.io"), "accepts at most 1 arg"),
    ],
)
def test_login_that_is_malformed(box: Box, words: tuple[str, ...], message: str) -> None:
    assert message in box.fails("login", *words, input="")


def test_login_asks_at_a_terminal(box: Box, registry: Registry) -> None:
    main, side = pty.openpty()
    command = box.program.start(
        "login", "--tls-verify=false", registry.host, env=box.environ, stdin=side, stdout=side
    )
    os.close(side)
    shown = b""
    for question, answer in ((b"Username: ", b"me\n"), (b"Password: ", b"pw\n")):
        while question not in shown:
            shown += os.read(main, 1000)
        os.write(main, answer)
    while b"Login Succeeded!" not in shown:
        shown += os.read(main, 1000)
    assert command.wait(20) == 0
    os.close(main)
    command.stdout, _ = None, command.stderr.close()  # type: ignore[union-attr,func-returns-value]
    assert b"pw" not in shown
    assert list(box.auths()) == [registry.host]


def test_docker_files(box: Box, registry: Registry) -> None:
    host = registry.host
    words = ("login", "--tls-verify=false", "-u", "me", "-p", "pw", host)
    folder = box.folder / "docker"
    box.program.command.extend(("--config", str(folder)))
    box(*words)
    assert box.auths(folder / "config.json") == {host: {"auth": "bWU6cHc="}}
    assert box("login", "--get-login", host) == "me\n"
    box("logout", host)
    assert box.auths(folder / "config.json") == {}
    compat = box.folder / "compat.json"
    box(*words[:1], "--compat-auth-file", compat, *words[1:])
    assert list(box.auths(compat)) == [host]


@pytest.mark.parametrize("way", ["default", "environment", "flag"])
def test_skopeo_and_podman_share_the_file(box: Box, registry: Registry, way: str) -> None:
    need("podman")
    host, image = registry.host, f"docker://{registry.host}/app:t"
    flags: tuple[object, ...] = ()
    if way == "environment":
        box.environ["REGISTRY_AUTH_FILE"] = str(box.folder / "named.json")
    elif way == "flag":
        flags = ("--authfile", box.folder / "named.json")
    box("login", *flags, "--tls-verify=false", "-u", "me", "-p", "pw", host)
    for peer in ("skopeo", "podman"):
        assert box.peer(peer, "login", *flags, "--get-login", host) == "me\n"
    box.peer("skopeo", "inspect", *flags, "--tls-verify=false", image)
    box("logout", *flags, host)
    with pytest.raises(AssertionError, match="authentication required"):
        box.peer("skopeo", "inspect", *flags, "--tls-verify=false", image)
    for peer in ("skopeo", "podman"):
        box.peer(peer, "login", *flags, "--tls-verify=false", "-u", "me", "-p", "pw", host)
        assert box("login", *flags, "--get-login", host) == "me\n"
        assert box("search", *flags, "--tls-verify=false", f"{host}/team")
        box.peer(peer, "logout", *flags, host)
        assert "not logged into" in box.fails("login", *flags, "--get-login", host)


# Search


def test_search(box: Box, registry: Registry) -> None:
    host = registry.host
    flags = ("search", "--tls-verify=false", "--creds", "me:pw")
    rows = box(*flags, f"{host}/app").splitlines()
    assert rows[0].split() == ["NAME", "DESCRIPTION"]
    assert [row.strip() for row in rows[1:]] == [f"{host}/app", f"{host}/team/app"]
    rows = box(*flags, "--limit", "1", f"{host}/").splitlines()
    assert [row.rstrip() for row in rows[1:]] == [f"{host}/app"]
    assert box(*flags, f"{host}/nothing") == ""
    heading = box(*flags, "--compatible", f"{host}/").splitlines()[0]
    assert heading.split() == ["NAME", "DESCRIPTION", "STARS", "OFFICIAL", "AUTOMATED"]
    assert box(*flags, "--format", "{{.Index}} {{.Name}}", f"{host}/team") == f"{host} {host}/team/app\n"
    assert json.loads(box(*flags, "--format", "json", f"{host}/team")) == [
        {"Index": host, "Name": f"{host}/team/app", "Description": "", "Stars": 0, "Official": "",
         "Automated": "", "Tag": ""},
    ]  # fmt: skip
    assert box(*flags, "--filter", "stars=1", f"{host}/app") == ""


def test_search_tags(box: Box, registry: Registry) -> None:
    host = registry.host
    flags = ("search", "--tls-verify=false", "--creds", "me:pw", "--list-tags")
    rows = [row.split() for row in box(*flags, f"{host}/team/app").splitlines()]
    assert rows[0] == ["NAME", "TAG"]
    assert sorted(rows[1:]) == [[f"{host}/team/app", "1"], [f"{host}/team/app", "2"]]
    assert len(box(*flags, "--limit", "1", f"{host}/team/app").splitlines()) == 2
    found = json.loads(box(*flags, "--format", "json", f"{host}/team/app"))
    assert [(entry["Name"], sorted(entry["Tags"])) for entry in found] == [(f"{host}/team/app", ["1", "2"])]
    message = "getting repository tags: fetching tags list: repository name not known to registry"
    assert box.fails(*flags, f"{host}/none") == f"Error: {message}"
    message = 'reference "team/" must be a docker reference'
    assert box.fails(*flags, f"{host}/team/") == f"Error: {message}"
    message = "Error: filters are not applicable to list tags result"
    assert box.fails(*flags, "--filter", "stars=1", f"{host}/team/app") == message


def test_search_that_fails(box: Box, registry: Registry) -> None:
    host = registry.host
    out = box.fails("search", f"{host}/app")
    assert out.startswith(f"Error: couldn't search registry \"{host}\": pinging container registry {host}: ")
    out = box.fails("search", "--cert-dir", registry.cert_dir, f"{host}/app")
    assert out.endswith("authentication required")
    assert box.fails("search", "--filter", "x=1", "a") == 'Error: invalid filter type "x=1"'


def test_search_where_short_names_are_looked_up(box: Box, registry: Registry) -> None:
    conf = box.folder / "home/.config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        f'unqualified-search-registries = ["{registry.host}", "127.0.0.1:1"]\n'
        f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
    )
    rows = box("search", "--creds", "me:pw", "team").splitlines()
    assert [row.rstrip() for row in rows[1:]] == [f"{registry.host}/team/app"]
    conf.write_text('[[registry]]\nlocation = "a"\nblocked = 5\n')
    assert box.fails("search", "x") == (
        f"Error: loading registries configuration {conf}: line 3: registry.blocked: must be true or false"
    )


def test_podman_uses_what_was_chosen_here(box: Box, registry: Registry) -> None:
    """The file of remembered short names is podman's."""
    need("podman")
    from polypod.oci.reference import parse
    from polypod.registry import conf

    box.environ["CONTAINERS_SHORT_NAME_ALIASES_CONF"] = str(box.folder / "cache/short-name-aliases.conf")
    registries = conf.load(environ=box.environ)
    registries.remember("shortname:1", parse(f"{registry.host}/team/app:1"))
    pull = (
        f"mount -t tmpfs none /var/cache && mkdir /var/cache/containers && "
        f"cp {box.folder}/cache/short-name-aliases.conf /var/cache/containers && "
        f"podman --root {box.folder}/proot --runroot {box.folder}/prun --storage-driver vfs pull "
        f"--tls-verify=false --creds me:pw shortname:2"
    )
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", pull]
    done = subprocess.run(command, capture_output=True, text=True, env=box.environ, check=False)
    assert done.returncode == 0, done.stderr
    assert 'Resolved "shortname" as an alias (/var/cache/containers/short-name-aliases.conf)' in done.stderr
    assert f"Trying to pull {registry.host}/team/app:2" in done.stderr


def test_info_shows_what_is_configured(box: Box) -> None:
    conf = box.folder / "home/.config/containers/registries.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text(
        'unqualified-search-registries = ["b.io"]\n[[registry]]\nlocation = "a.io"\ninsecure = true\n'
        '[[registry.mirror]]\nlocation = "m.io"\npull-from-mirror = "tag-only"\n'
    )
    mirror = {"Location": "m.io", "Insecure": False, "PullFromMirror": "tag-only"}
    assert json.loads(box("info", "--format", "{{json .Registries}}")) == {
        "a.io": {"Prefix": "a.io", "Location": "a.io", "Insecure": True, "PullFromMirror": "",
                 "Mirrors": [mirror], "Blocked": False, "MirrorByDigestOnly": False},
        "search": ["b.io"],
    }  # fmt: skip


# From Python


def test_python(box: Box, registry: Registry) -> None:
    import polypod
    from polypod.errors import RegistryDenied
    from polypod.registry.access import Access

    host = registry.host
    access = Access(tls_verify=False, environ=box.environ)
    with polypod.Engine(root=f"{box.folder}/root", runroot=f"{box.folder}/run") as engine:
        registries = engine.registries
        with pytest.raises(RegistryDenied, match="invalid username/password"):
            registries.login(host, "me", "no", access=access)
        assert registries.user(host, access=access) == ""
        assert registries.login(host, "me", "pw", access=access) == str(box.authfile)
        assert registries.user(f"{host}/team", access=access) == "me"
        assert [row.name for row in registries.search(f"{host}/team", access=access)] == [f"{host}/team/app"]
        assert sorted(registries.tags(f"{host}/team/app", access=access)) == ["1", "2"]
        assert registries.logout(host, access=access)
        assert not registries.logout(host, access=access)


@pytest.mark.parametrize(
    "words",
    [("create", "i"), ("image", "sign", "i"), ("logout", "i"), ("manifest", "add", "i", "j"), ("manifest", "inspect", "i"),
     ("manifest", "push", "i"), ("pull", "i"), ("push", "i"), ("run", "i"), ("search", "i"), ("artifact", "pull", "i")],
    ids=" ".join,
)  # fmt: skip
def test_an_authfile_that_is_not_there(box: Box, words: tuple[str, ...]) -> None:
    count = 2 if words[0] in ("image", "manifest", "artifact") else 1
    out = box.fails(*words[:count], "--authfile=/nonexistent/auth", *words[count:])
    assert out == (
        "Error: credential file is not accessible: faccessat /nonexistent/auth: no such file or directory"
    )


# From push to run


def test_run_from_a_registry_with_certificates_and_through_a_mirror(box: Box, registry: Registry) -> None:
    import polypod
    from polypod.testing.images import make_busybox_image

    host = registry.host
    with polypod.Engine(root=f"{box.folder}/root", runroot=f"{box.folder}/run") as engine:
        made = make_busybox_image(engine.runtime)
    secure = ("--cert-dir", registry.cert_dir, "--creds", "me:pw")
    box("push", "-q", *secure, made, f"{host}/run/box:1")
    box("rmi", "-f", made)
    try:
        message = "x509: certificate signed by unknown authority"
        assert message in box.fails("run", "--rm", "--creds", "me:pw", f"{host}/run/box:1", "true")
        assert "authentication required" in box.fails("run", "--rm", *secure[:2], f"{host}/run/box:1", "true")
        out = box("run", "--rm", "--network", "none", *secure, f"{host}/run/box:1", "echo", "hello")
        assert out == "hello\n"
        box("rmi", f"{host}/run/box:1")
        box("login", "--tls-verify=false", "-u", "me", "-p", "pw", host)
        conf = box.folder / "registries.conf"
        conf.write_text(
            'unqualified-search-registries = ["example.invalid/team"]\n'
            '[[registry]]\nlocation = "example.invalid"\n'
            f'[[registry.mirror]]\nlocation = "{host}"\ninsecure = true\n'
            '[[registry]]\nprefix = "example.invalid/team"\n'
            f'location = "{host}/run"\ninsecure = true\n'
        )
        box.environ["CONTAINERS_REGISTRIES_CONF"] = str(conf)
        assert box("pull", "-q", "example.invalid/run/box:1") == f"{made}\n"
        assert box("run", "--rm", "--network", "none", "example.invalid/run/box:1", "echo", "mirror") == "mirror\n"
        box("rmi", "example.invalid/run/box:1")  # or the short name would mean this one
        assert box("pull", "-q", "box:1") == f"{made}\n"  # a short name, in a rewritten name space
        assert box("images", "--format", "{{.Repository}}") == "example.invalid/team/box\n"
    finally:
        box("rm", "-fa")
        unmount_below(str(box.folder))
