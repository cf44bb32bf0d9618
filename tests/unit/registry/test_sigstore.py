"""Sigstore signatures with keys of each kind, by the package and by openssl alike."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from hashlib import sha256 as hash256
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polypod.errors import PolicyRejected, PolypodError
from polypod.oci.manifest import sha256
from polypod.oci.reference import normalize_docker
from polypod.registry import policy, sigstore, sigstore_crypto, sigstore_keys
from polypod.registry.policy_check import Subject, check
from polypod.registry.secretbox import seal, unseal
from polypod.registry.signature_blob import COSIGN_TYPE, Signature, from_blob
from polypod.testing.signing import sigstore_key_pair

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = b'{"schemaVersion": 2}'
NAME = "example.com/ns/img:1"


@pytest.fixture(params=["cryptography", "openssl"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to do it."""
    if request.param == "openssl":
        monkeypatch.setattr(sigstore_crypto, "_package", lambda: None)
    else:
        pytest.importorskip("cryptography")
    return str(request.param)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key pairs of each kind, and one more ECDSA pair."""
    place = tmp_path_factory.mktemp("keys")
    for kind in ("ecdsa", "rsa", "ed25519"):
        sigstore_key_pair(place, kind, kind)
    sigstore_key_pair(place, "other")
    return place


def signed(folder: Path, kind: str = "ecdsa") -> Signature:
    return sigstore.Signer(f"{folder}/{kind}.key", b"secret").create(MANIFEST, NAME, 77.7)


def verifier(folder: Path, *names: str, rekor: tuple[str, ...] = ()) -> sigstore.Verifier:
    return sigstore.Verifier(
        policy.Keys(paths=tuple(f"{folder}/{name}.pub" for name in names)),
        policy.Keys(paths=tuple(f"{folder}/{name}.pub" for name in rekor)),
    )


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
def test_what_is_signed_can_be_verified(folder: Path, kind: str) -> None:
    signature = from_blob(signed(folder, kind).blob())
    claim = verifier(folder, kind).verify(signature)
    assert (claim.digest, claim.reference, claim.timestamp) == (sha256(MANIFEST), NAME, 77)
    assert verifier(folder, "other", kind).verify(signature) == claim
    with pytest.raises(PolicyRejected, match="not one of the accepted keys'"):
        verifier(folder, "other").verify(signature)
    with pytest.raises(PolicyRejected, match="not one of the accepted keys'"):
        verifier(folder, kind).verify(signature.evolve(data=signature.data + b" "))


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "ed25519"])
def test_both_backends_understand_each_other(folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cryptography")
    by_package = signed(folder, kind)
    monkeypatch.setattr(sigstore_crypto, "_package", lambda: None)
    by_openssl = signed(folder, kind)
    assert verifier(folder, kind).verify(by_package)
    monkeypatch.undo()
    assert verifier(folder, kind).verify(by_openssl)


def test_without_package_and_openssl_the_error_names_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sigstore_crypto, "_package", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PolypodError, match=r"polypod\[signatures\].*openssl"):
        signed(folder)


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7), part=st.sampled_from(["payload", "signature"]))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_is_rejected(folder: Path, at: int, bit: int, part: str) -> None:
    signature = signed_once(folder)
    good = verifier(folder, "ecdsa")
    raw = signature.data if part == "payload" else b64decode(signature.annotations[sigstore.SIGNATURE])
    at %= len(raw)
    changed = raw[:at] + bytes((raw[at] ^ 1 << bit,)) + raw[at + 1 :]
    if part == "payload":
        broken = signature.evolve(data=changed)
    else:
        broken = signature.evolve(annotations={sigstore.SIGNATURE: b64encode(changed).decode()})
    with pytest.raises(PolicyRejected):
        good.verify(broken)


_SIGNED: list[Signature] = []


def signed_once(folder: Path) -> Signature:
    if not _SIGNED:
        _SIGNED.append(signed(folder))
    return _SIGNED[0]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"annotations": {}}, "missing annotation dev.cosignproject.cosign/signature"),
        ({"annotations": {sigstore.SIGNATURE: "$$"}}, "is not base64"),
        ({"annotations": {sigstore.SIGNATURE: "é"}}, "is not base64"),
        ({"media_type": "application/vnd.dsse.envelope.v1+json"}, "not a sigstore signature"),
        ({"data": b"x" * ((4 << 20) + 1)}, "more than 4 MiB"),
    ],
)
def test_malformed_signatures(folder: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyRejected, match=said):
        verifier(folder, "ecdsa").verify(signed_once(folder).evolve(**changes))


def by_hand(folder: Path, payload: bytes) -> Signature:
    text = (folder / "ecdsa.key").read_bytes()
    kind, private = sigstore_keys.private_key(text, "k", b"secret")
    raw = sigstore_crypto.sign(kind, private, payload)
    notes = {sigstore.SIGNATURE: b64encode(raw).decode()}
    return Signature(kind="sigstore-json", data=payload, media_type=COSIGN_TYPE, annotations=notes)


def test_the_signed_payload_must_be_cosigns(folder: Path) -> None:
    document: dict[str, Any] = {
        "critical": {
            "type": "cosign container image signature",
            "image": {"docker-manifest-digest": sha256(MANIFEST)},
            "identity": {"docker-reference": NAME},
        },
        "optional": None,
    }
    good = verifier(folder, "ecdsa")
    assert good.verify(by_hand(folder, json.dumps(document).encode())).reference == NAME
    document["critical"]["type"] = "atomic container signature"
    with pytest.raises(PolicyRejected, match="unrecognized signature type"):
        good.verify(by_hand(folder, json.dumps(document).encode()))
    with pytest.raises(PolicyRejected, match="malformed signature payload"):
        good.verify(by_hand(folder, b"{}"))


def test_a_policy_takes_the_signature_for_this_image_alone(folder: Path) -> None:
    document = {"type": "sigstoreSigned", "keyPath": f"{folder}/ecdsa.pub"}
    rule = policy.read(json.dumps({"default": [document]}).encode(), "/etc/p.json")

    def subject(name: str) -> Subject:
        reference = normalize_docker(name)
        return Subject(transport="docker", scopes=[], name=f"docker://{name}", reference=reference)

    blob = signed_once(folder).blob()
    gpg = b"\xa3simple"
    attestation = signed_once(folder).evolve(media_type="application/x").blob()
    assert check(rule, subject(NAME), MANIFEST, lambda: [gpg, attestation, blob]) == (blob,)
    for name, manifest, said in (
        (NAME, b"{}", "does not match"),
        ("example.com/ns/img:2", MANIFEST, "is not accepted"),
    ):
        with pytest.raises(PolicyRejected, match=said):
            check(rule, subject(name), manifest, lambda: [blob])
    with pytest.raises(PolicyRejected, match=r"no signature exists \(1 of another kind\)"):
        check(rule, subject(NAME), MANIFEST, lambda: [gpg])


# -- Rekor ------------------------------------------------------------------------------------


def logged(folder: Path, signature: Signature, **changes: Any) -> Signature:
    """The signature with a bundle as Rekor makes it; ``other`` plays the log."""
    raw = signature.annotations[sigstore.SIGNATURE]
    key = b64encode((folder / f"{changes.get('key', 'ecdsa')}.pub").read_bytes()).decode()
    digest = hash256(changes.get("payload", signature.data)).hexdigest()
    body = {
        "apiVersion": "0.0.1",
        "kind": changes.get("kind", "hashedrekord"),
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": digest}},
            "signature": {"content": changes.get("raw", raw), "publicKey": {"content": key}},
        },
    }
    payload = {
        "body": b64encode(json.dumps(body).encode()).decode(),
        "integratedTime": changes.get("time", 1700000000),
        "logIndex": 5,
        "logID": "c0d23d6ad406973f",
    }
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
    kind, private = sigstore_keys.private_key((folder / "other.key").read_bytes(), "k", b"secret")
    stamp = b64encode(sigstore_crypto.sign(kind, private, canonical)).decode()
    if "late" in changes:
        payload["integratedTime"] = changes["late"]
    bundle = json.dumps({"SignedEntryTimestamp": stamp, "Payload": payload}, indent=2)
    return signature.evolve(annotations={**signature.annotations, sigstore.BUNDLE: bundle})


def test_a_rekor_log_can_be_asked_for(folder: Path) -> None:
    signature = signed_once(folder)
    good = verifier(folder, "rsa", "ecdsa", rekor=("ecdsa", "other"))
    assert good.verify(logged(folder, signature)).reference == NAME
    with pytest.raises(PolicyRejected, match=r"missing annotation dev.sigstore.cosign/bundle"):
        good.verify(signature)
    with pytest.raises(PolicyRejected, match="log's signature of the entry is not good"):
        verifier(folder, "ecdsa", rekor=("ecdsa",)).verify(logged(folder, signature))
    for changes, said in (
        ({"late": 1800000000}, "log's signature of the entry is not good"),
        ({"key": "rsa"}, "not one of the accepted keys'"),
        ({"key": "ed25519"}, "is about another key"),
        ({"raw": b64encode(b"x").decode()}, "is about another signature"),
        ({"payload": b"x"}, "is about another payload"),
        ({"kind": "intoto"}, "unsupported kind intoto"),
        ({"time": 1.5}, "integratedTime must be a whole number"),
    ):
        with pytest.raises(PolicyRejected, match=said):
            good.verify(logged(folder, signature, **changes))
    with pytest.raises(PolicyRejected, match="must be ECDSA"):
        verifier(folder, "ecdsa", rekor=("rsa",))


# -- key files ----------------------------------------------------------------------------------


def test_private_key_files(folder: Path, tmp_path: Path) -> None:
    text = (folder / "ecdsa.key").read_bytes()
    with pytest.raises(PolypodError, match="decrypting k: the passphrase is wrong"):
        sigstore_keys.private_key(text, "k", b"wrong")
    kind, der = sigstore_keys.private_key(text, "k", b"secret")
    plain = sigstore_keys.pem_block("PRIVATE KEY", der)
    assert sigstore_keys.private_key(plain, "k", b"") == (kind, der)
    for broken, said in (
        (b"", "does not hold one PEM block"),
        (text + text, "does not hold one PEM block"),
        (text.replace(b"COSIGN", b"OTHER"), "unsupported pem type: ENCRYPTED OTHER PRIVATE KEY"),
        (sigstore_keys.pem_block("ENCRYPTED COSIGN PRIVATE KEY", b"{}"), "not an encrypted private key"),
        (sigstore_keys.pem_block("PRIVATE KEY", der[:20]), "truncated"),
        ((folder / "ecdsa.pub").read_bytes(), "unsupported pem type"),
    ):
        with pytest.raises(PolypodError, match=said):
            sigstore_keys.private_key(broken, "k", b"secret")
    greedy = json.loads(sigstore_keys.read_pem(text, "k")[1])
    greedy["kdf"]["params"]["N"] = 1 << 40
    block = sigstore_keys.pem_block("ENCRYPTED SIGSTORE PRIVATE KEY", json.dumps(greedy).encode())
    with pytest.raises(PolypodError, match="unacceptable scrypt parameters"):
        sigstore_keys.private_key(block, "k", b"secret")
    with pytest.raises(PolypodError, match="open /nowhere/k: no such file"):
        sigstore.Signer("/nowhere/k")


def test_public_key_files(folder: Path) -> None:
    import subprocess

    rsa = (folder / "rsa.pub").read_bytes()
    old = subprocess.run(["openssl", "rsa", "-pubin", "-RSAPublicKey_out"], input=rsa, capture_output=True, check=True)
    assert sigstore_keys.public_key(old.stdout, "k").pem == rsa
    assert sigstore_keys.public_key(b"a comment\n" + rsa, "k").kind == "rsa"
    for make, said in (
        (["openssl", "genrsa", "1024"], "2048 bits or more"),
        (["openssl", "genpkey", "-algorithm", "X25519"], "unsupported key type"),
    ):
        private = subprocess.run(make, capture_output=True, check=True).stdout
        public = subprocess.run(["openssl", "pkey", "-pubout"], input=private, capture_output=True, check=True).stdout
        with pytest.raises(PolypodError, match=said):
            sigstore_keys.public_key(public, "k")
    with pytest.raises(PolypodError, match="not a public key"):
        sigstore_keys.public_key((folder / "rsa.key").read_bytes(), "k")


def test_the_secretbox_is_nacls() -> None:
    # The first bytes of the box in NaCl's tests (tests/secretbox.c), whose message has 131 bytes.
    key = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
    nonce = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    message = bytes.fromhex(
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
    )
    box = seal(message, nonce, key)
    assert box.hex().startswith("f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a")
    assert unseal(box, nonce, key) == message
    for at in range(len(box)):
        assert unseal(box[:at] + bytes((box[at] ^ 1,)) + box[at + 1 :], nonce, key) is None
    assert unseal(box, nonce, bytes(32)) is None
    assert unseal(b"short", nonce, key) is None
    assert seal(b"", nonce, key) != b""
