"""registries.d, and the places of signatures that it names."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polypod.engine.trust import registry_signatures
from polypod.errors import ConfigError, PolypodError
from polypod.oci.reference import normalize_docker
from polypod.registry import attachments, client, lookaside
from polypod.registry.signature_blob import COSIGN_TYPE, SIGSTORE, Signature, from_blob

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from polypod.registry.access import Access
    from polypod.registry.conf import Registries
    from polypod.testing.registry import Registry

DIGEST = "sha256:" + "ab" * 32


def write(folder: Path, **files: str) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def test_the_most_specific_section_that_says_something_counts(tmp_path: Path) -> None:
    found = lookaside.load(
        write(
            tmp_path / "d",
            a="docker:\n  example.com:\n    lookaside: https://l/x/\n    use-sigstore-attachments: true\n"
            "  example.com/ns/img:\n    lookaside-staging: file:///staging\n",
            b="default-docker:\n  sigstore: file:///all\n  sigstore-staging: file:///staged\n",
            c="# nothing\n",
        )
    )
    image = normalize_docker("example.com/ns/img:1")
    assert found.base(image) == "https://l/x/ns/img"
    assert found.base(image, write=True) == "file:///staging/ns/img"
    assert found.attachments(image)
    other = normalize_docker("busybox")
    assert found.base(other) == "file:///all/library/busybox"
    assert found.base(other, write=True) == "file:///staged/library/busybox"
    assert not found.attachments(other)


def test_without_configuration_the_default_store_counts(tmp_path: Path) -> None:
    found = lookaside.load(str(tmp_path / "absent"))
    assert found.base(normalize_docker("busybox")) == f"{lookaside.default_store()}/library/busybox"
    assert not found.attachments(normalize_docker("busybox"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("docker: [1]", "docker must be a mapping"),
        ("docker:\n  a.io: x", "a section must be a mapping"),
        ("default-docker:\n  lookaside: 1", "lookaside must be a string"),
        ("default-docker:\n  use-sigstore-attachments: 1", "must be true or false"),
        ("docker:\n  a.io: {}\n  a.io: {}", 'line 3: duplicate key "a.io"'),
        ("docker: {", "parsing "),
        ("- x", "the file must be a mapping"),
        ("default-docker: &a {x: *a}", "parsing "),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, said: str) -> None:
    folder = write(tmp_path / "d", bad=text)
    with pytest.raises(ConfigError) as caught:
        lookaside.load(folder)
    assert said in str(caught.value)
    assert f"{folder}/bad.yaml" in str(caught.value)


def test_a_scope_may_stand_in_one_file_only(tmp_path: Path) -> None:
    one = "docker:\n  a.io: {lookaside: 'file:///a'}\n"
    with pytest.raises(ConfigError, match=r'"docker" namespace "a.io" defined both in ".*a.yaml" and ".*b.yaml"'):
        lookaside.load(write(tmp_path / "d", a=one, b=one))
    two = "default-docker: {}\n"
    with pytest.raises(ConfigError, match='"default-docker" defined both in'):
        lookaside.load(write(tmp_path / "e", a=two, b=two))


def no_fetch(url: str) -> bytes | None:
    raise AssertionError(url)


def test_signatures_are_numbered_from_one(tmp_path: Path) -> None:
    base = f"file://{tmp_path}/store/ns/img"
    path = lookaside.local_path(lookaside.location(base, DIGEST))
    assert path == f"{tmp_path}/store/ns/img@sha256={'ab' * 32}"
    assert lookaside.read(base, DIGEST, no_fetch) == []
    assert lookaside.add(path, [b"one", b"two"]) == [f"{path}/signature-1", f"{path}/signature-2"]
    assert lookaside.add(path, [b"one", b"three"]) == [f"{path}/signature-3"]
    assert lookaside.read(base, DIGEST, no_fetch) == [b"one", b"two", b"three"]
    assert sorted(entry.name for entry in (tmp_path / "store/ns").glob("*/*")) == [
        "signature-1", "signature-2", "signature-3",
    ]  # fmt: skip


def test_signers_at_the_same_time_do_not_lose_signatures(tmp_path: Path) -> None:
    base = f"file://{tmp_path}/img"
    path = lookaside.local_path(lookaside.location(base, DIGEST))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: lookaside.add(path, [b"%d" % n]), range(24)))
    assert sorted(lookaside.read(base, DIGEST, no_fetch)) == sorted(b"%d" % n for n in range(24))


def test_sizes_and_numbers_are_limited(tmp_path: Path) -> None:
    base = f"file://{tmp_path}/img"
    path = lookaside.local_path(lookaside.location(base, DIGEST))
    lookaside.add(path, [b"x" * ((4 << 20) + 1)])
    with pytest.raises(PolypodError, match="has more than 4194304 bytes"):
        lookaside.read(base, DIGEST, no_fetch)
    endless = "http://example.invalid/img"
    for again in (b"again", b"x" * (4 << 20)):
        with pytest.raises(PolypodError, match="holds more than 128 signatures or 16777216 bytes"):
            lookaside.read(endless, DIGEST, lambda _url, again=again: again)
    with pytest.raises(PolypodError, match="128|delete some"):
        lookaside.add(path, [b"%d" % n for n in range(200)])


def test_only_files_can_be_written_and_no_digest_leaves_the_store() -> None:
    with pytest.raises(PolypodError, match="writing to https://h/x is not supported; use a file:// URL"):
        lookaside.local_path("https://h/x")
    with pytest.raises(PolypodError, match="invalid digest"):
        lookaside.location("file:///x", "sha256:../../etc/passwd")


@given(st.binary(), st.dictionaries(st.text(), st.text(), max_size=3), st.text())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_sigstore_blob_is_read_as_it_was_written(data: bytes, notes: dict[str, str], kind: str) -> None:
    try:
        str(notes).encode(), kind.encode()
    except UnicodeEncodeError:
        return
    signature = Signature(kind=SIGSTORE, data=data, media_type=kind, annotations=notes)
    assert from_blob(signature.blob()) == signature


# -- with a registry ------------------------------------------------------------------------------


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A static web server and its directory."""
    root = tmp_path / "web"
    root.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(root))

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", root
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_signatures_come_over_http_and_from_the_registry(
    tmp_path: Path,
    web: tuple[str, Path],
    registry: Registry,
    access: Access,
    registries: Registries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, root = web
    home = tmp_path / "home"
    (home / ".config/containers").mkdir(parents=True)
    text = f"docker:\n  {registry.host}:\n    lookaside: {url}/l\n    use-sigstore-attachments: true\n"
    write(home / ".config/containers/registries.d", mine=text)
    monkeypatch.setenv("HOME", str(home))
    reference = normalize_docker(f"{registry.host}/ns/img:1")
    folder = root / f"l/ns/img@{DIGEST.replace(':', '=')}"
    with client.open_destination(reference, access, registries) as repository:
        assert registry_signatures(repository, DIGEST) == []
        lookaside.add(str(folder), [b"first", b"second"])
        assert registry_signatures(repository, DIGEST) == [b"first", b"second"]
        one, two = (
            Signature(kind=SIGSTORE, data=payload, media_type=COSIGN_TYPE, annotations={"k": "v"})
            for payload in (b"payload 1", b"payload 2")
        )
        attachments.write(repository, DIGEST, [one])
        other = one.evolve(media_type="application/vnd.dsse.envelope.v1+json")
        attachments.write(repository, DIGEST, [one, other, two])
        assert attachments.read(repository, DIGEST) == [one, two]
        assert registry_signatures(repository, DIGEST) == [b"first", b"second", one.blob(), two.blob()]
        assert repository.tags() == [f"{DIGEST.replace(':', '-')}.sig"]
        (folder / "signature-1").write_bytes(b"x" * ((4 << 20) + 1))
        with pytest.raises(PolypodError, match="is longer than 4194304 bytes"):
            registry_signatures(repository, DIGEST)


def test_malformed_attachments_are_an_error(registry: Registry, access: Access, registries: Registries) -> None:
    import json

    from polypod.oci import manifest

    reference = normalize_docker(f"{registry.host}/bad/img:1")
    with client.open_destination(reference, access, registries) as repository:
        repository.upload(manifest.sha256(b"{}"), 2, [b"{}"])
        empty = {"mediaType": manifest.OCI_CONFIG, "digest": manifest.sha256(b"{}"), "size": 2}
        document = {
            "schemaVersion": 2,
            "mediaType": manifest.OCI_MANIFEST,
            "config": empty,
            "layers": [{**empty, "annotations": {"k": 1}}],
        }
        tag = attachments.tag(DIGEST)
        document["layers"] = [empty] * 200
        repository.put_manifest(tag, json.dumps(document).encode(), manifest.OCI_MANIFEST)
        with pytest.raises(PolypodError, match=r"is malformed or has more than 128 layers"):
            attachments.read(repository, DIGEST)
        document = {"schemaVersion": 2, "mediaType": manifest.OCI_INDEX, "manifests": []}
        repository.put_manifest(tag, json.dumps(document).encode(), manifest.OCI_INDEX)
        with pytest.raises(PolypodError, match="unexpected type"):
            attachments.read(repository, DIGEST)
