"""What comes from servers and files: understood where it is well formed, harmless where not."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polypod.errors import RegistryError
from polypod.registry import challenge, faults
from polypod.registry.access import Access, duration_text
from polypod.registry.auth import decode
from polypod.registry.proxies import proxy_for
from polypod.registry.transport import resolve

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        ("Basic", [("basic", {})]),
        (
            'Bearer realm="https://a.io/token",service="a.io",scope="repository:x:pull,push"',
            [("bearer", {"realm": "https://a.io/token", "service": "a.io", "scope": "repository:x:pull,push"})],
        ),
        (
            'Negotiate, Bearer Realm = "a" , x=y, Basic realm="q\\"uo\\\\te"',
            [("negotiate", {}), ("bearer", {"realm": "a", "x": "y"}), ("basic", {"realm": 'q"uo\\te'})],
        ),
        ('realm="x"', [("realm", {})]),
        ('Bearer realm="open', [("bearer", {"realm": "open"})]),
        ("", []),
        ("=", []),
    ],
)  # fmt: skip
def test_challenges(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    found = [(entry.scheme, entry.parameters) for entry in challenge.parse([header])]
    assert found == expected


@PATIENT
@given(st.lists(st.text(alphabet=' \t,="\\abB\x00é', max_size=40), max_size=3))
def test_any_challenge_is_read_to_its_end(headers: list[str]) -> None:
    for entry in challenge.parse(headers):
        assert entry.scheme == entry.scheme.lower() != ""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}', "manifest unknown"),
        (b'{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}', "authentication required"),
        (b'{"errors": [{"code": "DENIED", "message": "no\\nway"}, {"code": "X"}]}', "denied: no way"),
        (b'{"errors": [{"code": "TOOMANYREQUESTS"}]}', "toomanyrequests"),
        (b'{"errors": [5]}', ""),
        (b'{"errors": []}', ""),
        (b'{"details": "incorrect username or password"}', "incorrect username or password"),
        (b"<html>", ""),
        (b"[]", ""),
    ],
)
def test_messages_of_registries(body: bytes, message: str) -> None:
    assert faults.message(body) == message


@PATIENT
@given(st.binary(max_size=60))
def test_any_body_gives_one_line(body: bytes) -> None:
    assert "\n" not in faults.message(body)


@PATIENT
@given(st.dictionaries(st.sampled_from(["auth", "identitytoken", "username", "password"]), st.text(max_size=20)))
def test_any_entry_is_read_or_refused(entry: dict[str, str]) -> None:
    try:
        found = decode(entry, "file", "r.io")
    except RegistryError:
        return
    assert found is None or found.username or found.identity_token


@PATIENT
@given(st.text(max_size=60))
def test_any_location_is_a_url_or_refused(location: str) -> None:
    try:
        target = resolve("https://r.io/v2/a/blobs/uploads/", location, "r.io")
    except RegistryError:
        return
    assert target.startswith(("https://", "http://"))


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v2/x", "https://r.io:5000/v2/x"),
        ("x?y=z", "https://r.io:5000/v2/x?y=z"),
        ("https://s.io/x", "https://s.io/x"),
        ("http://r.io/v2/x", "https://r.io/v2/x"),  # a proxy that ends TLS and does not say so
        ("http://r.io:5000/v2/x", "https://r.io:5000/v2/x"),
        ("http://r.io:80/v2/x", "http://r.io:80/v2/x"),
        ("//s.io/x", "https://s.io/x"),
    ],
)
def test_locations(location: str, target: str) -> None:
    assert resolve("https://r.io:5000/v2/y", location, "r.io") == target


@PATIENT
@given(st.text(alphabet="ab.*:/[]0123456789, ", max_size=30), st.sampled_from(["a.b", "10.0.0.1", "[a::b]"]))
def test_any_no_proxy(listed: str, host: str) -> None:
    assert proxy_for("http", host, 80, {"HTTP_PROXY": "p", "NO_PROXY": listed}) in ("", "http://p")


def test_pauses() -> None:
    assert [Access().delay(attempt) for attempt in (1, 2, 3, 4, 20)] == [1, 2, 4, 8, 60]
    assert Access().delay(1, asked=7.5) == 7.5
    assert Access().delay(1, asked=9999) == 60
    assert Access(retry_delay=5).delay(3) == 5
    assert [duration_text(value) for value in (5, 0.5, 1.5, 90, 0)] == ["5s", "500ms", "1.5s", "1m30s", "0s"]
