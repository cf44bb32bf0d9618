"""``image trust``, and what it does to pull, load and push: with a registry, gpg and cosign's keys."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from polypod.testing.peers import layout, need, run, unmount_below
from polypod.testing.program import Program
from polypod.testing.registry import Registry
from polypod.testing.signing import GnuPG, gnupg, sigstore_key_pair

ACCEPT: dict[str, Any] = {"type": "insecureAcceptAnything"}
REJECT: dict[str, Any] = {"type": "reject"}
INSECURE = "--tls-verify=false"


@pytest.fixture(scope="module")
def keys() -> Iterator[GnuPG]:
    need("gpg", "openssl", "umoci")
    with gnupg() as ring:
        ring.make_key("good@example.com")
        ring.make_key("other@example.com")
        yield ring


class Trusting(Program):
    """The program with a home of its own: policy, registries.d, keys."""

    def __init__(self, folder: str, registry: Registry, keys: GnuPG) -> None:
        super().__init__(folder)
        self.at = Path(folder)
        self.registry = registry
        self.policy_file = self.at / "policy.json"
        self.lookaside = self.at / "lookaside"
        where = self.at / "home/.config/containers/registries.d"
        where.mkdir(parents=True)
        (where / "here.yaml").write_text(
            f"docker:\n  {registry.host}:\n    lookaside: file://{self.lookaside}\n    use-sigstore-attachments: true\n"
        )
        self.env = {**keys.env, "HOME": f"{folder}/home", "CONTAINERS_POLICY_JSON": str(self.policy_file)}
        self.env.pop("XDG_CONFIG_HOME", None)
        self.good = keys.export("good@example.com", self.at / "good.gpg")
        self.other = keys.export("other@example.com", self.at / "other.gpg")
        self.private, self.public = sigstore_key_pair(self.at)
        (self.at / "pass").write_text("secret\n")
        self.policy(ACCEPT)

    def run(self, *words: object, code: int = 0, **options: Any) -> Any:
        options.setdefault("env", self.env)
        return super().run(*words, code=code, **options)

    def policy(self, *default: dict[str, Any], **transports: Any) -> None:
        document = {"default": default, "transports": transports}
        self.policy_file.write_text(json.dumps(document, indent=2))

    def signed(self, key: Path, **more: Any) -> dict[str, Any]:
        return {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(key), **more}

    def name(self, path: str) -> str:
        return f"{self.registry.host}/{path}"


@pytest.fixture
def cli(registry: Registry, keys: GnuPG) -> Iterator[Trusting]:
    folder = tempfile.mkdtemp(prefix="pp")
    try:
        yield Trusting(folder, registry, keys)
    finally:
        unmount_below(folder)
        shutil.rmtree(folder)


@pytest.fixture
def image(cli: Trusting, tmp_path: Path) -> str:
    """An image in the store, from an OCI layout."""
    made = layout(tmp_path)
    cli("pull", "-q", f"oci:{made}:t")
    found = cli("images", "-q", "--no-trunc").split()[0]
    cli("untag", found)
    cli("tag", found, "localhost/t:1")
    return "localhost/t:1"


# -- image trust -------------------------------------------------------------------------------


def test_set_and_show(cli: Trusting, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    at = f"--signature-policy={path}"
    assert "invalid choice: bogus (choose from" in cli.fails(125, "image", "trust", "set", at, "--type=bogus", "default")
    assert "default trust policy must be set" in cli.fails(125, "image", "trust", "set", at, "-t", "reject", "docker.io")
    assert not path.exists()
    cli("image", "trust", "set", at, "--type=accept", "default")
    assert json.loads(path.read_text()) == {"default": [ACCEPT]}
    cli("image", "trust", "set", at, "-t", "reject", "default")
    cli("image", "trust", "set", at, "-t", "reject", "docker.io")
    cli("image", "trust", "set", at, "-f", cli.good, "-f", cli.other, "docker.io/library")
    cli("image", "trust", "set", at, "-t", "sigstoreSigned", "-f", cli.public, "quay.io")
    cli("image", "trust", "set", at, "-t", "accept", "*.example.com")
    rows = [line.split() for line in cli("image", "trust", "show", at).splitlines()]
    assert rows == [
        ["TRANSPORT", "NAME", "TYPE", "ID", "STORE"],
        ["all", "default", "reject"],
        ["repository", "*.example.com", "accept"],
        ["repository", "docker.io", "reject"],
        ["repository", "docker.io/library", "signed", "good@example.com"],
        ["repository", "docker.io/library", "signed", "other@example.com"],
        ["repository", "quay.io", "sigstoreSigned", "N/A"],
    ]
    assert cli("image", "trust", "show", "-n", at).splitlines()[0].split() == ["all", "default", "reject"]
    assert cli("image", "trust", "show", "--raw", at) == path.read_text() + "\n"
    found = json.loads(cli("image", "trust", "show", "--json", at))
    assert found[0] == {"transport": "all", "name": "* (default)", "repo_name": "default", "type": "reject"}
    assert found[3]["gpg_id"] == "good@example.com"
    cli("image", "trust", "set", at, "-t", "accept", "docker.io")
    assert json.loads(cli("image", "trust", "show", "-j", at))[2]["type"] == "accept"


def test_set_keeps_what_it_does_not_know(cli: Trusting, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    before = {"default": [{"type": "unknown", "more": 1}], "transports": {"docker-daemon": {"": [{"type": "x"}]}}}
    path.write_text(json.dumps(before))
    cli("image", "trust", "set", "--signature-policy", path, "-f", "rel.gpg", "quay.io/x", cwd=tmp_path)
    after = json.loads(path.read_text())
    key = after["transports"].pop("docker")["quay.io/x"][0]
    assert after == before
    assert key["keyPath"] == f"{tmp_path}/rel.gpg"
    path.write_text('{"default": [],\n "default": []}')
    assert f"{path}, line 2: duplicate key" in cli.fails(125, "image", "trust", "set", "--signature-policy", path, "-t", "accept", "default")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "-t", "reject", "default"], "signature-policy path must be provided"),
        (["set", "--signature-policy", "P", "default"], "at least one public key must be defined for type 'signedBy'"),
        (["set", "--signature-policy", "P", "-t", "accept", "-f", "/k", "default"], "1 public keys unexpectedly provided"),
        (["set", "--signature-policy", "P", "-t", "accept", "/x"], "invalid image uri: /x"),
        (["show", "--signature-policy", "/nowhere/p"], "open /nowhere/p: no such file or directory"),
        (["show", "--raw", "--signature-policy", "/nowhere/p"], "open /nowhere/p: no such file or directory"),
        (["show", "a", "b"], "at most 1 arg"),
    ],
)  # fmt: skip
def test_bad_calls(cli: Trusting, tmp_path: Path, words: list[str], said: str) -> None:
    assert said in cli.fails(125, "image", "trust", *[word.replace("P", f"{tmp_path}/p") for word in words])


def test_show_names_the_lookasides(cli: Trusting, tmp_path: Path) -> None:
    where = tmp_path / "d"
    where.mkdir()
    (where / "a.yaml").write_text("docker:\n  quay.io:\n    sigstore: https://l/x\n")
    cli.policy(ACCEPT, docker={"quay.io/ns": [REJECT], "docker.io": [cli.signed(tmp_path / "gone")]})
    done = cli.run("image", "trust", "show", "-n", "--registrypath", where)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows == [["all", "default", "accept"], ["repository", "docker.io", "signed"], ["repository", "quay.io/ns", "reject", "https://l/x"]]
    assert "getting key identity" in done.stderr


# -- what is let in ---------------------------------------------------------------------------


def test_load_asks_the_policy(cli: Trusting, image: str) -> None:
    archive = cli.at / "a.tar"
    cli("save", "-q", "-o", archive, image)
    cli("rmi", image)
    cli.policy(REJECT, **{"docker-archive": {"": [ACCEPT]}})
    cli("load", "-q", "-i", archive)
    cli("rmi", image)
    cli.policy(ACCEPT, **{"docker-archive": {"": [REJECT]}})
    said = cli.fails(125, "load", "-q", "-i", archive)
    assert f"source image rejected: running image docker-archive:{archive} is rejected by policy" in said
    assert f'(reject of "docker-archive:", {cli.policy_file} line' in said
    with archive.open("rb") as file:
        assert "docker-archive:- is rejected" in cli.fails(125, "load", "-q", stdin=file)
    assert cli("images", "-q") == ""
    assert layers(cli) == 0
    other = cli.at / "other.json"
    other.write_text(json.dumps({"default": [ACCEPT]}))
    cli("load", "-q", "-i", archive, "--signature-policy", other)


def test_import_asks_the_policy(cli: Trusting, tmp_path: Path) -> None:
    tar = tmp_path / "t.tar"
    run("tar", "-cf", tar, "-C", tmp_path, "--files-from", "/dev/null")
    cli.policy(REJECT)
    assert "running image tarball:- is rejected by policy" in cli.fails(125, "import", "-q", tar, "x")
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"default": [ACCEPT]}))
    cli("import", "-q", "--signature-policy", other, tar, "x")
    cli.policy(REJECT, tarball={"": [ACCEPT]})
    cli("import", "-q", tar, "x")


def layers(cli: Trusting) -> int:
    found: list[Any] = json.loads(Path(cli.folder, "root/overlay-layers/layers.json").read_text())
    return len(found)


def test_a_policy_that_cannot_be_read_lets_nothing_in(cli: Trusting, image: str) -> None:
    archive = cli.at / "a.tar"
    cli("save", "-q", "-o", archive, image)
    cli.policy_file.write_text('{"default": [{"type": "insecureAcceptAnything"}],\n "defautl": 1}')
    said = cli.fails(125, "load", "-q", "-i", archive)
    assert f'invalid policy in "{cli.policy_file}", line 2: unknown key "defautl"' in said
    cli.policy_file.unlink()
    assert "no such file or directory" in cli.fails(125, "load", "-q", "-i", archive)
    # What is made here is nobody else's: no policy is asked.
    cli("tag", image, "localhost/again")
    cli("push", "-q", image, f"oci:{cli.at}/out:x")


def test_paths_are_scopes(cli: Trusting, image: str) -> None:
    for name in ("in/x", "out/x"):
        (cli.at / name).parent.mkdir()
        cli("push", "-q", image, f"oci:{cli.at}/{name}:t")
        cli("push", "-q", image, f"oci-archive:{cli.at}/{name}.tar:t")
    (cli.at / "link").symlink_to("in")
    cli.policy(REJECT, oci={f"{cli.at}/in": [ACCEPT]}, **{"oci-archive": {f"{cli.at}/in": [ACCEPT]}})
    cli("pull", "-q", f"oci:{cli.at}/in/x:t")
    cli("pull", "-q", f"oci:{cli.at}/link/../in/x:t")
    cli("pull", "-q", "oci:x:t", cwd=cli.at / "link")
    cli("pull", "-q", f"oci-archive:{cli.at}/in/x.tar:t")
    for source in (f"oci:{cli.at}/out/x:t", f"oci-archive:{cli.at}/out/x.tar:t", f"oci:{cli.at}/in/../out/x:t"):
        assert "is rejected by policy" in cli.fails(125, "pull", "-q", source)
    # A pipe lies nowhere, wherever the command is called.
    with open(cli.at / "in/x.tar", "rb") as file:
        assert "is rejected by policy" in cli.fails(125, "load", "-q", stdin=file, cwd=cli.at / "in")


def test_push_signs_with_gpg(cli: Trusting, image: str) -> None:
    name = cli.name("cli/gpg:1")
    cli("push", "-q", INSECURE, "--sign-by", "good@example.com", image, name)
    (signature,) = cli.lookaside.glob("cli/gpg@sha256=*/signature-1")
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    cli("pull", "-q", INSECURE, name)
    # It goes along as long as the manifest stays the same.
    cli("push", "-q", INSECURE, name, cli.name("cli/copy:1"))
    (copied,) = cli.lookaside.glob("cli/copy@sha256=*/signature-1")
    assert copied.read_bytes() == signature.read_bytes()
    changed = cli.run("push", "-q", name, f"dir:{cli.at}/kept").stderr
    assert "The image's signatures were not copied: the manifest is another one" in changed
    assert not (cli.at / "kept/signature-1").exists()
    assert cli.run("push", "-q", "--remove-signatures", name, f"dir:{cli.at}/kept2").stderr == ""
    assert cli.run("save", "-q", "--format", "docker-dir", "-o", cli.at / "kept3", name).stderr == ""
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.other)]})
    said = cli.fails(125, "pull", "-q", INSECURE, name)
    assert f"docker://{name}: the signature was made by a key that is not accepted" in said
    # Another tag of the same manifest is another identity.
    cli("push", "-q", INSECURE, "--remove-signatures", name, cli.name("cli/gpg:2"))
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    assert f'signature for identity "{name}" is not accepted' in cli.fails(125, "pull", "-q", INSECURE, cli.name("cli/gpg:2"))
    # By digest any tag of the repository will do.
    digest = signature.parent.name.partition("@")[2].replace("=", ":")
    cli("pull", "-q", INSECURE, f"{cli.name('cli/gpg')}@{digest}")
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good), REJECT]})
    assert "is rejected by policy" in cli.fails(125, "pull", "-q", INSECURE, name)


def test_push_signs_with_sigstore(cli: Trusting, image: str) -> None:
    name = cli.name("cli/sigstore:1")
    sign = ["--sign-by-sigstore-private-key", cli.private, "--sign-passphrase-file", cli.at / "pass"]
    (cli.at / "wrong").write_text("wrong\n")
    assert "the passphrase is wrong" in cli.fails(
        125, "push", "-q", INSECURE, *sign[:3], cli.at / "wrong", image, name
    )
    assert "needs a passphrase: give --sign-passphrase-file" in cli.fails(125, "push", "-q", INSECURE, *sign[:2], image, name)
    cli("push", "-q", INSECURE, *sign, image, name)
    (cli.at / "param.yaml").write_text(f"privateKeyFile: {cli.private}\nprivateKeyPassphraseFile: {cli.at}/pass\n")
    cli("push", "-q", INSECURE, "--sign-by-sigstore", cli.at / "param.yaml", image, cli.name("cli/sigstore2:1"))
    rule = {"type": "sigstoreSigned", "keyPath": str(cli.public)}
    cli.policy(REJECT, docker={cli.registry.host: [rule]})
    for pulled in (name, cli.name("cli/sigstore2:1")):
        cli("pull", "-q", INSECURE, pulled)
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    assert "no signature exists (1 of another kind)" in cli.fails(125, "pull", "-q", INSECURE, name)


def test_a_list_is_signed_with_its_images(cli: Trusting, image: str) -> None:
    need("skopeo")
    name = cli.name("cli/list:1")
    cli("manifest", "create", "localhost/list:1", f"containers-storage:{image}")
    cli("manifest", "push", "-q", INSECURE, "--all", "--sign-by", "good@example.com", "localhost/list:1", f"docker://{name}")
    assert len(list(cli.lookaside.glob("cli/list@sha256=*/signature-1"))) == 2
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    cli("pull", "-q", INSECURE, name)
    # skopeo looks at the list's signature and at each image's.
    argv = ["skopeo", "--policy", cli.policy_file, "copy", "-q", "--all", "--src-tls-verify=false"]
    run(*argv, f"docker://{name}", f"dir:{cli.at}/out", env=cli.env)
    where = cli.at / "signatures"
    where.mkdir()
    conf = cli.at / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{cli.registry.host}"\ninsecure = true\n')
    env = {**cli.env, "CONTAINERS_REGISTRIES_CONF": str(conf)}
    cli("image", "sign", "--all", "--sign-by", "good@example.com", "-d", where, f"docker://{name}", env=env)
    cli("image", "sign", "--sign-by", "good@example.com", "-d", where, f"docker://{name}", env=env)
    assert len(list(where.glob("cli/list@sha256=*/signature-1"))) == 2


def test_run_does_not_start_what_is_not_trusted(cli: Trusting, image: str) -> None:
    name = cli.name("cli/run:1")
    cli("push", "-q", INSECURE, "--sign-by", "other@example.com", image, name)
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    before = layers(cli)
    said = cli.fails(125, "run", "--rm", "--pull=always", INSECURE, name, "true")
    assert "made by a key that is not accepted" in said
    assert layers(cli) == before
    assert name not in cli("images")


def test_a_damaged_signature_of_a_lookaside_is_refused(cli: Trusting, image: str) -> None:
    name = cli.name("cli/damaged:1")
    cli("push", "-q", INSECURE, "--sign-by", "good@example.com", image, name)
    (signature,) = cli.lookaside.glob("cli/damaged@sha256=*/signature-1")
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    whole = signature.read_bytes()
    for data, said in (
        (whole[:-10], "is not a signed OpenPGP message"),
        (b"\x00sigstore-json\n{}", "malformed sigstore signature"),
        (b"", "signature is empty"),
        (b"x" * (5 << 20), "has more than 4194304 bytes"),
    ):
        signature.write_bytes(data)
        error = cli.fails(125, "pull", "-q", INSECURE, name)
        assert said in error or "the signature " in error, error
    signature.write_bytes(whole)
    cli("pull", "-q", INSECURE, name)


def test_what_cannot_be_signed_is_said_before_anything_is_sent(cli: Trusting, image: str) -> None:
    sign = ["--sign-by-sigstore-private-key", cli.private, "--sign-passphrase-file", cli.at / "pass"]
    for words, said in (
        (["--sign-by", "good@example.com", image, f"oci:{cli.at}/o:x"], "only images in registries can be signed"),
        (["--sign-by", "good@example.com", *sign, image, cli.name("no:1")], "only one of --sign-by and"),
        (["--sign-by-sq-fingerprint", "AB", image, cli.name("no:1")], "--sign-by-sq-fingerprint is not supported"),
        (["--sign-by-sigstore-private-key", "/nowhere", "--sign-passphrase-file", cli.at / "pass", image, cli.name("no:1")], "open /nowhere: no such file"),
        (["--sign-passphrase-file", "/nowhere", "--sign-by", "good@example.com", image, cli.name("no:1")], "open /nowhere: no such file"),
        (["--sign-by-sigstore", cli.at / "f.yaml", image, cli.name("no:1")], "fulcio is not supported"),
    ):
        (cli.at / "f.yaml").write_text("fulcio: {}\n")
        assert said in cli.fails(125, "push", "-q", INSECURE, *words)
    (cli.at / "home/.config/containers/registries.d/here.yaml").write_text(
        f"docker:\n  {cli.registry.host}:\n    lookaside: https://example.com/l\n"
    )
    assert "writing to https://example.com/l/no is not supported; use a file:// URL" in cli.fails(
        125, "push", "-q", INSECURE, "--sign-by", "good@example.com", image, cli.name("no:1")
    )
    assert "set use-sigstore-attachments: true in registries.d" in cli.fails(125, "push", "-q", INSECURE, *sign, image, cli.name("no:1"))
    assert not os.path.exists(f"{cli.registry.storage}/docker/registry/v2/repositories/no")


def test_image_sign_writes_below_a_directory(cli: Trusting, image: str) -> None:
    name = cli.name("cli/sign:1")
    cli("push", "-q", INSECURE, image, name)
    conf = cli.at / "registries.conf"
    conf.write_text(f'[[registry]]\nlocation = "{cli.registry.host}"\ninsecure = true\n')
    env = {**cli.env, "CONTAINERS_REGISTRIES_CONF": str(conf)}
    assert "no identity provided" in cli.fails(125, "image", "sign", f"docker://{name}")
    assert "no such file or directory" in cli.fails(125, "image", "sign", "--sign-by", "x", "-d", "/nowhere", f"docker://{name}")
    where = cli.at / "signatures"
    where.mkdir()
    for key in ("good@example.com", "other@example.com"):
        cli("image", "sign", "--sign-by", key, "-d", where, f"docker://{name}", env=env)
    assert [path.name for path in sorted(where.glob("cli/sign@sha256=*/*"))] == ["signature-1", "signature-2"]
    assert "expected docker://NAME" in cli.fails(125, "image", "sign", "--sign-by", "x", "busybox")
    cli("image", "sign", "--sign-by", "good@example.com", "-d", where, f"containers-storage:{image}")
    assert list(where.glob("*/t@sha256=*/signature-1")) or list(where.glob("t@sha256=*/signature-1"))


def test_a_signature_beside_an_image_is_where_skopeo_looks(cli: Trusting, image: str) -> None:
    need("skopeo")
    name = cli.name("cli/beside:1")
    cli("push", "-q", INSECURE, "--sign-by", "good@example.com", image, name)
    cli.policy(REJECT, docker={cli.registry.host: [cli.signed(cli.good)]})
    cli("pull", "-q", INSECURE, name)
    cli.policy(ACCEPT)
    store = f"containers-storage:[overlay@{cli.folder}/root+{cli.folder}/run]{name}"
    argv = ["skopeo", "--policy", cli.policy_file, "copy", "-q", store, f"dir:{cli.at}/out"]
    done = subprocess.run([*map(str, argv)], env=cli.env, capture_output=True, text=True, check=False)
    # It finds the signature, so that it will not change the layers; without it there is no such care.
    assert "Would invalidate signatures" in done.stderr
    run(*argv[:4], "--remove-signatures", *argv[4:], env=cli.env)
    assert not (cli.at / "out/signature-1").exists()
