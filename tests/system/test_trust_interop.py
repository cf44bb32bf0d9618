"""Signatures go round between polypod and skopeo: made by one, checked by the other, both kinds."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polypod.engine.sign import Signer, SignOptions, sign_and_store
from polypod.engine.trust import registry_origin, registry_signatures
from polypod.errors import ConfigError, PolicyRejected
from polypod.oci import manifest as manifests
from polypod.oci.manifest import sha256
from polypod.oci.reference import Reference, normalize_docker
from polypod.registry import client, policy, policy_scopes
from polypod.registry.access import Access
from polypod.registry.conf import Registries
from polypod.registry.policy_check import Subject, check
from polypod.testing.peers import layout, need
from polypod.testing.program import Program
from polypod.testing.registry import Registry
from polypod.testing.signing import GnuPG, gnupg, sigstore_key_pair

ACCESS = Access(tls_verify=False, retry=0, authfile="/nonexistent/auth.json")


class World:
    """A registry with an image, a home with registries.d, keys of both kinds, and skopeo."""

    def __init__(self, folder: Path, registry: Registry, keys: GnuPG) -> None:
        self.folder, self.registry, self.keys = folder, registry, keys
        self.home = folder / "home"
        self.lookaside = folder / "lookaside"
        self.public = keys.export("good@example.com", folder / "good.gpg")
        self.other = keys.export("other@example.com", folder / "other.gpg")
        self.private_key, self.public_key = sigstore_key_pair(folder)
        _, self.other_key = sigstore_key_pair(folder, "other")
        (folder / "pass").write_text("secret\nnot this\n")
        where = self.home / ".config/containers/registries.d"
        where.mkdir(parents=True)
        (where / "here.yaml").write_text(
            f"docker:\n  {registry.host}:\n    lookaside: file://{self.lookaside}\n    use-sigstore-attachments: true\n"
        )
        self.env = {**keys.env, "HOME": str(self.home)}
        self.layout = layout(folder)

    def name(self, path: str) -> Reference:
        return normalize_docker(f"{self.registry.host}/{path}")

    def skopeo(self, *words: object, code: int = 0) -> str:
        argv = list(map(str, words))
        # No umask or agent of the host takes part; the policy is given where one matters.
        done = subprocess.run(["skopeo", *argv], env=self.env, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == (code != 0), (argv, done.stderr)
        return done.stdout + done.stderr

    def push(self, path: str, *flags: object) -> tuple[Reference, bytes]:
        """Push the image with skopeo; its name and manifest."""
        reference = self.name(path)
        accept = ["--policy", self.policy({"type": "insecureAcceptAnything"})]
        self.skopeo(*accept, "copy", "-q", "--dest-tls-verify=false", *flags, f"oci:{self.layout}:t", f"docker://{reference}")
        with self.open(reference) as repository:
            return reference, repository.manifest().data

    def open(self, reference: Reference) -> client.Repository:
        return client.open_source(reference, ACCESS, Registries())

    def policy(self, *requirements: dict[str, Any]) -> Path:
        path = self.folder / "policy.json"
        path.write_text(json.dumps({"default": list(requirements)}, indent=1))
        return path

    def check(self, reference: Reference, manifest: bytes, *requirements: dict[str, Any]) -> tuple[bytes, ...]:
        """Judge an image of the registry as a pull does."""
        rule = policy.load(str(self.policy(*requirements)))
        with self.open(reference) as repository:
            origin = registry_origin(repository, reference, sha256(manifest))
            subject = Subject(
                transport="docker", scopes=policy_scopes.docker(reference), name=str(reference), reference=reference
            )
            return check(rule, subject, manifest, origin.signatures)

    def signed_by(self, key: Path, **more: Any) -> dict[str, Any]:
        return {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(key), **more}

    def sigstore_signed(self, key: Path, **more: Any) -> dict[str, Any]:
        return {"type": "sigstoreSigned", "keyPath": str(key), **more}

    def skopeo_takes(self, reference: Reference, *requirements: dict[str, Any], code: int = 0) -> str:
        """Let skopeo copy an image under a policy."""
        target = tempfile.mkdtemp(dir=self.folder)
        return self.skopeo(
            "--policy", self.policy(*requirements), "copy", "-q", "--src-tls-verify=false",
            f"docker://{reference}", f"dir:{target}", code=code,
        )  # fmt: skip


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Registry, GnuPG]]:
    need("skopeo", "gpg", "openssl", "umoci")
    with Registry() as registry, gnupg() as keys:
        keys.make_key("good@example.com")
        keys.make_key("other@example.com")
        yield registry, keys


@pytest.fixture
def world(shared: tuple[Registry, GnuPG], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path, *shared)
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("GNUPGHOME", str(made.keys.home))
    return made


def test_what_skopeo_signs_with_gpg_is_accepted_here(world: World) -> None:
    reference, manifest = world.push("gpg/skopeo:1", "--sign-by", "good@example.com")
    accepted = world.check(reference, manifest, world.signed_by(world.public))
    assert len(accepted) == 1
    with pytest.raises(PolicyRejected, match="made by a key that is not accepted"):
        world.check(reference, manifest, world.signed_by(world.other))
    with pytest.raises(PolicyRejected, match="a signature was required, but no signature exists"):
        world.check(*world.push("gpg/unsigned:1"), world.signed_by(world.public))
    # The same manifest under another tag: its signature claims another identity.
    moved, same = world.push("gpg/skopeo:2")
    assert same == manifest
    with pytest.raises(PolicyRejected, match=r'identity ".*/gpg/skopeo:1" is not accepted'):
        world.check(moved, manifest, world.signed_by(world.public))
    loose = world.signed_by(world.public, signedIdentity={"type": "matchRepository"})
    assert world.check(moved, manifest, loose) == accepted


def test_what_is_signed_here_with_gpg_is_accepted_by_skopeo(world: World) -> None:
    reference, manifest = world.push("gpg/polypod:1")
    assert "no signature exists" in world.skopeo_takes(reference, world.signed_by(world.public), code=1)
    signer = Signer(SignOptions(sign_by="good@example.com"))
    signer.check_registry(reference)
    with world.open(reference) as repository:
        sign_and_store(repository, reference, manifest, signer)
    world.skopeo_takes(reference, world.signed_by(world.public))
    world.skopeo_takes(reference, world.signed_by(world.other), code=1)
    (blob,) = world.check(reference, manifest, world.signed_by(world.public))
    (world.folder / "m").write_bytes(manifest)
    (world.folder / "s").write_bytes(blob)
    listed = world.keys.gpg("--with-colons", "--list-keys", "good@example.com").decode()
    fingerprint = listed.split("fpr:")[1].split(":")[8]
    said = world.skopeo("standalone-verify", world.folder / "m", reference, fingerprint, world.folder / "s")
    assert "Signature verified" in said


def test_a_standalone_signature_of_skopeo(world: World) -> None:
    manifest = b'{"schemaVersion": 2}'
    (world.folder / "m").write_bytes(manifest)
    world.skopeo("standalone-sign", world.folder / "m", "example.com/a:1", "good@example.com", "-o", world.folder / "s")
    rule = policy.load(str(world.policy(world.signed_by(world.public))))
    reference = normalize_docker("example.com/a:1")
    subject = Subject(transport="docker", scopes=[], name="a", reference=reference)
    assert check(rule, subject, manifest, lambda: [(world.folder / "s").read_bytes()])


def sigstore_skopeo(output: str) -> None:
    """Skip where Debian has taken sigstore out of skopeo."""
    if "sigstore disabled" in output:
        pytest.skip("this skopeo is built without sigstore signatures")


def test_what_skopeo_signs_with_sigstore_is_accepted_here(world: World) -> None:
    flags = ("--sign-by-sigstore-private-key", world.private_key, "--sign-passphrase-file", world.folder / "pass")
    reference = world.name("sigstore/skopeo:1")
    argv = ["skopeo", "copy", "-q", "--dest-tls-verify=false", *flags, f"oci:{world.layout}:t", f"docker://{reference}"]
    done = subprocess.run([*map(str, argv)], env=world.env, capture_output=True, text=True, check=False)
    sigstore_skopeo(done.stderr)
    assert done.returncode == 0, done.stderr
    with world.open(reference) as repository:
        manifest = repository.manifest().data
        blobs = registry_signatures(repository, sha256(manifest))
    assert world.check(reference, manifest, world.sigstore_signed(world.public_key)) == tuple(blobs)


def test_what_is_signed_here_with_sigstore_is_accepted_by_skopeo(world: World) -> None:
    reference, manifest = world.push("sigstore/polypod:1")
    signer = Signer(SignOptions(sigstore_key=str(world.private_key), sigstore_passphrase="secret"))
    signer.check_registry(reference)
    with world.open(reference) as repository:
        sign_and_store(repository, reference, manifest, signer)
        sign_and_store(repository, reference, manifest, signer)
    accepted = world.check(reference, manifest, world.sigstore_signed(world.public_key))
    assert len(accepted) == 1
    with pytest.raises(PolicyRejected, match="not one of the accepted keys'"):
        world.check(reference, manifest, world.sigstore_signed(world.other_key))
    with pytest.raises(PolicyRejected, match=r"no signature exists \(2 of another kind\)"):
        world.check(reference, manifest, world.signed_by(world.public))
    # The form, which every skopeo knows: it carries the attachments to another repository.
    copy = world.name("sigstore/copy:1")
    accept = world.policy({"type": "insecureAcceptAnything"})
    world.skopeo(
        "--policy", accept, "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
        f"docker://{reference}", f"docker://{copy}",
    )  # fmt: skip
    exact = {"signedIdentity": {"type": "exactReference", "dockerReference": str(reference)}}
    assert world.check(copy, manifest, world.sigstore_signed(world.public_key, **exact)) == accepted
    refused = world.skopeo_takes(reference, world.sigstore_signed(world.other_key), code=1)
    sigstore_skopeo(refused)
    world.skopeo_takes(reference, world.sigstore_signed(world.public_key))


def test_both_kinds_travel_in_a_directory(world: World) -> None:
    reference, manifest = world.push("dir/both:1", "--sign-by", "good@example.com")
    with world.open(reference) as repository:
        signer = Signer(SignOptions(sigstore_key=str(world.private_key), sigstore_passphrase="secret"))
        sign_and_store(repository, reference, manifest, signer)
        blobs = registry_signatures(repository, sha256(manifest))
    target = world.folder / "out"
    accept = world.policy({"type": "insecureAcceptAnything"})
    world.skopeo("--policy", accept, "copy", "-q", "--src-tls-verify=false", f"docker://{reference}", f"dir:{target}")
    assert [(target / f"signature-{number}").read_bytes()[:1] for number in (1, 2)] == [
        blob[:1] for blob in blobs
    ]
    # polypod reads what skopeo wrote there.
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        cli = Program(folder)
        exact = {"signedIdentity": {"type": "exactReference", "dockerReference": str(reference)}}
        both = world.policy(world.signed_by(world.public, **exact), world.sigstore_signed(world.public_key, **exact))
        cli("load", "-q", "-i", target, "--signature-policy", both)
        other = world.policy(world.signed_by(world.other, **exact))
        assert "made by a key that is not accepted" in cli.fails(125, "load", "-i", target, "--signature-policy", other)
    finally:
        shutil.rmtree(folder)


def test_a_manifest_that_was_exchanged_is_refused(world: World) -> None:
    flags = ("--sign-by", "good@example.com")
    reference, manifest = world.push("swap/a:1", *flags)
    evil = json.loads(manifest)
    evil["annotations"] = {"evil": "yes"}
    data = json.dumps(evil).encode()
    with client.open_destination(reference, ACCESS, Registries()) as repository:
        repository.put_manifest("1", data, evil.get("mediaType", manifests.OCI_MANIFEST))
    # The lookaside has nothing for it; and what is moved there by hand does not match.
    with pytest.raises(PolicyRejected, match="no signature exists"):
        world.check(reference, data, world.signed_by(world.public))
    old = world.lookaside / f"swap/a@{sha256(manifest).replace(':', '=')}"
    old.rename(world.lookaside / f"swap/a@{sha256(data).replace(':', '=')}")
    with pytest.raises(PolicyRejected, match="does not match"):
        world.check(reference, data, world.signed_by(world.public))
    world.skopeo_takes(reference, world.signed_by(world.public), code=1)


def test_the_commands_sign_and_verify(world: World) -> None:
    reference, manifest = world.push("cli/a:1")
    where = world.folder / "signed"
    where.mkdir()
    folder = tempfile.mkdtemp(prefix="pp")
    conf = world.folder / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{world.registry.host}"\ninsecure = true\n')
    env = {**world.env, "CONTAINERS_REGISTRIES_CONF": str(conf)}
    try:
        cli = Program(folder)
        cli("image", "sign", "--sign-by", "good@example.com", "-d", where, f"docker://{reference}", env=env)
        (signature,) = where.glob("cli/a@sha256=*/signature-1")
        assert f"sha256={sha256(manifest)[7:]}" in str(signature)
        cli("image", "sign", "--sign-by", "good@example.com", f"docker://{reference}", env=env)
        assert world.check(reference, manifest, world.signed_by(world.public))
        world.skopeo_takes(reference, world.signed_by(world.public))
        assert "is not a multi-architecture image" in cli.fails(
            125, "image", "sign", "-a", "--sign-by", "good@example.com", f"docker://{reference}", env=env
        )
        assert "No secret key" in cli.fails(125, "image", "sign", "--sign-by", "nobody@x", f"docker://{reference}", env=env)
    finally:
        shutil.rmtree(folder)


ACCEPT = [{"type": "insecureAcceptAnything"}]
REJECT = [{"type": "reject"}]
GPG: dict[str, Any] = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere"}


def remapped(prefix: str) -> list[dict[str, Any]]:
    return [{**GPG, "signedIdentity": {"type": "remapIdentity", "prefix": prefix, "signedPrefix": "b.io"}}]


# What policy.json may hold, "HERE" being the image's directory; keys that Debian's skopeo knows.
POLICIES: list[dict[str, Any]] = [
    {},
    {"default": []},
    {"default": ACCEPT},
    {"default": REJECT},
    {"default": [*ACCEPT, *REJECT]},
    {"default": ACCEPT, "transports": {}},
    {"default": ACCEPT, "more": 1},
    {"default": ACCEPT, "transports": {"dir": {"": REJECT}}},
    {"default": REJECT, "transports": {"dir": {"HERE": ACCEPT}}},
    {"default": REJECT, "transports": {"dir": {"HERE/..": ACCEPT}}},
    {"default": REJECT, "transports": {"dir": {"HERE/x": ACCEPT, "": REJECT}}},
    {"default": REJECT, "transports": {"dir": {"/": ACCEPT}}},
    {"default": ACCEPT, "transports": {"nonsense": {"x": REJECT}}},
    {"default": ACCEPT, "transports": {"docker-archive": {"/x": REJECT}}},
    {"default": ACCEPT, "transports": {"docker-daemon": {"sha256:" + "a" * 64: REJECT}}},
    {"default": ACCEPT, "transports": {"containers-storage": {"x": REJECT}}},
    {"default": ACCEPT, "transports": {"containers-storage": {"[overlay@/x]": REJECT}}},
    {"default": ACCEPT, "transports": {"oci": {"/a/../b": REJECT}}},
    {"default": [{"type": "insecureAcceptAnything", "note": "x"}]},
    {"default": [{"type": "signedBy", "keyType": "GPGKeys"}]},
    {"default": [GPG]},
    {"default": [{**GPG, "keyType": "gpg"}]},
    {"default": [{**GPG, "keyData": "AAAA"}]},
    {"default": [{**GPG, "signedIdentity": {"type": "matchExact"}}]},
    {"default": [{**GPG, "signedIdentity": {"type": "matchExact", "x": 1}}]},
    {"default": [{**GPG, "signedIdentity": {"type": "exactReference", "dockerReference": "a.io/b"}}]},
    {"default": [{**GPG, "signedIdentity": {"type": "exactRepository", "dockerRepository": "a.io/B"}}]},
    {"default": remapped("a.io")},
    {"default": remapped("docker.io/library")},
    {"default": remapped("a.io/b:1")},
    {"default": [{"type": "sigstoreSigned", "keyPath": "/x"}]},
    {"default": [{"type": "sigstoreSigned", "keyData": "?"}]},
    {"default": [{"type": "sigstoreSigned"}]},
]  # fmt: skip


def test_policies_mean_to_polypod_what_they_mean_to_skopeo(tmp_path: Path) -> None:
    need("skopeo")
    image = tmp_path / "image"
    image.mkdir()
    document = {
        "schemaVersion": 2,
        "mediaType": manifests.OCI_MANIFEST,
        "config": {"mediaType": manifests.OCI_CONFIG, "digest": sha256(b"{}"), "size": 2},
        "layers": [],
    }
    (image / "manifest.json").write_text(json.dumps(document))
    (image / sha256(b"{}")[7:]).write_text("{}")
    scopes = policy_scopes.path(str(image))
    subject = Subject(transport="dir", scopes=scopes, name=f"dir:{image}")
    path = tmp_path / "policy.json"
    different = []
    for document in POLICIES:
        text = json.dumps(document).replace("HERE/..", str(tmp_path)).replace("HERE", str(image))
        path.write_text(text)
        argv = ["skopeo", "--policy", str(path), "copy", "-q", f"dir:{image}", f"dir:{tmp_path}/out"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        theirs = "yes" if done.returncode == 0 else "no"
        if "Error loading trust policy" in done.stderr:
            theirs = "invalid"
        try:
            found = policy.read(text.encode(), str(path))
        except ConfigError:
            ours = "invalid"
        else:
            try:
                check(found, subject, b"{}")
                ours = "yes"
            except PolicyRejected:
                ours = "no"
        if ours != theirs:
            different.append((document, ours, theirs, done.stderr))
    assert different == []
