"""IDs and random names."""

from __future__ import annotations

import os

from ..errors import UsageError

# Our own words; the shape (adjective_noun) is the one that users know.
_ADJECTIVES = ["able", "agile", "amber", "ample", "apt", "bold", "brave", "breezy", "bright", "brisk", "calm", "candid", "clever", "cosmic", "crisp", "daring", "deft", "eager", "early", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "happy", "hardy", "honest", "humble", "jolly", "keen", "kind", "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild", "neat", "nimble", "noble", "patient", "plucky", "polite", "prime", "proud", "quick", "quiet", "rapid", "ready", "regal", "robust", "sharp", "shiny", "silent", "sincere", "sleek", "smart", "snug", "solid", "spry", "steady", "sturdy", "sunny", "swift", "tidy", "tranquil", "trusty", "upbeat", "valiant", "vivid", "warm", "wise", "witty", "zesty"]
_NOUNS = ["acorn", "anchor", "badger", "beacon", "birch", "bison", "breeze", "brook", "canyon", "cedar", "comet", "condor", "coral", "crane", "delta", "dolphin", "dune", "eagle", "ember", "falcon", "fern", "fjord", "forest", "gale", "gecko", "glacier", "grove", "harbor", "hawk", "heron", "hill", "ibex", "island", "jaguar", "juniper", "kestrel", "lagoon", "lake", "lantern", "lark", "lemur", "lichen", "lotus", "lynx", "maple", "marten", "meadow", "mesa", "meteor", "moose", "nebula", "oak", "ocean", "orca", "orchid", "osprey", "otter", "panda", "pebble", "pelican", "pine", "planet", "plover", "puffin", "quail", "raven", "reef", "ridge", "river", "robin", "sable", "salmon", "seal", "sparrow", "spruce", "summit", "swan", "tiger", "trail", "tulip", "walrus", "willow", "wren", "zephyr"]
_FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_REST = _FIRST + "_.-"


def new_id() -> str:
    """A new container ID: 64 hex digits."""
    return os.urandom(32).hex()


def random_name() -> str:
    """A name such as ``brave_otter``; it may be taken, so the caller retries."""
    number = int.from_bytes(os.urandom(4), "little")
    return f"{_ADJECTIVES[number % len(_ADJECTIVES)]}_{_NOUNS[(number >> 12) % len(_NOUNS)]}"


def check_name(name: str) -> None:
    """Raise ``UsageError`` for a name that podman's grammar does not allow."""
    if not name or name[0] not in _FIRST or any(c not in _REST for c in name) or len(name) > 250:
        raise UsageError(
            f'names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid name "{name}": invalid argument'
        )
