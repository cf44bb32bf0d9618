"""The part of the page about images."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cases_images import CASES, ImageCase
from measure import Sample, Summary, summarize

if TYPE_CHECKING:
    from images import ImageBench
    from report import Conditions

Samples = Mapping[tuple[str, str], Sequence[Sample]]

MARK = "\n## Images\n"

MEMORY = 120  # MB, that no pull may exceed

_INTRO = """
## Images

Written by `{command}`, {date}; skopeo {skopeo}, docker-registry {registry}.

polypod, podman and skopeo in turn on the same archives and the same registry (Debian's docker-registry on loopback,
its blobs on a tmpfs), each with stores of its own; skopeo pushes and saves from podman's. The {megabytes} MB image
has 6 layers of files as a distribution has them, {ratio} to 1 with gzip; what is pulled was
compressed by zlib and zstd themselves at levels 6 and 3. Times are medians in milliseconds as above, ratios
are polypod's median by the peer's; the target is the one beside podman. Before a `push` the registry forgets the repository;
the store with {images} images is one and the same for both engines, copied.
"""

_STAGES = {
    "network": "network: the gzip blobs from the registry, thrown away",
    "hash": "hash: SHA-256 of the blobs and of the plain archives",
    "inflate": "inflate: the gzip blobs through isal",
    "inflate-zstd": "inflate: the zstd blobs",
    "write": "write: GNU tar extracts the plain archives",
    "sync": "sync: `sync -f` after that",
    "limit": "inflate and hash in one thread, gzip",
    "limit-zstd": "inflate and hash in one thread, zstd",
    "dd": "`dd conv=fsync` of the plain archive",
}


def page(bench: ImageBench, made: Conditions) -> str:
    """The section, from its heading on."""
    samples, words = bench.samples, bench.words
    facts = {**words, **made.versions, "command": made.command, "ratio": f"{bench.compressed:.1f}"}
    facts["date"] = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"
    lines = [
        _INTRO.format_map(facts),
        f"### On a tmpfs, {bench.rounds} rounds\n",
        *table(samples, words, ""),
        "\n### CPU time and memory\n",
        "CPU milliseconds of all processes of a command but the registry's, and the most memory (PSS) that",
        "they had together.\n",
        *costs(samples, bench.peaks, words, ""),
    ]
    if any(name.startswith("disk") for name, _ in samples):
        lines += [
            f"\n### On a disk ({bench.disk_name})\n",
            "Writing is bound in this host's kernel: the CPU time says more than the wall time. polypod waits for",
            "the disk before an image counts as complete (`syncfs`); podman 4.3 and skopeo 1.9 do not.\n",
            *table(samples, words, "disk"),
            "",
            *costs(samples, {}, words, "disk"),
        ]
    lines += ["\n### Where the time of a pull goes\n", *floors(samples), *_memory(bench.peaks)]
    lines += [f"- {engine} failed in {name}: {why}" for (name, engine), why in bench.failures.items()]
    return "\n".join(lines)


def _get(samples: Samples, case: str, engine: str) -> Summary | None:
    found = samples.get((case, engine))
    return summarize(found) if found else None


def _ms(summary: Summary | None) -> str:
    if summary is None:
        return "-"
    digits = 0 if summary.median >= 100 else 1
    return f"{summary.median:.{digits}f} ({summary.p10:.{digits}f}-{summary.p90:.{digits}f})"


def _ratio(ours: Summary | None, theirs: Summary | None) -> str:
    return "-" if ours is None or theirs is None else f"{ours.median / theirs.median:.2f}"


def verdict(case: ImageCase, ours: Summary | None, podman: Summary | None) -> str:
    """Is the target reached."""
    if case.target is None or ours is None or podman is None:
        return "-"
    return "yes" if ours.median / podman.median <= case.target else "**no**"


def table(samples: Samples, words: Mapping[str, str], mark: str) -> list[str]:
    """One row a case."""
    rows = [
        "| command | polypod ms | podman ms | ratio | target | reached | skopeo ms | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        found = [_get(samples, mark + case.name, name) for name in ("polypod", "podman", "skopeo")]
        if any(found):
            ours, podman, skopeo = found
            rows.append(
                f"| {case.label.format_map(words)} | {_ms(ours)} | {_ms(podman)} |"
                f" {_ratio(ours, podman)} | {case.target or '-'} | {verdict(case, ours, podman)} |"
                f" {_ms(skopeo)} | {_ratio(ours, skopeo)} |"
            )
    return rows


def costs(
    samples: Samples, peaks: Mapping[tuple[str, str], float], words: Mapping[str, str], mark: str
) -> list[str]:
    """CPU milliseconds and, where there are any, peaks of memory, one row a case."""
    names = ("polypod", "podman", "skopeo")
    rows = [
        "| command | polypod CPU ms | podman | skopeo |" + _head(peaks, " polypod MB | podman | skopeo |"),
        "|---|---|---|---|" + _head(peaks, "---|---|---|"),
    ]
    for case in CASES:
        found = [_get(samples, mark + case.name, name) for name in names]
        if any(found):
            cpu = [f"{one.cpu:.0f}" if one else "-" for one in found]
            if peaks:
                cpu += [_peak(peaks, mark + case.name, name) for name in names]
            rows.append(f"| {case.label.format_map(words)} | {' | '.join(cpu)} |")
    return rows


def _head(peaks: Mapping[tuple[str, str], float], text: str) -> str:
    """The part of a table's head about memory, "" without any."""
    return text if peaks else ""


def _peak(peaks: Mapping[tuple[str, str], float], case: str, engine: str) -> str:
    found = peaks.get((case, engine))
    return "-" if found is None else f"{found:.0f}"


def floors(samples: Samples) -> list[str]:
    """Each stage alone, and how polypod's pull compares with them."""
    rows = ["| stage alone, in one thread | tmpfs ms | disk ms |", "|---|---|---|"]
    if not any(name.endswith("floor") for name, _ in samples):
        return []
    for stage, label in _STAGES.items():
        here, there = _get(samples, "floor", stage), _get(samples, "diskfloor", stage)
        if here or there:
            rows.append(f"| {label} | {_ms(here)} | {_ms(there)} |")
    for mark, kind, where in (("", "gzip", "a tmpfs"), ("", "zstd", "a tmpfs"), ("disk", "gzip", "the disk")):
        rows += _distance(samples, mark, kind, where)
    return rows


def _memory(peaks: Mapping[tuple[str, str], float]) -> list[str]:
    found = [mb for (case, name), mb in peaks.items() if name == "polypod" and case.startswith("pull-")]
    if not found:
        return []
    return [f"\nThe most memory of a `pull`: {max(found):.0f} MB; the target is {MEMORY} MB."]


def _distance(samples: Samples, mark: str, kind: str, where: str) -> list[str]:
    pull = _get(samples, f"{mark}pull-{kind}", "polypod")
    suffix = "-zstd" if kind == "zstd" else ""
    limit = _get(samples, "floor", "limit" + suffix)
    names = ("network", "hash", "inflate" + suffix)
    stages = [_get(samples, "floor", name) for name in names]
    stages += [_get(samples, mark + "floor", name) for name in ("write", "sync")]
    disk = _get(samples, mark + "floor", "dd")
    if pull is None or limit is None or disk is None:
        return []
    cpu = sum(stage.cpu for stage in stages if stage)
    return [
        f"\n`pull` of {kind} on {where}: {pull.median:.0f} ms, {pull.median / limit.median:.2f} times inflate and hash"
        f" on one core, {pull.median / disk.median:.2f} times `dd`; {pull.cpu:.0f} ms of CPU, of which"
        f" the stages alone need {cpu:.0f} ms."
    ]


def line(case: ImageCase, bench: ImageBench, mark: str) -> str:
    """A case in one line, for the terminal."""
    samples, words = bench.samples, bench.words
    ours, podman, skopeo = (
        _get(samples, mark + case.name, name) for name in ("polypod", "podman", "skopeo")
    )
    cpu = "/".join(f"{one.cpu:.0f}" if one else "-" for one in (ours, podman, skopeo))
    names = ("polypod", "podman", "skopeo")
    peak = "/".join(_peak(bench.peaks, mark + case.name, name) for name in names)
    return (
        f"{mark + ' ' if mark else ''}{case.name:16} {_ms(ours):>20} {_ms(podman):>20} {_ms(skopeo):>20}"
        f"  {_ratio(ours, podman)} ({case.target}) {_ratio(ours, skopeo)}  cpu {cpu} MB {peak}"
        f"  {case.label.format_map(words)}"
    )
