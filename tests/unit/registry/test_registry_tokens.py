"""Token services that expire, refuse or lie; credentials go nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from polypod.errors import RegistryDenied, RegistryError
from polypod.oci.reference import parse
from polypod.registry.client import open_destination, open_source
from polypod.registry.conf import Registries
from polypod.testing import registry_hostile as hostility
from polypod.testing.registry_hostile import HostileRegistry, TokenAuth, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from polypod.registry.access import Access
    from polypod.registry.repository import Repository


DATA = b"what the token opens"
DIGEST = sha256(DATA)


@pytest.fixture
def tokens(hostile: HostileRegistry, repository: Repository) -> TokenAuth:
    hostile.add_blob(DATA)
    return TokenAuth(hostile, "me", "secret").install()


def test_a_token_is_fetched_once(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries
) -> None:
    name = parse(f"{hostile.host}/a/b:latest")
    with open_source(name, access.evolve(creds="me:secret"), registries) as repository:
        assert repository.blob(DIGEST, len(DATA)) == DATA
        assert tokens.grants == [("me", "secret", ["repository:a/b:pull"], "test")]
        tokens.revoke()
        assert repository.blob(DIGEST, len(DATA)) == DATA
        assert len(tokens.grants) == 2


def test_a_token_that_expires(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries
) -> None:
    tokens.expires_in = 1  # which counts as a minute, as clients have always taken it
    name = parse(f"{hostile.host}/a/b:latest")
    with open_source(name, access.evolve(creds="me:secret"), registries) as repository:
        repository.blob(DIGEST, len(DATA))
    assert len(tokens.grants) == 1


def test_an_identity_token(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries, tmp_path: Path
) -> None:
    tokens.refresh = "refresh-me"
    authfile = tmp_path / "auth.json"
    entry = {"auth": "PHRva2VuPjo=", "identitytoken": "refresh-me"}
    authfile.write_text(json.dumps({"auths": {hostile.host: entry}}))
    name = parse(f"{hostile.host}/a/b:latest")
    with open_source(name, access.evolve(authfile=str(authfile)), registries) as repository:
        assert repository.blob(DIGEST, len(DATA)) == DATA
    assert tokens.grants == [("", "refresh-me", ["repository:a/b:pull"], "test")]


def test_wrong_credentials(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries
) -> None:
    name = parse(f"{hostile.host}/a/b:latest")
    with pytest.raises(RegistryDenied, match="unable to retrieve auth token: invalid username/password"):
        open_source(name, access.evolve(creds="me:wrong"), registries)
    with pytest.raises(RegistryDenied, match="authentication required"):
        open_source(name, access, registries)


def test_a_scope_that_is_not_granted(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries
) -> None:
    tokens.allow = lambda scope: False
    name = parse(f"{hostile.host}/a/b:latest")
    with pytest.raises(RegistryDenied, match="reading manifest latest in .*: authentication required"):
        open_source(name, access.evolve(creds="me:secret"), registries)


def test_mount_asks_for_both_scopes(
    hostile: HostileRegistry, tokens: TokenAuth, access: Access, registries: Registries
) -> None:
    name = parse(f"{hostile.host}/a/b:latest")
    repository = open_destination(name, access.evolve(creds="me:secret"), registries)
    assert not repository.mount_blob(DIGEST, "c/d")
    assert tokens.grants[0][2] == ["repository:a/b:pull,push", "repository:c/d:pull"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (hostility.content(b"{}"), "the answer has no token"),
        (hostility.content(b'{"token": "a\\nb: c"}'), "the answer has no token"),
        (hostility.content(b"hello"), "the answer is not a JSON object"),
        (hostility.endless(), "the answer is longer than 1048576 bytes"),
        (hostility.status(418), "418"),
    ],
)
def test_token_services_that_lie(
    hostile: HostileRegistry,
    tokens: TokenAuth,
    access: Access,
    registries: Registries,
    answer: hostility.Behaviour,
    message: str,
) -> None:
    hostile.on("", "^/token", answer)
    with pytest.raises(RegistryError, match=f"unable to retrieve auth token: .*{message}"):
        open_source(parse(f"{hostile.host}/a/b:latest"), access, registries)


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "", "http://"])
def test_a_token_service_that_is_none(
    hostile: HostileRegistry, access: Access, registries: Registries, realm: str
) -> None:
    hostile.add_image()
    challenge = f'Bearer realm="{realm}"'
    hostile.on("", "/v2/", hostility.status(401, "UNAUTHORIZED", WWW_Authenticate=challenge))
    with pytest.raises(RegistryError):
        open_source(parse(f"{hostile.host}/a/b:latest"), access, registries)
