"""Which cases a command line means."""

from __future__ import annotations

from cases import ALL, Case
from cases_images import CASES, ImageCase

GROUPS = ("containers", "images")


def choose(only: str) -> tuple[tuple[Case, ...], tuple[ImageCase, ...]]:
    """The cases that a comma list of names and groups means, all when it is empty.

    Raises ``ValueError``.
    """
    names = {name for name in only.split(",") if name}
    known = [*GROUPS, *(case.name for case in (*ALL, *CASES))]
    unknown = sorted(names - set(known))
    if unknown:
        raise ValueError(f"no case named {', '.join(unknown)}; there are: {' '.join(known)}")
    if not names:
        return ALL, CASES
    return (
        tuple(case for case in ALL if "containers" in names or case.name in names),
        tuple(case for case in CASES if "images" in names or case.name in names),
    )
