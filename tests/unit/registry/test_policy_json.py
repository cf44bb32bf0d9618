"""policy.json is read strictly, and images are looked up by the scopes of containers-policy.json(5)."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polypod.errors import ConfigError
from polypod.oci.reference import Reference, normalize_docker
from polypod.registry import policy, policy_scopes
from polypod.registry.policy_identity import SignedIdentity
from polypod.registry.strict_json import Malformed, parse

if TYPE_CHECKING:
    from pathlib import Path

ACCEPT = [{"type": "insecureAcceptAnything"}]
REJECT = [{"type": "reject"}]
GPG = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}
COSIGN = {"type": "sigstoreSigned", "keyPath": "/k"}
FULCIO = {"caPath": "/ca", "oidcIssuer": "https://i", "subjectEmail": "a@b"}


def read(document: object) -> policy.Policy:
    return policy.read(json.dumps(document, indent=1).encode(), "/p.json")


def refused(document: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read(document)
    text = str(caught.value)
    assert text.startswith('invalid policy in "/p.json", line ')
    return text


def only(requirement: dict[str, object]) -> dict[str, object]:
    return {"default": [requirement]}


def test_the_most_specific_scope_alone_counts() -> None:
    found = read(
        {
            "default": REJECT,
            "transports": {
                "docker": {
                    "docker.io/library/busybox:1": [GPG],
                    "docker.io/library": ACCEPT,
                    "*.example.com": ACCEPT,
                    "host:5000": [GPG, COSIGN],
                    "": REJECT,
                },
                "dir": {"/a/b": ACCEPT},
            },
        }
    )

    def at(name: str) -> tuple[str, list[str]]:
        scopes = policy_scopes.docker(normalize_docker(name))
        scope, requirements = found.requirements("docker", scopes)
        return scope, [requirement.type for requirement in requirements]

    assert at("busybox:1") == ("docker:docker.io/library/busybox:1", ["signedBy"])
    assert at("busybox:2") == ("docker:docker.io/library", ["insecureAcceptAnything"])
    assert at("user/busybox") == ("docker:", ["reject"])
    assert at("a.b.example.com:99/x") == ("docker:*.example.com", ["insecureAcceptAnything"])
    assert at("example.com/x")[0] == "docker:"
    assert at("host:5000/a/b@sha256:" + "0" * 64)[1] == ["signedBy", "sigstoreSigned"]
    assert found.requirements("dir", policy_scopes.path("/a/b/c"))[0] == "dir:/a/b"
    assert found.requirements("dir", policy_scopes.path("/a/bc"))[0] == "default"
    assert found.requirements("oci", policy_scopes.path("/a/b"))[0] == "default"


def test_docker_scopes_go_from_the_tag_to_the_wildcards() -> None:
    assert policy_scopes.docker(normalize_docker("reg.a.example.com:5000/ns/img:t")) == [
        "reg.a.example.com:5000/ns/img:t",
        "reg.a.example.com:5000/ns/img",
        "reg.a.example.com:5000/ns",
        "reg.a.example.com:5000",
        "*.a.example.com",
        "*.example.com",
        "*.com",
    ]


def test_storage_scopes_end_with_the_store() -> None:
    name = Reference("docker.io", "library/b", "1")
    assert policy_scopes.storage("overlay", "/g", name, "f" * 64) == [
        "[overlay@/g]docker.io/library/b:1@" + "f" * 64,
        "[overlay@/g]docker.io/library/b:1",
        "[overlay@/g]docker.io/library/b",
        "[overlay@/g]docker.io/library",
        "[overlay@/g]docker.io",
        "[overlay@/g]",
        "[/g]",
    ]


def test_paths_are_resolved_before_they_are_looked_up(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert policy_scopes.path(f"{tmp_path}/link/../link")[0] == f"{tmp_path}/real"
    assert policy_scopes.path(f"{tmp_path}/real")[-1] == "/" + str(tmp_path).split("/")[1]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "line 1: the default policy is missing"),
        ({"default": []}, "line 2: the list of requirements of default must not be empty"),
        ({"default": ACCEPT, "transport": {}}, 'unknown key "transport" in the policy'),
        (only({"type": "acceptAnything"}), 'unknown policy requirement type "acceptAnything"'),
        (only({"type": "reject", "note": ""}), 'line 5: unknown key "note" in requirement reject'),
        (only({"keyPath": "/k"}), 'unknown policy requirement type ""'),
        (only({"type": 1}), "type of a requirement must be a string"),
        (only({**GPG, "keyType": "gpg"}), 'unrecognized keyType "gpg"'),
        (only({**GPG, "keyData": "AA=="}), "only one of keyPath and keyData may be given"),
        (only({"type": "signedBy", "keyType": "GPGKeys"}), "exactly one of keyPath, keyPaths"),
        (only({**GPG, "keyPath": ["/k"]}), "keyPath must be a string"),
        (only({**GPG, "keyPath": ""}), "keyPath must not be empty"),
        (only({**GPG, "fulcio": FULCIO}), 'unknown key "fulcio" in requirement signedBy'),
        (only({**COSIGN, "keyType": "GPGKeys"}), 'unknown key "keyType"'),
        (only({"type": "sigstoreSigned", "keyData": "?"}), "keyData is not base64"),
        (only({"type": "sigstoreSigned", "keyPaths": []}), "keyPaths must not be empty"),
        (only({**COSIGN, "fulcio": FULCIO}), "exactly one of keyPath"),
        (
            only({"type": "sigstoreSigned", "fulcio": {"caPath": "/c", "oidcIssuer": "i"}, "rekorPublicKeyPath": "/r"}),
            "line 5: fulcio must have subjectEmail",
        ),
        (
            only({"type": "sigstoreSigned", "fulcio": {**FULCIO, "caData": ""}, "rekorPublicKeyPath": "/r"}),
            "fulcio must have exactly one of caPath and caData",
        ),
        (only({"type": "sigstoreSigned", "pki": {"caRootsPath": "/c"}}), "pki must have subjectEmail and subjectHostname"),
        (only({"type": "sigstoreSigned", "fulcio": FULCIO}), "fulcio needs a rekorPublicKey"),
        (only({**GPG, "signedIdentity": {"type": "x"}}), 'unknown type "x" of signedIdentity'),
        (only({**GPG, "signedIdentity": {"type": "matchExact", "a": 1}}), 'unknown key "a"'),
        (only({**GPG, "signedIdentity": {"type": "exactReference"}}), '"dockerReference" is missing'),
        (
            only({**GPG, "signedIdentity": {"type": "exactReference", "dockerReference": "a/b"}}),
            "neither a tag nor a digest",
        ),
        (
            only({**GPG, "signedIdentity": {"type": "remapIdentity", "prefix": "busybox/", "signedPrefix": "a"}}),
            'invalid prefix "busybox/"',
        ),
        ({"default": ACCEPT, "transports": {"dir": {"/": ACCEPT}}}, 'the scope "/" is forbidden'),
        ({"default": ACCEPT, "transports": {"oci": {"a": ACCEPT}}}, "must be an absolute path"),
        ({"default": ACCEPT, "transports": {"oci": {"/a/../b": ACCEPT}}}, "without '.', '..'"),
        ({"default": ACCEPT, "transports": {"docker-archive": {"/a": ACCEPT}}}, "no scope but the default"),
        ({"default": ACCEPT, "transports": {"containers-storage": {"a": ACCEPT}}}, "must start with"),
        ({"default": ACCEPT, "transports": {"docker": {"a": {}}}}, "must be an array"),
        ([], "the policy must be an object"),
    ],
)  # fmt: skip
def test_what_is_not_understood_refuses_the_file(document: object, said: str) -> None:
    assert said in refused(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"default": [],\n "default": []}', 'line 2: duplicate key "default"'),
        ('{"default": [{"type": "reject"}]} x', "unexpected data after the document"),
        ('{"default": [{"type": "reject"},]}', "unexpected ']'"),
        ("", "unexpected end"),
        ("{", "expected a key in quotes"),
        ('{"default": [{"type": "re\njec"}]}', "malformed string"),
        ("[" * 2000, "nested too deeply"),
        ('{"default": /* c */ []}', "unexpected '/*'"),
    ],
)
def test_only_strict_json_will_do(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match='invalid policy in "/p.json"') as caught:
        policy.read(text.encode(), "/p.json")
    assert said in str(caught.value)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.recursive(st.none() | st.booleans() | st.integers(-10**15, 10**15) | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
def test_the_strict_parser_reads_what_json_reads(value: object) -> None:
    assert parse(json.dumps(value).encode()).plain() == value
    assert parse(json.dumps(value, indent=2, ensure_ascii=False).encode()).plain() == value


@settings(deadline=None)
@given(st.text(alphabet='{}[]":,.-+0123456789eEtruefalsn \\u', max_size=12))
def test_the_strict_parser_accepts_nothing_that_json_does_not(text: str) -> None:
    try:
        found = parse(text.encode()).plain()
    except Malformed:
        return
    assert found == json.loads(text)


@pytest.mark.parametrize(
    ("prefix", "valid"),
    [
        ("a.io", True),
        ("localhost:5000", True),
        ("docker.io", True),
        ("docker.io/library", True),
        ("docker.io/library/busybox", True),
        ("a.io/b/c", True),
        ("busybox/b", True),  # as containers/image: it will just match nothing
        ("index.docker.io/x", True),
        ("busybox:1", True),  # a host and its port
        ("busybox:latest", False),
        ("a.io/b:1", False),
        ("a.io/b@sha256:" + "a" * 64, False),
        ("a.io/", False),
        ("a.io/B", False),
        ("", False),
    ],
)
def test_prefixes_are_hosts_name_spaces_or_repositories(prefix: str, valid: bool) -> None:
    rule = {**GPG, "signedIdentity": {"type": "remapIdentity", "prefix": "a.io", "signedPrefix": prefix}}
    if valid:
        assert read(only(rule)).default[0].identity.signed_prefix == prefix
    else:
        assert f'invalid signedPrefix "{prefix}"' in refused(only(rule))


def test_all_forms_of_keys_are_understood(tmp_path: Path) -> None:
    (tmp_path / "k").write_bytes(b"key")
    data = b64encode(b"data").decode()
    found = read(
        {
            "default": [
                {**GPG, "keyPath": f"{tmp_path}/k"},
                {"type": "signedBy", "keyType": "GPGKeys", "keyData": data},
                {"type": "sigstoreSigned", "keyDatas": [data, data], "rekorPublicKeyData": data},
                {"type": "sigstoreSigned", "fulcio": FULCIO, "rekorPublicKeyPaths": ["/r"]},
                {"type": "sigstoreSigned", "pki": {"caRootsPath": "/c", "subjectEmail": "a@b"}},
            ]
        }
    ).default
    assert found[0].keys.read() == [(f"{tmp_path}/k", b"key")]
    assert found[1].keys.read() == [("key data 1", b"data")]
    assert len(found[2].keys.read()) == 2
    assert found[2].rekor.data == (b"data",)
    assert [requirement.unsupported for requirement in found] == ["", "", "", "fulcio", "pki"]
    with pytest.raises(ConfigError, match="open /r: no such file"):
        found[3].rekor.read()


def test_which_file_counts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    own = home / ".config/containers/policy.json"
    environ = {"HOME": str(home)}
    other = tmp_path / "other.json"
    for path in (own, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"default": REJECT}))
    assert policy.load("", environ).path == str(own)
    assert policy.load(str(other), environ).path == str(other)
    assert policy.load("", {**environ, "CONTAINERS_POLICY_JSON": str(other)}).path == str(other)
    with pytest.raises(ConfigError, match="open /nowhere/p.json: no such file or directory"):
        policy.load("/nowhere/p.json", environ)


def test_no_policy_at_all_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.exists", lambda _path: False)
    with pytest.raises(ConfigError, match="no policy.json file found at any of the following"):
        policy.load("", {"HOME": "/home/x"})


D = "@sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("rule", "image", "claimed", "accepted"),
    [
        (SignedIdentity(type="matchExact"), "h/a:1", "h.io/a:1", False),
        (SignedIdentity(type="matchExact"), "h.io/a:1", "h.io/a:1", True),
        (SignedIdentity(type="matchExact"), "busybox:1", "docker.io/library/busybox:1", True),
        (SignedIdentity(type="matchExact"), "h.io/a:1", "h.io/a", False),
        (SignedIdentity(type="matchExact"), "h.io/a" + D, "h.io/a:1", False),
        (SignedIdentity(), "h.io/a:1", "h.io/a:1", True),
        (SignedIdentity(), "h.io/a:1", "h.io/a:2", False),
        (SignedIdentity(), "h.io/a" + D, "h.io/a:2", True),
        (SignedIdentity(), "h.io/a" + D, "h.io/b:2", False),
        (SignedIdentity(), "h.io/a" + D, "h.io/a", False),
        (SignedIdentity(), "h.io/a:1", "NOT VALID", False),
        (SignedIdentity(type="matchRepository"), "h.io/a:1", "h.io/a:2", True),
        (SignedIdentity(type="matchRepository"), "h.io/a:1", "h.io/a", True),
        (SignedIdentity(type="matchRepository"), "h.io/a:1", "h.io/a/b:1", False),
        (SignedIdentity(type="exactReference", reference="x.io/a:1"), "h.io/a:1", "x.io/a:1", True),
        (SignedIdentity(type="exactReference", reference="x.io/a:1"), "", "x.io/a:1", True),
        (SignedIdentity(type="exactReference", reference="x.io/a:1"), "", "x.io/a:2", False),
        (SignedIdentity(type="exactRepository", reference="x.io/a"), "", "x.io/a:2", True),
        (SignedIdentity(type="exactRepository", reference="x.io/a"), "x.io/a:2", "x.io/b:2", False),
        (SignedIdentity(type="matchRepository"), "", "h.io/a:1", False),
        (SignedIdentity(), "", "h.io/a:1", False),
    ],
)
def test_identities(rule: SignedIdentity, image: str, claimed: str, accepted: bool) -> None:
    asked = normalize_docker(image) if image else None
    assert rule.accepts(asked, claimed) is accepted


@pytest.mark.parametrize(
    ("image", "claimed", "accepted"),
    [
        ("mirror:5000/v/p/i:1", "vendor.io/p/i:1", True),
        ("mirror:5000/v/p/i:1", "vendor.io/p/i:2", False),
        ("mirror:5000/v/p/i" + D, "vendor.io/p/i:2", True),
        ("mirror:5000/vx/i:1", "vendor.iox/i:1", False),
        ("mirror:5000/vx/i:1", "mirror:5000/vx/i:1", True),
    ],
)
def test_remapped_identities(image: str, claimed: str, accepted: bool) -> None:
    rule = SignedIdentity(type="remapIdentity", prefix="mirror:5000/v", signed_prefix="vendor.io")
    assert rule.accepts(normalize_docker(image), claimed) is accepted


def test_a_remapped_name_must_be_a_full_one() -> None:
    rule = SignedIdentity(type="remapIdentity", prefix="a.io/x", signed_prefix="ns")
    assert not rule.accepts(normalize_docker("a.io/x/img:1"), "docker.io/ns/img:1")
    assert not rule.accepts(normalize_docker("a.io/x/img:1"), "ns/img:1")
