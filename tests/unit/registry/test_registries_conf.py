"""registries.conf: which table applies, where a name leads, and what is wrong with a bad file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from polypod.errors import ConfigError, RegistryError, UsageError
from polypod.oci.reference import parse
from polypod.registry import conf

if TYPE_CHECKING:
    from pathlib import Path

    from polypod.registry.conf import Registries

DIGEST = "sha256:" + "0" * 64


class Files:
    """registries.conf and its drop-ins below a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.main = folder / "containers/registries.conf"
        self.main.parent.mkdir()
        self.environ = {
            "XDG_CONFIG_HOME": str(folder),
            "HOME": str(folder),
            "CONTAINERS_SHORT_NAME_ALIASES_CONF": str(folder / "cache/aliases.conf"),
        }

    def load(self, text: str = "", **drop_ins: str) -> Registries:
        if text or not self.main.exists():
            self.main.write_text(text)
        for name, body in drop_ins.items():
            target = self.folder / f"containers/registries.conf.d/{name}.conf"
            target.parent.mkdir(exist_ok=True)
            target.write_text(body)
        return conf.load(environ=self.environ)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def endpoints(registries: Registries, name: str) -> list[str]:
    return [str(endpoint.reference) for endpoint in registries.endpoints(parse(name))]


# The man page's example
EXAMPLE = """
unqualified-search-registries = ["example.com"]

[[registry]]
prefix = "example.com/foo"
insecure = false
blocked = false
location = "internal-registry-for-example.com/bar"

[[registry.mirror]]
location = "example-mirror-0.local/mirror-for-foo"

[[registry.mirror]]
location = "example-mirror-1.local/mirrors/foo"
insecure = true

[[registry]]
location = "registry.com"

[[registry.mirror]]
location = "mirror.registry.com"
"""


def test_the_example_of_the_man_page(files: Files) -> None:
    registries = files.load(EXAMPLE)
    assert registries.search == ("example.com",)
    found = registries.endpoints(parse("example.com/foo/image:latest"))
    assert [(str(e.reference), e.insecure, e.mirror) for e in found] == [
        ("example-mirror-0.local/mirror-for-foo/image:latest", False, True),
        ("example-mirror-1.local/mirrors/foo/image:latest", True, True),
        ("internal-registry-for-example.com/bar/image:latest", False, False),
    ]
    assert endpoints(registries, "registry.com/image:latest") == [
        "mirror.registry.com/image:latest",
        "registry.com/image:latest",
    ]
    assert endpoints(registries, "example.com/foobar:1") == ["example.com/foobar:1"]
    pushed = registries.destination(parse("example.com/foo/image:1"))
    assert str(pushed.reference) == "example.com/foo/image:1"


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("a.example.com/x:1", "*.example.com"),
        ("a.b.example.com/x:1", "*.example.com"),
        ("a.example.com:5000/x:1", "*.example.com"),
        ("example.com/x:1", "example.com"),
        ("example.com:5000/x:1", "example.com"),
        ("example.com/team/x:1", "example.com/team"),
        ("example.com/team/x:2", "example.com/team/x:2"),
        (f"example.com/team/x@{DIGEST}", "example.com/team"),
        ("example.com/teams/x:1", "example.com"),
        ("example.common/x:1", ""),
        ("other.com/a.example.com/x:1", ""),
        ("xexample.com/x:1", ""),
    ],
)
def test_the_longest_prefix_wins(files: Files, name: str, prefix: str) -> None:
    registries = files.load(
        '[[registry]]\nprefix="*.example.com"\n'
        '[[registry]]\nlocation="example.com"\n'
        '[[registry]]\nlocation="example.com/team"\n'
        '[[registry]]\nlocation="example.com/team/x:2"\n'
    )
    found = registries.find(name)
    assert (found.prefix if found else "") == prefix


def test_a_wildcard_rewrites_only_with_a_location(files: Files) -> None:
    registries = files.load(
        '[[registry]]\nprefix="*.plain.org"\ninsecure=true\n'
        '[[registry]]\nprefix="*.moved.org"\nlocation="new.org/all"\n'
    )
    plain = registries.endpoints(parse("a.plain.org/x:1"))[0]
    assert (str(plain.reference), plain.insecure) == ("a.plain.org/x:1", True)
    assert endpoints(registries, "b.moved.org/x:1") == ["new.org/all/x:1"]


def test_a_prefix_may_be_one_image(files: Files) -> None:
    """As the man page has it; podman 5 looks at the name alone."""
    registries = files.load(
        '[[registry]]\nprefix="r.io/x:1"\nlocation="s.io/y"\n'
        '[[registry]]\nprefix="r.io/x:2"\nlocation="s.io/y:3"\n'
        '[[registry]]\nlocation="r.io/x:4"\nblocked=true\n'
    )
    assert endpoints(registries, "r.io/x:1") == ["s.io/y:1"]
    assert endpoints(registries, "r.io/x:2") == ["s.io/y:3"]
    assert endpoints(registries, "r.io/x:11") == ["r.io/x:11"]
    with pytest.raises(RegistryError, match="r.io/x:4 is blocked"):
        registries.endpoints(parse("r.io/x:4"))


def test_a_location_that_makes_no_name(files: Files) -> None:
    registries = files.load('[[registry]]\nprefix="*.wild.org"\nlocation="s.io/wild"\n')
    with pytest.raises(UsageError, match='registry location "s.io/wild" makes "s.io/wild:5000/x:1" of'):
        registries.endpoints(parse("a.wild.org:5000/x:1"))


def test_which_pulls_a_mirror_is_for(files: Files) -> None:
    text = '[[registry]]\nlocation="r.io"\n'
    for pull in ("all", "digest-only", "tag-only"):
        text += f'[[registry.mirror]]\nlocation="{pull}.io"\npull-from-mirror="{pull}"\n'
    registries = files.load(text)
    assert endpoints(registries, "r.io/x:1") == ["all.io/x:1", "tag-only.io/x:1", "r.io/x:1"]
    by_digest = [f"{host}.io/x@{DIGEST}" for host in ("all", "digest-only", "r")]
    assert endpoints(registries, f"r.io/x@{DIGEST}") == by_digest
    registries = files.load(
        '[[registry]]\nlocation="r.io"\nmirror-by-digest-only=true\n'
        '[[registry.mirror]]\nlocation="m.io"\n'
    )
    assert endpoints(registries, "r.io/x:1") == ["r.io/x:1"]
    assert endpoints(registries, f"r.io/x@{DIGEST}") == [f"m.io/x@{DIGEST}", f"r.io/x@{DIGEST}"]


def test_blocked(files: Files) -> None:
    registries = files.load('[[registry]]\nlocation="bad.io"\nblocked=true\n')
    message = f"^registry bad.io is blocked in {files.main}$"
    with pytest.raises(RegistryError, match=message):
        registries.endpoints(parse("bad.io/x:1"))
    with pytest.raises(RegistryError, match=message):
        registries.destination(parse("bad.io/x:1"))


def test_drop_ins_win(files: Files) -> None:
    registries = files.load(
        'unqualified-search-registries=["a.io"]\nshort-name-mode="enforcing"\n'
        '[[registry]]\nlocation="r.io"\ninsecure=true\n[aliases]\n"one"="a.io/one"\n"two"="a.io/two"\n',
        a='[[registry]]\nlocation="r.io"\n[aliases]\n"one"="b.io/one"\n"two"=""\n',
        b='unqualified-search-registries=["b.io/space", "c.io"]\ncredential-helpers=["x"]\n',
    )
    assert registries.search == ("b.io/space", "c.io")
    assert registries.mode == "enforcing"
    assert registries.credential_helpers == ("x",)
    assert not registries.endpoints(parse("r.io/x:1"))[0].insecure
    assert [str(c.reference) for c in registries.candidates("one")] == ["b.io/one:latest"]
    assert "two" not in registries.aliases


def test_the_environment_names_the_main_file(files: Files, tmp_path: Path) -> None:
    other = tmp_path / "other.conf"
    other.write_text('unqualified-search-registries=["other.io"]\n')
    files.environ["CONTAINERS_REGISTRIES_CONF"] = str(other)
    registries = files.load('unqualified-search-registries=["main.io"]\n')
    assert registries.search == ("other.io",)
    assert registries.source == str(other)
    with pytest.raises(ConfigError, match=f"open {tmp_path}/none: no such file or directory"):
        conf.load(str(tmp_path / "none"), files.environ)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = [", 0, "Invalid value"),
        ("\n[registries.search]\nregistries = ['r.io']\n", 2, "registries: is version 1 of the format"),
        ('unqualified-search-registries = "a"', 1, "must be a list of strings"),
        ("\nunqualified-search-registries = [1]", 2, "must be a list of strings"),
        ('unqualified-search-registries = ["https://a"]', 1, "URI schemes are not supported"),
        ('short-name-mode = "no"', 1, 'short-name-mode: invalid value "no", must be one of'),
        ("[registry]\na=1", 1, r"must be a list of tables: write \[\[registry\]\]"),
        ("[[registry]]\nblocked=true", 1, "registry.location: both location and prefix are unset"),
        ('[[registry]]\nprefix="a.io"', 1, "is unset, and prefix is not in the format"),
        ('[[registry]]\nprefix="a.*.io"\nlocation="b"', 2, "wildcards are only possible"),
        ('[[registry]]\nprefix="*.io/x"\nlocation="b"', 2, "wildcards are only possible"),
        ('[[registry]]\nlocation="http://a"', 2, "registry.location: URI schemes"),
        ("[[registry]]\nlocation=5", 2, "registry.location: must be a string"),
        ('[[registry]]\nlocation="a"\n\ninsecure="yes"', 4, "insecure: must be true or false"),
        (
            '[[registry]]\nlocation="a"\n[[registry]]\nlocation="a"\ninsecure=true',
            5,
            "registry 'a' is defined multiple times with conflicting 'insecure' setting",
        ),
        ('[[registry]]\nlocation="a"\n[[registry.mirror]]\ninsecure=true', 3, "mirror location is unset"),
        (
            '[[registry]]\nlocation="a"\n[[registry.mirror]]\nlocation="b"\npull-from-mirror="x"',
            5,
            'registry.mirror.pull-from-mirror: invalid value "x"',
        ),
        (
            '[[registry]]\nlocation="a"\nmirror-by-digest-only=true\n'
            '[[registry.mirror]]\nlocation="b"\npull-from-mirror="all"',
            6,
            "cannot be set together with mirror-by-digest-only",
        ),
        ('[aliases]\n"a"=1', 2, "aliases.a: must be a string"),
        ('[aliases]\n"a"="b"', 2, 'invalid alias "b": it must name a registry'),
        ('[aliases]\n"a"="r.io/b:1"', 2, "must not have a tag or a digest"),
        ('[aliases]\n"r.io/a"="r.io/b"', 2, 'invalid short name "r.io/a"'),
        ('[aliases]\n"a:1"="r.io/b"', 2, 'invalid short name "a:1"'),
    ],
)
def test_what_is_wrong_and_where(files: Files, text: str, line: int, message: str) -> None:
    where = f"line {line}: " if line else ""
    with pytest.raises(ConfigError, match=f"^loading registries configuration {files.main}: {where}.*{message}"):
        files.load(text)


# Short names

TWO = 'unqualified-search-registries=["docker.io", "quay.io"]\n'


def names(registries: Registries, name: str) -> list[str]:
    return [str(candidate.reference) for candidate in registries.candidates(name)]


def test_full_names_stay(files: Files) -> None:
    registries = files.load(TWO)
    assert names(registries, "r.io/x") == ["r.io/x:latest"]
    assert names(registries, "localhost/x:2") == ["localhost/x:2"]
    assert names(registries, "docker.io/x") == ["docker.io/library/x:latest"]
    assert names(registries, f"r.io/x:1@{DIGEST}") == [f"r.io/x@{DIGEST}"]
    assert registries.candidates("r.io/x")[0].note == ""


def test_short_names_are_looked_up_everywhere(files: Files) -> None:
    registries = files.load(TWO)
    assert names(registries, "x") == ["docker.io/library/x:latest", "quay.io/x:latest"]
    assert names(registries, "team/x:1") == ["docker.io/team/x:1", "quay.io/team/x:1"]
    note = f'Resolving "x" using unqualified-search registries ({files.main})'
    assert {candidate.note for candidate in registries.candidates("x")} == {note}


def test_aliases(files: Files) -> None:
    registries = files.load(TWO + '[aliases]\n"x"="r.io/y/x"\n"team/z"="docker.io/z"\n')
    assert names(registries, "x:3") == ["r.io/y/x:3"]
    assert names(registries, "team/z") == ["docker.io/library/z:latest"]
    assert registries.candidates("x")[0].note == f'Resolved "x" as an alias ({files.main})'


def test_no_registry_to_look_in(files: Files) -> None:
    message = (
        'short-name "x" did not resolve to an alias and no unqualified-search registries are '
        f'defined in "{files.main}"'
    )
    with pytest.raises(UsageError, match=message):
        files.load().candidates("x")


def test_modes(files: Files) -> None:
    chosen: list[list[str]] = []

    def choose(offered: list[str]) -> int:
        chosen.append(offered)
        return 1

    registries = files.load(TWO + 'short-name-mode="enforcing"\n')
    with pytest.raises(UsageError, match="short-name resolution enforced but cannot prompt without a TTY"):
        registries.candidates("x")
    for mode in ("enforcing", "permissive"):
        registries = files.load(TWO + f'short-name-mode="{mode}"\n')
        found = registries.candidates("x", choose)
        assert [str(entry.reference) for entry in found] == ["quay.io/x:latest"]
        assert found[0].remember_alias
    assert chosen == [["docker.io/library/x:latest", "quay.io/x:latest"]] * 2
    registries = files.load(TWO + 'short-name-mode="disabled"\n')
    assert len(registries.candidates("x", choose)) == 2
    registries = files.load('unqualified-search-registries=["r.io"]\nshort-name-mode="enforcing"\n')
    assert names(registries, "x") == ["r.io/x:latest"]


def test_what_was_chosen_is_remembered(files: Files) -> None:
    registries = files.load(TWO)
    registries.remember("x:1", parse("quay.io/x:1"))
    registries.remember("team/y", parse("quay.io/team/y:latest"))
    text = (files.folder / "cache/aliases.conf").read_text()
    assert text == '[aliases]\nx = "quay.io/x"\n"team/y" = "quay.io/team/y"\n'
    again = files.load()
    assert names(again, "x:2") == ["quay.io/x:2"]
    assert "cache/aliases.conf" in again.candidates("x")[0].note
