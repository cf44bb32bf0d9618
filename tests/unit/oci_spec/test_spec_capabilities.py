"""Which capabilities a process gets."""

from __future__ import annotations

import pytest
from polypod.errors import UsageError
from polypod.oci.capabilities import NAMES, merge, names_of, normalize, process_sets

BASE = ("CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW")
BOUNDING = tuple(sorted(NAMES))


def sets(**changes):
    given = {
        "base": BASE,
        "add": (),
        "drop": (),
        "bounding": BOUNDING,
        "privileged": False,
        "root": True,
    }
    return process_sets(**{**given, **changes})


def test_names_follow_the_kernels_numbers():
    assert names_of(1 << 24 | 1) == ["CAP_CHOWN", "CAP_SYS_RESOURCE"]
    assert len(NAMES) == 41


def test_normalize_takes_any_spelling():
    assert normalize(["kill", "CAP_chown", "all"]) == ["ALL", "CAP_CHOWN", "CAP_KILL"]


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match='"CAP_FOO": unknown capability'):
        normalize(["foo"])


@pytest.mark.parametrize(
    ("add", "drop", "expected"),
    [
        ((), (), list(BASE)),
        (("bpf",), ("kill",), ["CAP_BPF", "CAP_CHOWN", "CAP_NET_RAW"]),
        (("chown",), ("all",), ["CAP_CHOWN"]),
        ((), ("all",), []),
        (("all",), ("kill",), sorted(set(BOUNDING) - {"CAP_KILL"})),
    ],
)
def test_merge(add, drop, expected):
    assert merge(BASE, add, drop, BOUNDING) == expected


@pytest.mark.parametrize(
    ("add", "drop", "message"),
    [
        (("all",), ("all",), "adding all caps and removing all caps not allowed"),
        (("kill",), ("kill",), 'capability "CAP_KILL" cannot be dropped and added'),
    ],
)
def test_contradictions(add, drop, message):
    with pytest.raises(UsageError, match=message):
        merge(BASE, add, drop, BOUNDING)


def test_root_holds_the_bounding_set_and_no_ambient_ones():
    result = sets()
    assert result["bounding"] == result["effective"] == result["permitted"] == list(BASE)
    assert result["ambient"] == result["inheritable"] == []


def test_other_users_hold_only_what_was_added():
    result = sets(root=False, add=("net_admin",))
    assert result["bounding"] == ["CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN", "CAP_NET_RAW"]
    for key in ("effective", "permitted", "ambient", "inheritable"):
        assert result[key] == ["CAP_NET_ADMIN"]


def test_nothing_is_given_that_the_engine_lacks():
    bounding = ("CAP_CHOWN", "CAP_KILL")
    assert sets(bounding=bounding, add=("sys_admin",))["effective"] == list(bounding)
    assert sets(bounding=bounding, privileged=True)["effective"] == list(bounding)


def test_an_image_can_ask_for_less_but_not_for_more():
    assert sets(required=("CHOWN",))["bounding"] == ["CAP_CHOWN"]
    assert sets(required=("",))["bounding"] == []
    assert sets(required=("CHOWN", "SYS_ADMIN"))["bounding"] == list(BASE)
