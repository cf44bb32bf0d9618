"""Manifests in registries and lists in the store that are none: one line that says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from polypod.testing import registry_hostile as hostility
from polypod.testing.program import Program
from polypod.testing.registry import HostileRegistry

INSECURE = "--tls-verify=false"
INDEX = "application/vnd.oci.image.index.v1+json"
DIGEST = "sha256:" + "a" * 64
BROKEN = [
    b"no json", b"[]", b"5", b"[" * 200_000, b'{"manifests":5}',
    b'{"manifests":[{"digest":"%s","platform":"x"}]}' % DIGEST.encode(),
    b'{"manifests":[{"digest":"%s","size":1e999}]}' % DIGEST.encode(),
]  # fmt: skip


def one_line(text: str) -> None:
    assert text.startswith("Error: ") and "\n" not in text.strip(), text
    assert len(text) < 700


def test_what_registries_serve(cli: Program) -> None:
    cli("manifest", "create", "localhost/m")
    with HostileRegistry() as registry:
        for at, data in enumerate(BROKEN):
            registry.add_manifest(f"v{at}", data, INDEX)
            name = f"{registry.host}/a/b:v{at}"
            one_line(cli.fails(125, "manifest", "inspect", INSECURE, name))
            one_line(cli.fails(125, "manifest", "add", INSECURE, "localhost/m", f"docker://{name}"))
            one_line(cli.fails(125, "pull", "-q", INSECURE, name))
            if at < 4:
                one_line(cli.fails(
                    125, "manifest", "annotate", "--index", "--subject", f"docker://{name}",
                    INSECURE, "localhost/m",
                ))  # fmt: skip


def test_tokens_without_end_of_depth(cli: Program) -> None:
    with HostileRegistry() as registry:
        registry.add_image()
        hostility.TokenAuth(registry, "u", "p").install()
        registry.on("GET", "/token", hostility.content(b"[" * 200_000))
        one_line(cli.fails(125, "pull", "-q", INSECURE, "--creds", "u:p", f"{registry.host}/a/b"))


@pytest.mark.parametrize("data", [b"no json", b"[]", b'{"manifests":5}'])
def test_a_damaged_list_is_called_so(cli: Program, data: bytes) -> None:
    made = cli("manifest", "create", "localhost/m").strip()
    [kept] = Path(cli.folder).rglob(f"{made}/manifest")
    kept.write_bytes(data)
    told = cli.fails(125, "manifest", "add", "localhost/m", DIGEST)
    assert f"localhost/m:latest: the manifest of {made} is damaged: " in told
    assert "damaged" in cli.fails(125, "manifest", "inspect", "localhost/m")
    cli("rmi", "localhost/m")
