"""Sizes, durations and times as go-units and Go's time package have them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polypod.cli import units


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "Less than a second"),
        (1.9, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (119, "About a minute"),
        (120, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5399, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (48 * 3600, "2 days"),
        (14 * 86400, "2 weeks"),
        (60 * 86400, "2 months"),
        (729 * 86400, "24 months"),
        (730 * 86400, "2 years"),
    ],
)
def test_human_duration(seconds: float, words: str) -> None:
    assert units.human_duration(seconds) == words


def test_sizes() -> None:
    assert units.human_size(0) == "0B"
    assert units.human_size(999) == "999B"
    assert units.human_size(4211000, 3) == "4.21MB"
    assert units.human_size(4211000, 3, space=True) == "4.21 MB"
    assert units.human_size(1000, 4) == "1kB"
    assert units.human_size(999_999, 3) == "1e+03kB"  # as Go's %.3g has it
    assert units.bytes_size(1536) == "1.5KiB"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10", 10),
        ("10b", 10),
        ("512m", 512 << 20),
        ("1g", 1 << 30),
        ("1.5GiB", 3 << 29),
        ("1 k", 1024),
        ("2TB", 2 << 40),
        (".5k", 512),
        ("-1", -1),
    ],
)
def test_parse_size(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1x", "1bb", "1kk", "-2", "1mib2x", "k1", "1_0", "１"])
def test_bad_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid|parsing"):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("-2s", -2), ("1h2m3.5s", 3723.5)],
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'time: invalid duration ""'),
        ("x", 'time: invalid duration "x"'),
        ("3", 'time: missing unit in duration "3"'),
        ("3x", 'time: unknown unit "x" in duration "3x"'),
        (".s", 'time: invalid duration ".s"'),
    ],
)
def test_bad_durations(text: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared
        units.parse_duration(text)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (1.5, "1.5s"), (3600, "1h0m0s"), (0.25, "250ms"), (1e-6, "1µs")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(-(2**62), 2**62))
def test_durations_round_trip(nano: int) -> None:
    assert units.parse_duration_ns(units.format_duration_ns(nano)) == nano


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01T10:00:00Z",
        "2024-05-01T10:00:00.000000000Z",
        "2024-05-01T12:00:00+02:00",
        "1714557600",
        "1714557600.0",
    ],
)
def test_points_in_time(text: str) -> None:
    assert units.parse_time(text) == 1714557600


def test_local_and_relative_times() -> None:
    midnight = time.mktime((2024, 5, 1, 0, 0, 0, 0, 0, -1))
    assert units.parse_time("2024-05-01") == midnight
    assert units.parse_time("2024-05-01T00:00") == midnight
    assert units.parse_time("2024-05-01Z") == 1714521600
    assert units.parse_time("10m", now=1000) == 400
    with pytest.raises(ValueError, match="failed to parse"):
        units.parse_time("yesterday")


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999_999))
def test_rfc3339_round_trip(seconds: int, nano: int) -> None:
    stamp = units.format_rfc3339(seconds, nano, utc=True)
    assert abs(units.parse_time(stamp) - seconds - nano / 1e9) < 1e-5
