"""Turns samples into docs/reference/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cases import BACKEND_CASES, BACKENDS, CASES, FLOOR, Case
from measure import Sample, Summary, summarize

Samples = Mapping[tuple[str, str], Sequence[Sample]]  # by case and engine

_INTRO = """# Benchmarks: polypod beside podman

Written by `{command}` (see tests/bench). Do not edit: run it again.

Both engines run in turn on one host, on the same image and the same work, each with its own stores on {store},
in one private PID, mount and network namespace; {rounds} rounds, the order turned around each round. A time is what
a caller waits for the command, in milliseconds: the median, and from the 10th to the 90th percentile. The next
command starts only when all processes that the last one left behind are gone. *Ratio* is polypod's median
by podman's, *target* the ratio that polypod sets itself.
"""

_NOTES = """
Notes

- The image is busybox, the command `true`; `create`, `start` and `exec` include no image work.
- `load` reads an uncompressed docker-archive of two layers with many small and some large files.
- The in-process case runs `polypod.Engine(...).containers.run(image, ["true"], remove=True)` in a Python
  process that is already there, beside podman's command line: what a program has to call.
- CPU time is that of all processes of the case: engine, monitor, runtime, container and cleanup.
"""


@dataclass(frozen=True)
class Conditions:
    """What a table was made under."""

    command: str
    store: str
    rounds: int
    words: Mapping[str, str]
    versions: Mapping[str, str]


def host_facts(versions: Mapping[str, str]) -> str:
    """A list of the date, the host and the versions of all that took part."""
    now = datetime.datetime.now(datetime.UTC)
    facts = {
        "date": f"{now:%Y-%m-%d %H:%M} UTC",
        "kernel": platform.release(),
        "CPUs": f"{os.cpu_count()} ({_cpu_model()})",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2**30} GiB",
        **versions,
    }
    return "\n".join(["| host | |", "|---|---|", *(f"| {k} | {v} |" for k, v in facts.items())])


def versions_of(podman: str | None) -> dict[str, str]:
    """Versions of the programs; absent ones are named so."""
    import polypod

    found = {"polypod": polypod.__version__, "Python": platform.python_version()}
    for name in ("podman", "crun", "conmon", "netavark", "skopeo", "docker-registry"):
        program = podman if name == "podman" else name
        found[name.rpartition("-")[2]] = _version(program) if program else "absent"
    return found


def _version(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        try:
            path = f"/usr/lib/podman/{program}"
            done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return "absent"
    return (done.stdout.splitlines() or ["unknown"])[0].split()[-1]


def _cpu_model() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def page(samples: Samples, conditions: Conditions) -> str:
    """The whole page."""
    parts = [
        _INTRO.format(
            command=conditions.command, store=conditions.store, rounds=conditions.rounds
        ),
        host_facts(conditions.versions),
        "\n## polypod and podman\n",
        *main_table(samples, conditions.words),
        "\n## The state backends\n",
        *backend_table(samples),
        "\n## The floor\n",
        *floor_table(samples),
        "\n## CPU time\n",
        *cpu_table(samples, conditions.words),
        _NOTES,
    ]
    return "\n".join(parts)


def _get(samples: Samples, case: str, engine: str) -> Summary | None:
    found = samples.get((case, engine))
    return summarize(found) if found else None


def _cell(summary: Summary | None) -> str:
    if summary is None:
        return "-"
    digits = 0 if summary.median >= 100 else 1
    low, high = f"{summary.p10:.{digits}f}", f"{summary.p90:.{digits}f}"
    return f"{summary.median:.{digits}f} ({low}-{high})"


def _verdict(ours: Summary | None, theirs: Summary | None, target: float | None) -> str:
    if ours is None or theirs is None:
        return f"- | {target or '-'} | -"
    ratio = ours.median / theirs.median
    reached = "-" if target is None else ("yes" if ratio <= target else "**no**")
    return f"{ratio:.2f} | {target or '-'} | {reached}"


def main_table(samples: Samples, words: Mapping[str, str]) -> list[str]:
    """One row a case."""
    rows = ["| command | polypod ms | podman ms | ratio | target | reached |", "|---|---|---|---|---|---|"]
    for case in CASES:
        ours, theirs = _get(samples, case.name, "polypod"), _get(samples, case.name, "podman")
        if ours is not None:
            label = case.label.format_map(words)
            rows.append(
                f"| {label} | {_cell(ours)} | {_cell(theirs)} | {_verdict(ours, theirs, case.target)} |"
            )
    return rows


def backend_table(samples: Samples) -> list[str]:
    """One row a state backend and command."""
    rows = ["| backend | command | polypod ms | ratio | target | reached |", "|---|---|---|---|---|---|"]
    for backend in BACKENDS:
        for case in BACKEND_CASES:
            ours = _get(samples, case.name, "polypod")
            if case.backend == backend and ours is not None:
                theirs = _get(samples, case.peer, "podman")
                verdict = _verdict(ours, theirs, case.target)
                rows.append(f"| {backend} | {case.label} | {_cell(ours)} | {verdict} |")
    return rows


def floor_table(samples: Samples) -> list[str]:
    """The runtime alone, and what each engine adds to it."""
    rows = ["| what | ms | above the floor |", "|---|---|---|"]
    floor = _get(samples, FLOOR.name, "crun")
    if floor is None:
        return rows
    rows.append(f"| {FLOOR.label} | {_cell(floor)} | |")
    for engine, case in (("polypod", "in-process"), ("polypod", "run"), ("podman", "run")):
        found = _get(samples, case, engine)
        if found is not None:
            label = _label(case)
            rows.append(f"| {engine}: {label} | {_cell(found)} | {found.median - floor.median:.1f} |")
    return rows


def _label(name: str) -> str:
    return next(case.label for case in CASES if case.name == name)


def cpu_table(samples: Samples, words: Mapping[str, str]) -> list[str]:
    """CPU milliseconds where they matter most."""
    rows = ["| command | polypod CPU ms | podman CPU ms | ratio |", "|---|---|---|---|"]
    for case in (c for c in CASES if c.cpu):
        ours, theirs = _get(samples, case.name, "polypod"), _get(samples, case.name, "podman")
        if ours is not None and theirs is not None:
            label = case.label.format_map(words)
            rows.append(
                f"| {label} | {ours.cpu:.0f} | {theirs.cpu:.0f} | {ours.cpu / theirs.cpu:.2f} |"
            )
    return rows


def line(case: Case, samples: Samples, words: Mapping[str, str]) -> str:
    """A case in one line, for the terminal."""
    engine = "crun" if case.how == "crun" else "polypod"
    ours = _get(samples, case.name, engine)
    theirs = _get(samples, case.peer or case.name, "podman")
    label = case.label.format_map(words)
    verdict = _verdict(ours, theirs, case.target)
    return f"{case.name:14} {_cell(ours):>20} {_cell(theirs):>20}  {verdict:22} {label}"
