"""Simple signatures, with the real gpg: only whole, valid signatures by the given keys count."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from polypod.errors import PolicyRejected, PolypodError
from polypod.oci.manifest import sha256
from polypod.oci.reference import normalize_docker
from polypod.registry import claims, gpg, policy, simple_signing
from polypod.registry.policy_check import Subject, check
from polypod.registry.signature_blob import SIMPLE, Signature, from_blob
from polypod.testing.signing import GnuPG, gnupg

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = b'{"schemaVersion": 2}'
NAME = "example.com/ns/img:1"
FULCIO = {"caPath": "/c", "oidcIssuer": "i", "subjectEmail": "e"}


@pytest.fixture
def good(keys: GnuPG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with good@example.com's public key; signing uses the key ring."""
    monkeypatch.setenv("GNUPGHOME", str(keys.home))
    return keys.export("good@example.com", tmp_path / "good.gpg")


def verified(blob: bytes, *files: Path) -> claims.Claim:
    with gpg.Keyring([(path.name, path.read_bytes()) for path in files]) as ring:
        return simple_signing.verify(from_blob(blob), ring)


def payload(**changes: Any) -> bytes:
    document: dict[str, Any] = {
        "critical": {
            "type": claims.ATOMIC,
            "image": {"docker-manifest-digest": sha256(MANIFEST)},
            "identity": {"docker-reference": NAME},
        },
        "optional": {},
    }
    for path, value in changes.items():
        *steps, last = path.split("__")
        target = document
        for step in steps:
            target = target[step]
        target[last] = value
    return json.dumps(document).encode()


def test_what_is_signed_can_be_verified(good: Path) -> None:
    signature = simple_signing.create(MANIFEST, NAME, "good@example.com", 1234.5)
    claim = verified(signature.blob(), good)
    assert (claim.digest, claim.reference) == (sha256(MANIFEST), NAME)
    assert claim.creator.startswith("polypod ")
    assert claim.timestamp == 1234


def test_nothing_is_left_behind(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "t"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    signature = simple_signing.create(MANIFEST, NAME, "good@example.com", 0)
    verified(signature.blob(), good)
    with pytest.raises(PolicyRejected, match="no public keys in bad"):
        gpg.Keyring([("bad", b"nothing")])
    assert gpg.key_names(good.read_bytes()) == ["good@example.com"]
    assert list(place.iterdir()) == []


def test_another_key_is_not_accepted(good: Path, keys: GnuPG, tmp_path: Path) -> None:
    blob = simple_signing.create(MANIFEST, NAME, "other@example.com", 0).blob()
    with pytest.raises(PolicyRejected, match="made by a key that is not accepted"):
        verified(blob, good)
    both = tmp_path / "both"
    other = keys.export("other@example.com", tmp_path / "other.asc", armored=True)
    both.write_bytes(good.read_bytes() + keys.gpg("--export", "other@example.com"))
    assert verified(blob, both).reference == NAME
    assert verified(blob, good, other).reference == NAME


def test_signing_needs_the_secret_key(good: Path) -> None:
    with pytest.raises(PolypodError, match="signing with key nobody@example.com: .*No secret key"):
        simple_signing.create(MANIFEST, NAME, "nobody@example.com", 0)


def test_a_passphrase_is_used_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gnupg() as ring:
        ring.make_key("locked@example.com", passphrase="sesame open")
        # Forget it, or the agent would sign without.
        (ring.home / "gpg-agent.conf").write_text("max-cache-ttl 0\ndefault-cache-ttl 0\n")
        monkeypatch.setenv("GNUPGHOME", str(ring.home))
        ring.gpg("--export", "locked@example.com")
        import subprocess

        subprocess.run(["gpgconf", "--kill", "all"], env=ring.env, check=True)
        with pytest.raises(PolypodError, match="Bad passphrase"):
            simple_signing.create(MANIFEST, NAME, "locked@example.com", 0, "wrong")
        with pytest.raises(PolypodError, match="must not contain a line break"):
            simple_signing.create(MANIFEST, NAME, "locked@example.com", 0, "a\nb")
        signed = simple_signing.create(MANIFEST, NAME, "locked@example.com", 0, "sesame open")
        public = ring.export("locked@example.com", tmp_path / "k")
        assert verified(signed.blob(), public).reference == NAME


def test_expired_and_revoked_keys_are_not_accepted(tmp_path: Path) -> None:
    with gnupg() as ring:
        ring.make_key("old@example.com", expires="seconds=60")
        blob = ring.sign("old@example.com", payload())
        public = ring.export("old@example.com", tmp_path / "old")
        assert verified(blob, public).reference == NAME
        # As if made and signed two days ago, valid for one.
        past = "--faked-system-time=20200101T000000!"
        ring.gpg(past, "--passphrase", "", "--quick-gen-key", "Past <p@example.com>", "ed25519", "sign", "1d")
        blob = ring.sign("p@example.com", payload(), past)
        with pytest.raises(PolicyRejected, match="made by a key that has expired"):
            verified(blob, ring.export("p@example.com", tmp_path / "past"))
        fingerprint = ring.make_key("gone@example.com")
        blob = ring.sign("gone@example.com", payload())
        assert verified(blob, ring.export("gone@example.com", tmp_path / "gone")).reference == NAME
        certificate = ring.home / f"openpgp-revocs.d/{fingerprint}.rev"
        ring.gpg("--import", data=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        with pytest.raises(PolicyRejected, match="made by a key that is revoked"):
            verified(blob, ring.export("gone@example.com", tmp_path / "gone"))


def test_an_expired_signature_is_not_accepted(tmp_path: Path) -> None:
    with gnupg() as ring:
        past = "--faked-system-time=20200101T000000!"
        ring.gpg(past, "--passphrase", "", "--quick-gen-key", "Old <o@example.com>", "ed25519", "sign", "never")
        public = ring.export("o@example.com", tmp_path / "old")
        blob = ring.sign("o@example.com", payload(), past, "--default-sig-expire", "1d")
        with pytest.raises(PolicyRejected, match="the signature has expired"):
            verified(blob, public)
        assert verified(ring.sign("o@example.com", payload(), past), public).reference == NAME


def test_other_forms_of_messages_are_refused(good: Path, keys: GnuPG) -> None:
    content = payload()
    forms = {
        "clear text": keys.sign("good@example.com", content, how="--clearsign"),
        "armored": keys.sign("good@example.com", content, "--armor"),
        "detached": keys.sign("good@example.com", content, how="--detach-sign"),
        "two signers": keys.sign("good@example.com", content, "--local-user", "other@example.com"),
        "unsigned": keys.gpg("--store", data=content),
        "encrypted": keys.gpg("--symmetric", "--passphrase", "x", data=content),
        "empty": b"",
        "text": content,
    }
    for form, blob in forms.items():
        with pytest.raises(PolicyRejected):
            verified(blob, good)
            pytest.fail(form)
    assert verified(keys.sign("good@example.com", content, "--compress-algo", "none"), good).reference == NAME


def test_what_is_packed_cannot_fill_the_memory(good: Path, keys: GnuPG) -> None:
    bomb = keys.sign("good@example.com", b" " * (64 << 20))
    assert len(bomb) < 1 << 20
    with pytest.raises(PolicyRejected):
        verified(bomb, good)
    with pytest.raises(PolicyRejected, match="more than 4 MiB"):
        from_blob(b"\xa3" + b"x" * (4 << 20))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"This is not JSON", "unexpected 'This'"),
        (payload(critical__type="x"), 'unrecognized signature type "x"'),
        (payload(critical__more=1), 'unknown key "more" in critical'),
        (payload(critical__image__more=1), 'unknown key "more" in image'),
        (payload(critical__image={}), '"docker-manifest-digest" is missing'),
        (payload(critical__identity={"docker-reference": 1}), "docker-reference must be a string"),
        (payload(critical__image={"docker-manifest-digest": "sha256:../../x"}), "invalid docker-manifest-digest"),
        (payload(more={}), 'unknown key "more"'),
        (payload(optional=None), "optional must be an object"),
        (payload(optional__timestamp=1.5), "timestamp must be a whole number"),
        (payload(optional__creator=[]), "creator must be a string"),
        (payload().replace(b'"optional"', b'"critical": {}, "optional"'), 'duplicate key "critical"'),
    ],
)  # fmt: skip
def test_a_signed_payload_must_be_exactly_right(good: Path, keys: GnuPG, content: bytes, said: str) -> None:
    with pytest.raises(PolicyRejected) as caught:
        verified(keys.sign("good@example.com", content), good)
    assert said in str(caught.value)


def test_a_changed_byte_never_changes_what_is_accepted(good: Path, keys: GnuPG) -> None:
    # OpenPGP leaves a few bytes outside the signature (a file name, a hint at the key), so
    # that some changes are harmless; none may lead to other content or another key.
    content = payload()
    blob = keys.sign("good@example.com", content, "--compress-algo", "none")
    rejected = 0
    with gpg.Keyring([("good", good.read_bytes())]) as ring:
        for at in range(len(blob)):
            changed = blob[:at] + bytes((blob[at] ^ (1 << at % 8),)) + blob[at + 1 :]
            try:
                found, fingerprint = ring.verify(from_blob(changed).data)
            except PolicyRejected:
                rejected += 1
                continue
            assert found == content, at
            assert fingerprint in ring.fingerprints
    assert rejected >= len(content) + 64


def policy_of(requirement: dict[str, Any]) -> policy.Policy:
    return policy.read(json.dumps({"default": [requirement]}).encode(), "/etc/p.json")


def subject(name: str) -> Subject:
    reference = normalize_docker(name)
    return Subject(transport="docker", scopes=[], name=f"docker://{reference}", reference=reference)


def test_a_policy_takes_the_signature_for_this_image_alone(good: Path) -> None:
    rule = policy_of({"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(good)})
    blob = simple_signing.create(MANIFEST, NAME, "good@example.com", 0).blob()
    unrelated = simple_signing.create(b"{}", NAME, "good@example.com", 0).blob()
    assert check(rule, subject(NAME), MANIFEST, lambda: [blob]) == (blob,)
    assert check(rule, subject(NAME), MANIFEST, lambda: [b"junk", unrelated, blob]) == (blob,)
    by_digest = f"example.com/ns/img@{sha256(MANIFEST)}"
    assert check(rule, subject(by_digest), MANIFEST, lambda: [blob]) == (blob,)
    for name, manifest, said in (
        (NAME, MANIFEST + b" ", "does not match"),
        ("example.com/ns/img:2", MANIFEST, 'identity "example.com/ns/img:1" is not accepted'),
        ("example.com/ns/other:1", MANIFEST, "is not accepted"),
    ):
        with pytest.raises(PolicyRejected) as caught:
            check(rule, subject(name), manifest, lambda: [blob])
        text = str(caught.value)
        assert said in text
        assert text.startswith(f"source image rejected: docker://{name}: ")
        assert text.endswith('(signedBy of "default", /etc/p.json line 1)')
    with pytest.raises(PolicyRejected, match="a signature was required, but no signature exists"):
        check(rule, subject(NAME), MANIFEST)


def test_signatures_are_fetched_when_one_is_needed_and_once(good: Path) -> None:
    calls = []

    def fetch() -> list[bytes]:
        calls.append(1)
        return [blob]

    blob = simple_signing.create(MANIFEST, NAME, "good@example.com", 0).blob()
    signed = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(good)}
    document = {"default": [{"type": "insecureAcceptAnything"}]}
    accept = policy.read(json.dumps(document).encode(), "p")
    assert check(accept, subject(NAME), MANIFEST, fetch) == ()
    assert not calls
    twice = policy.read(json.dumps({"default": [signed, signed]}).encode(), "p")
    assert check(twice, subject(NAME), MANIFEST, fetch) == (blob,)
    assert calls == [1]
    both = policy.read(json.dumps({"default": [signed, {"type": "reject"}]}).encode(), "p")
    with pytest.raises(PolicyRejected, match="running image docker://example.com/ns/img:1 is rejected"):
        check(both, subject(NAME), MANIFEST, fetch)


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ({"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere/k"}, "open /nowhere/k: no such file"),
        ({"type": "signedBy", "keyType": "X509Certificates", "keyPath": "/k"}, "keyType X509Certificates is not supported"),
        ({"type": "signedBaseLayer", "baseLayerIdentity": {"type": "matchExact"}}, "signedBaseLayer is not supported"),
        ({"type": "sigstoreSigned", "fulcio": FULCIO, "rekorPublicKeyPath": "/r"}, "fulcio is not supported"),
        ({"type": "sigstoreSigned", "pki": {"caRootsPath": "/c", "subjectEmail": "e"}}, "pki is not supported"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_a_refusal(requirement: dict[str, Any], said: str) -> None:
    blob = Signature(kind=SIMPLE, data=b"\xa3x").blob()
    with pytest.raises(PolicyRejected) as caught:
        check(policy_of(requirement), subject(NAME), MANIFEST, lambda: [blob])
    assert said in str(caught.value)


def test_without_gpg_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PATH", "/nowhere")
    with pytest.raises(PolypodError, match="gpg is not installed.*install gnupg"):
        gpg.program()
