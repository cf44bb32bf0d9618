"""Registries that lie, break off, run in circles or never end: a clear error, or a second try."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from polypod.errors import RegistryDenied, RegistryError, RegistryNotFound
from polypod.oci.reference import parse
from polypod.registry.client import open_destination
from polypod.registry.conf import Registries
from polypod.registry.listing import catalog
from polypod.registry.transport import number_of
from polypod.testing import registry_hostile as hostility
from polypod.testing.registry_hostile import HostileRegistry, sha256

if TYPE_CHECKING:

    from polypod.registry.access import Access
    from polypod.registry.repository import Repository

DATA = os.urandom(300_000)
DIGEST = sha256(DATA)


@pytest.fixture
def repository(repository: Repository, hostile: HostileRegistry) -> Repository:
    """With one further blob."""
    hostile.add_blob(DATA)
    return repository


def read_all(repository: Repository, size: int = -1, piece: int = 70_000) -> bytes:
    with repository.open_blob(DIGEST, size) as reader:
        return b"".join(iter(lambda: reader.read(piece), b""))


# Blobs


@pytest.mark.parametrize("size", [-1, len(DATA)])
@pytest.mark.parametrize("piece", [1000, 1 << 20])
def test_a_broken_download_is_continued(
    hostile: HostileRegistry, repository: Repository, size: int, piece: int
) -> None:
    hostile.on("GET", "/blobs/", hostility.truncate(100_000), times=2)
    assert read_all(repository, size, piece) == DATA
    ranges = [headers.get("Range") for verb, path, headers in hostile.requests if "/blobs/" in path]
    assert ranges == [None, "bytes=100000-", "bytes=200000-"]


def test_a_broken_download_without_ranges(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", hostility.no_ranges)
    hostile.on("GET", "/blobs/", hostility.truncate(100_000), times=1)
    assert read_all(repository) == DATA


def test_tries_count_from_the_last_success(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", hostility.truncate(66_000))
    assert read_all(repository, piece=10_000) == DATA  # 4 drops, but each try brought something


def test_a_byte_is_no_success(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", hostility.truncate(1))
    with pytest.raises(RegistryError, match="at byte 4$"):
        read_all(repository, piece=1)


def test_tries_end(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", hostility.truncate(0))
    with pytest.raises(RegistryError, match=f"reading blob {DIGEST} from .*: .* at byte 0"):
        read_all(repository)
    assert len(hostile.paths("GET")) == 1 + 4  # the ping, a try and three more


def test_wrong_content(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.add_blob(b"x" * len(DATA), DIGEST)
    with pytest.raises(RegistryError, match="its content has the digest sha256:"):
        read_all(repository, len(DATA))
    with pytest.raises(RegistryError, match="its content has the digest sha256:"):
        repository.blob(DIGEST, 1 << 20)


def test_wrong_length(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.add_blob(DATA + b"more", DIGEST)
    with pytest.raises(RegistryError, match="it has 300004 bytes where 300000 are expected"):
        read_all(repository, len(DATA))
    hostile.add_blob(DATA[:-1], DIGEST)
    with pytest.raises(RegistryError, match="it has 299999 bytes where 300000 are expected"):
        read_all(repository, len(DATA))


def test_another_range_than_asked_for(hostile: HostileRegistry, repository: Repository) -> None:
    def wrong(request: hostility.Request) -> None:
        request.answer(206, DATA[5:], {"Content-Range": f"bytes 5-{len(DATA) - 1}/{len(DATA)}"})

    hostile.on("GET", "/blobs/", wrong)
    hostile.on("GET", "/blobs/", hostility.truncate(1000), times=1)
    with pytest.raises(RegistryError, match="sent another range than it was asked for"):
        read_all(repository)


@pytest.mark.parametrize("length", [None, len(DATA)])
def test_an_endless_blob_stops_at_its_size(
    hostile: HostileRegistry, repository: Repository, length: int | None
) -> None:
    hostile.on("GET", "/blobs/", hostility.endless(length=length))
    with repository.open_blob(DIGEST, len(DATA)) as reader:
        got = 0
        with pytest.raises(RegistryError, match="has the digest"):
            while data := reader.read(65536):
                got += len(data)
    assert got == len(DATA)


def test_an_endless_small_blob_stops_at_the_limit(
    hostile: HostileRegistry, repository: Repository
) -> None:
    hostile.on("GET", "/blobs/", hostility.endless())
    with pytest.raises(RegistryError, match="longer than 1000 bytes"):
        repository.blob(DIGEST, 1000)
    hostile.on("GET", "/blobs/", hostility.endless(length=1 << 50))
    with pytest.raises(RegistryError, match="longer than 1000 bytes"):
        repository.blob(DIGEST, 1000)


def test_a_stalled_download(hostile: HostileRegistry, access: Access, registries: Registries) -> None:
    hostile.add_blob(DATA)
    name = parse(f"{hostile.host}/a/b:1")
    repository = open_destination(name, access.evolve(timeout=0.3), registries)
    hostile.on("GET", "/blobs/", hostility.stall(100_000), times=1)
    assert read_all(repository, piece=50_000) == DATA
    hostile.on("GET", "/blobs/", hostility.stall(0))
    with pytest.raises(RegistryError, match="the server stopped answering at byte 0"):
        read_all(repository)


def test_many_threads_share_a_repository(hostile: HostileRegistry, repository: Repository) -> None:
    blobs = [os.urandom(200_000) for _ in range(12)]
    for blob in blobs:
        hostile.add_blob(blob)
    found: dict[str, bytes] = {}

    def fetch(digest: str) -> None:
        found[digest] = repository.blob(digest, 1 << 20)

    threads = [threading.Thread(target=fetch, args=(sha256(blob),)) for blob in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {sha256(blob): blob for blob in blobs}
    assert hostile.paths().count("/v2/") == 1


# Redirects


def test_redirects_end(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", hostility.redirect_loop)
    with pytest.raises(RegistryError, match="stopped after 10 redirects"):
        read_all(repository)
    hostile.on("GET", "/blobs/", hostility.redirect("{path}"))
    with pytest.raises(RegistryError, match="the server redirects in a loop"):
        read_all(repository)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "http://[::1", "gopher:x"])
def test_redirects_to_no_place(hostile: HostileRegistry, repository: Repository, target: str) -> None:
    hostile.on("GET", "/blobs/", hostility.redirect(target))
    with pytest.raises(RegistryError, match="sent an invalid location"):
        read_all(repository)


def test_credentials_stay_with_the_registry(
    hostile: HostileRegistry, access: Access, registries: Registries
) -> None:
    with HostileRegistry() as storage:
        storage.add_blob(DATA)
        hostile.on("", "/v2/", hostility.basic_auth("me", "secret"))
        there = hostility.redirect(f"{storage.url}/v2/x/blobs/{DIGEST}")
        hostile.on("GET", "/blobs/", hostility.basic_auth("me", "secret", there))
        name = parse(f"{hostile.host}/a/b:1")
        repository = open_destination(name, access.evolve(creds="me:secret"), registries)
        assert read_all(repository) == DATA
        assert [path for _, path, _ in storage.requests] == [f"/v2/x/blobs/{DIGEST}"]
        assert "Authorization" not in storage.requests[0][2]
    assert "Authorization" in hostile.requests[-1][2]


# Trouble that passes


@pytest.mark.parametrize(
    "trouble",
    [
        hostility.status(500),
        hostility.status(503, "UNAVAILABLE"),
        hostility.status(429, "TOOMANYREQUESTS", Retry_After="0"),
        hostility.drop,
    ],
)
def test_trouble_that_passes(
    hostile: HostileRegistry, repository: Repository, trouble: hostility.Behaviour
) -> None:
    hostile.on("GET", "^/v2/$", trouble, times=2)
    hostile.on("GET", "/blobs/", trouble, times=3)
    hostile.on("", "/manifests/", trouble, times=3)
    assert read_all(repository) == DATA
    assert repository.manifest().data == hostile.manifests["latest"][0]


def test_trouble_that_stays(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/manifests/", hostility.status(500, "UNKNOWN", "disk full"))
    with pytest.raises(RegistryError, match=r"^reading manifest latest in .*/a/b: unknown: disk full$"):
        repository.manifest()
    assert len([path for path in hostile.paths() if "/manifests/" in path]) == 4


def test_a_server_that_is_no_registry(hostile: HostileRegistry, repository: Repository) -> None:
    page = b"<html>\n<title>Nothing here</title>\n" + b"x" * 100_000

    def answer(request: hostility.Request) -> None:
        request.answer(404, page)

    hostile.on("GET", "/manifests/", answer)
    with pytest.raises(RegistryNotFound, match=r'StatusCode: 404, "<html> <title>Nothing here</title> x+\.\.\."$'):
        repository.manifest()
    hostile.on("GET", "/v2/$", answer)
    fresh = open_destination(repository.endpoint.reference, repository.host.access, Registries())
    with pytest.raises(RegistryError, match="pinging container registry .*: StatusCode: 404") as caught:
        fresh.manifest()
    assert not isinstance(caught.value, RegistryNotFound)


def test_what_the_server_asks_for_is_waited(
    hostile: HostileRegistry, repository: Repository
) -> None:
    hostile.on("GET", "/manifests/", hostility.status(429, "TOOMANYREQUESTS", Retry_After="1"), times=1)
    started = time.monotonic()
    repository.manifest()
    assert time.monotonic() - started >= 1


def test_no_second_try_where_none_can_help(
    hostile: HostileRegistry, repository: Repository
) -> None:
    hostile.on("GET", "/manifests/", hostility.status(403, "DENIED"))
    with pytest.raises(RegistryDenied, match=": denied$"):
        repository.manifest()
    assert len([path for path in hostile.paths() if "/manifests/" in path]) == 1


# Manifests and lists


def test_a_manifest_that_is_another(hostile: HostileRegistry, repository: Repository) -> None:
    digest = sha256(hostile.manifests["latest"][0])
    hostile.on("GET", "/manifests/", hostility.content(b'{"schemaVersion": 2}'))
    with pytest.raises(RegistryError, match=f"but should have {digest}"):
        repository.manifest(digest)
    assert repository.manifest("latest").digest == sha256(b'{"schemaVersion": 2}')


def test_a_manifest_that_is_not_what_its_header_says(
    hostile: HostileRegistry, repository: Repository
) -> None:
    hostile.on("GET", "/manifests/", hostility.content(b"{}", Docker_Content_Digest=DIGEST))
    with pytest.raises(RegistryError, match=f"but should have {DIGEST}"):
        repository.manifest()


@pytest.mark.parametrize(
    "body", [hostility.content(b"x" * (4 << 20) + b"x"), hostility.endless()], ids=["long", "endless"]
)
def test_a_manifest_without_end(
    hostile: HostileRegistry, repository: Repository, body: hostility.Behaviour
) -> None:
    hostile.on("GET", "/manifests/", body)
    with pytest.raises(RegistryError, match="the answer is longer than 4194304 bytes"):
        repository.manifest()


def test_an_answer_that_trickles(
    hostile: HostileRegistry, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("polypod.registry.transport.PATIENCE", 0.2)

    def trickle(request: hostility.Request) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        while not request.registry.stopping.wait(0.01):
            request.wfile.write(b" ")

    hostile.on("GET", "/manifests/", trickle)
    with pytest.raises(RegistryError, match="the answer takes more than 0.2 seconds"):
        repository.manifest()


def test_tags_in_pages(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/tags/list.*n=2", hostility.content(b'{"tags": ["c"]}'))
    link = '</v2/a/b/tags/list?last=b&n=2>; rel="next"'
    hostile.on("GET", "/tags/list.*n=1000", hostility.content(b'{"tags": ["a", "b"]}', Link=link))
    assert repository.tags() == ["a", "b", "c"]
    hostile.on("GET", "/tags/list", hostility.content(b'{"tags": null}'))
    assert repository.tags() == []


def test_tags_without_end(hostile: HostileRegistry, repository: Repository) -> None:
    link = '</v2/a/b/tags/list?last=b>; rel="next"'
    hostile.on("GET", "/tags/list", hostility.content(b'{"tags": ["a"]}', Link=link))
    with pytest.raises(RegistryError, match="the registry's list has no end"):
        repository.tags()


@pytest.mark.parametrize("body", [b"", b"no", b"[]", b"null", b'"x"'])
def test_answers_that_are_no_json(
    hostile: HostileRegistry, repository: Repository, body: bytes
) -> None:
    hostile.on("GET", "/tags/list", hostility.content(body))
    with pytest.raises(RegistryError, match="the answer is not a JSON object"):
        repository.tags()


def test_referrers(hostile: HostileRegistry, repository: Repository) -> None:
    body = b'{"manifests": [{"digest": "d1", "artifactType": "t"}, {"digest": "d2"}, 5]}'
    hostile.on("GET", f"/referrers/{DIGEST}", hostility.content(body))
    assert [entry["digest"] for entry in repository.referrers(DIGEST)] == ["d1", "d2"]
    assert [entry["digest"] for entry in repository.referrers(DIGEST, "t")] == ["d1"]


def test_referrers_by_tag(hostile: HostileRegistry, repository: Repository) -> None:
    body = b'{"schemaVersion": 2, "manifests": [{"digest": "d1"}]}'
    hostile.add_manifest(DIGEST.replace(":", "-"), body)
    assert [entry["digest"] for entry in repository.referrers(DIGEST)] == ["d1"]


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_the_content_is_right_or_refused(
    hostile: HostileRegistry, repository: Repository, seed: int
) -> None:
    import random

    chance = random.Random(seed)
    troubles = [
        hostility.drop,
        hostility.status(503),
        hostility.no_ranges,
        hostility.truncate(chance.randrange(len(DATA))),
        hostility.truncate(chance.randrange(1000)),
        hostility.endless(length=len(DATA)),
        hostility.endless(),
        hostility.content(DATA[:-1]),
        hostility.content(b""),
        hostility.redirect(hostile.url + "{path}"),
        hostility.ordinary,
    ]
    for _ in range(chance.randrange(1, 7)):
        hostile.on("GET", "/blobs/", chance.choice(troubles), times=1)
    try:
        found = read_all(repository, chance.choice([-1, len(DATA)]), chance.choice([1000, 70_000, 1 << 20]))
    except RegistryError as error:
        assert str(error).startswith(f"reading blob {DIGEST} from {repository.name}: ")
    else:
        assert found == DATA


def test_another_server_does_not_say_where_credentials_go(
    hostile: HostileRegistry, access: Access, registries: Registries
) -> None:
    """A foreign layer's server asks for a token of its own: the registry's password stays at home."""
    hostile.on("", "", hostility.basic_auth("user", "secret"))
    digest = hostile.add_blob(DATA)
    with HostileRegistry() as thief:
        realm = f'Bearer realm="http://{thief.host}/token"'
        thief.on("", "", hostility.status(401, "UNAUTHORIZED", WWW_Authenticate=realm))
        reference = parse(f"{hostile.host}/a/b:latest")
        with_password = access.evolve(creds="user:secret")
        with open_destination(reference, with_password, registries) as repository:
            assert repository.request("GET", f"http://{thief.host}/layer").status == 401
            assert repository.has_blob(digest) == len(DATA)
        assert thief.paths() == ["/layer"]
        assert not any("Authorization" in headers for _, _, headers in thief.requests)


@pytest.mark.parametrize("text", ["\xb2", "9" * 5000, "-1", "", "1_0", "+1"])
def test_counts_that_are_none(text: str) -> None:
    assert number_of(text) == -1
    assert number_of("10") == 10


def ranges_of(limit: int, total: str = "{}") -> hostility.Behaviour:
    """At most ``limit`` bytes of the range that is asked for, as RFC 9110 lets a server do."""

    def behave(request: hostility.Request) -> None:
        start = int(request.headers.get("Range", "bytes=0-")[6:-1])
        if start == 0:
            return hostility.truncate(limit)(request)
        part = DATA[start : start + limit]
        stated = f"bytes {start}-{start + len(part) - 1}/{total.format(len(DATA))}"
        return request.answer(206, part, {"Content-Range": stated})

    return behave


@pytest.mark.parametrize("total", ["{}", "*"])
def test_shorter_ranges_than_asked_for(
    hostile: HostileRegistry, repository: Repository, total: str
) -> None:
    hostile.on("GET", "/blobs/", ranges_of(70_000, total))
    assert read_all(repository, len(DATA)) == DATA
    assert len([path for path in hostile.paths("GET") if "/blobs/" in path]) == 5


def test_a_range_of_a_blob_of_another_size(hostile: HostileRegistry, repository: Repository) -> None:
    hostile.on("GET", "/blobs/", ranges_of(70_000, "300007"))
    with pytest.raises(RegistryError, match="it has 300007 bytes where 300000 are expected"):
        read_all(repository, len(DATA))


@pytest.mark.parametrize("value", [b"5", b"true", b'"x"', b'{"a": 1}'])
def test_lists_that_are_none(hostile: HostileRegistry, repository: Repository, value: bytes) -> None:
    hostile.on("GET", "/tags/list", hostility.content(b'{"tags": %s}' % value))
    with pytest.raises(RegistryError, match='the answer\'s "tags" are no list'):
        repository.tags()
    hostile.on("GET", "/_catalog", hostility.content(b'{"repositories": %s}' % value))
    with pytest.raises(RegistryError, match='the answer\'s "repositories" are no list'):
        list(catalog(repository.host.request, "listing repositories"))
    hostile.on("GET", "/referrers/", hostility.content(b'{"manifests": %s}' % value))
    with pytest.raises(RegistryError, match='the answer\'s "manifests" are no list'):
        repository.referrers(DIGEST)
