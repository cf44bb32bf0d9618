"""Measures the installed polypod beside Debian's podman; ``tox -e bench``.

A full run writes docs/reference/benchmarks.md; ``--only images`` and ``--only containers`` write
their part of it. Another partial run (``--only``, ``--quick``) only prints its figures, unless ``--out``
names a file. It needs root, for namespaces and mounts.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import report
import report_images
from cases import Case
from cases_images import ImageCase
from engines import CLI, Floor, InProcess, environment, launcher
from images import ImageBench, say
from material import big_archive, rootfs_tar
from measure import BenchError, Clock, Sample
from sandbox import run_isolated
from selection import choose

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.md"
ROUNDS, QUICK_ROUNDS = 10, 2


def arguments(argv: list[str]) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(prog="run.py", description="polypod beside podman")
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help="only these cases, or images, or containers"
    )
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help=f"default {ROUNDS}")
    parser.add_argument("--store", default="tmpfs", metavar="tmpfs|DIR", help="where stores go")
    parser.add_argument(
        "--disk", default="", metavar="DIR|none",
        help="where image work on a disk is measured; default /var/tmp, none with --quick",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds, 100 containers, 30 MB")
    parser.add_argument("--podman", default=shutil.which("podman"), help="the peer to run")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--profile", default="", metavar="NAME", help="show where the time goes")
    return parser.parse_args(argv)


class Bench:
    """The stores, the engines and what was measured so far."""

    def __init__(self, options: argparse.Namespace, cases: tuple[Case, ...], folder: Path) -> None:
        self.cases = cases
        self.rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
        self.many = 100 if options.quick else 1000
        self.size = 30 if options.quick else 300
        self.folder = folder
        self.samples: dict[tuple[str, str], list[Sample]] = {}
        clock = Clock(folder, environment(folder))
        self.polypod = CLI("polypod", launcher(), folder, clock)
        self.podman = CLI("podman", options.podman, folder, clock) if options.podman else None
        self.words = {
            "many": f"{self.many:,}",
            "size": str(self.size),
            "one": f"many{self.many // 2}",
            "archive": str(folder / "big.tar"),
        }
        self._clock = clock
        self._inprocess = InProcess(self.polypod)
        self._floor: Floor | None = None

    def prepare(self) -> None:
        """Make the stores that the cases need."""
        rootfs = rootfs_tar(self.folder)
        if any(case.name == "load" for case in self.cases):
            big_archive(self.folder, self.size)
        if any(case.how == "crun" for case in self.cases):
            self._floor = Floor(self.folder, rootfs, self._clock)
        for engine in filter(None, (self.polypod, self.podman)):
            engine.words = self.words
            for store in sorted({case.store for case in self.cases if case.how != "crun"}):
                if engine is self.polypod or store in ("main", "many", "live"):
                    say(f"preparing {engine.name} {store}")
                    engine.prepare(store, rootfs, self.many)

    def parts(self, case: Case) -> list[CLI | InProcess | Floor]:
        """Who takes part in a case."""
        if case.how == "crun":
            return [self._floor] if self._floor else []
        ours = self._inprocess if case.how == "inprocess" else self.polypod
        return [ours] if case.peer or self.podman is None else [ours, self.podman]

    def measure(self) -> None:
        """All rounds; one before them is thrown away, it fills caches."""
        for number in range(self.rounds + 1):
            say(f"round {number} of {self.rounds}")
            for case in self.cases:
                for repeat in range(case.repeats if number else 1):
                    self._measure_once(case, number + repeat, keep=number > 0)

    def _measure_once(self, case: Case, turn: int, *, keep: bool) -> None:
        parts = self.parts(case)
        for part in parts if turn % 2 else reversed(parts):
            sample = part.sample(case)
            if keep:
                self.samples.setdefault((case.name, part.name), []).append(sample)

    def close(self) -> None:
        """Remove the running containers, whose cgroups would outlive the namespaces."""
        if not any(case.store == "live" for case in self.cases):
            return
        for engine in filter(None, (self.polypod, self.podman)):
            try:
                engine.call("live", ("rm", "-f", "-t", "0", "live"))
            except BenchError as error:
                say(str(error))  # it was not made yet; the namespace ends it in any case


def bench(
    options: argparse.Namespace,
    cases: tuple[Case, ...],
    image_cases: tuple[ImageCase, ...],
    folder: Path,
    disk: Path | None,
) -> int:
    """Measure and report; runs inside the private corner."""
    work = Bench(options, cases, folder)
    images = ImageBench(
        image_cases, folder, disk, podman=options.podman, launcher=launcher(),
        environ=environment(folder), quick=options.quick, rounds=work.rounds,
    )  # fmt: skip
    try:
        if options.profile:
            return _profile(work, images, folder)
        if cases:
            work.prepare()
            work.measure()
        if image_cases:
            images.prepare()
            images.measure()
    except (BenchError, FileNotFoundError, AssertionError) as error:
        say(str(error))
        return 1
    finally:
        work.close()
        images.close()
    for case in cases:
        print(report.line(case, work.samples, work.words))
    for mark in ("", "disk"):
        for image_case in image_cases:
            if not mark or (disk is not None and image_case.disk):
                print(report_images.line(image_case, images, mark))
    print("\n".join(report_images.floors(images.samples)) if image_cases else "", end="\n")
    _write(options, work, images)
    return 1 if images.failures else 0


def _profile(work: Bench, images: ImageBench, folder: Path) -> int:
    from profiling import profile

    if images.cases:
        images.prepare()
        profile(images.places[0].engines[0], images.cases[0], folder)
    else:
        work.prepare()
        profile(work.polypod, work.cases[0], folder)
    return 0


def _write(options: argparse.Namespace, work: Bench, images: ImageBench) -> None:
    """The page, or the half of it that was measured as a whole."""
    whole = not options.quick and options.only in ("", "containers", "images")
    out = options.out or (PAGE if whole else None)
    if out is None:
        return
    made = conditions(options, work)
    old = out.read_text().partition(report_images.MARK) if out.exists() else ("", "", "")
    first = report.page(work.samples, made) if work.cases else old[0].rstrip("\n")
    second = report_images.page(images, made) if images.cases else "".join(old[1:])
    out.write_text(first.rstrip("\n") + "\n" + second.rstrip("\n") + "\n")
    say(f"wrote {out}")


def conditions(options: argparse.Namespace, work: Bench) -> report.Conditions:
    """What the page says about how it was made."""
    given = list(sys.argv[1:])
    if "--out" in given:
        place = given.index("--out")
        del given[place : place + 2]
    words = ["tox", "-e", "bench"] + (["--", *given] if given else [])
    return report.Conditions(
        command=shlex.join(words),
        store="a tmpfs" if options.store == "tmpfs" else f"the file system of {options.store}",
        rounds=work.rounds,
        words=work.words,
        versions=report.versions_of(options.podman),
    )


def main(argv: list[str]) -> int:
    """Entry point; the exit code is 0 whether or not the targets were reached."""
    options = arguments(argv)
    try:
        cases, image_cases = choose(options.profile or options.only)
        launcher()
    except (ValueError, FileNotFoundError) as error:
        say(str(error))
        return 2
    if os.geteuid() != 0:
        say("needs root, for namespaces and mounts")
        return 2
    disk = _disk_folder(options) if image_cases else None
    try:
        return run_isolated(
            lambda folder: bench(options, cases, image_cases, folder, disk), options.store
        )
    finally:
        if disk is not None:
            shutil.rmtree(disk, ignore_errors=True)


def _disk_folder(options: argparse.Namespace) -> Path | None:
    parent = options.disk or ("none" if options.quick or options.profile else "/var/tmp")
    return None if parent == "none" else Path(tempfile.mkdtemp("", "bench-", parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
