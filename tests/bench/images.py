"""The measurement of image work: stores and a registry full of it, polypod, podman and skopeo in turn."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

from cases import IMAGE as BUSYBOX
from cases import NO_NETWORK, Command
from cases_images import REGISTRY, ImageCase
from engines import CLI
from floors import blobs
from material import rootfs_tar
from measure import BenchError, Clock, Sample
from polypod.testing.registry import Registry

MEGABYTES, QUICK_MEGABYTES = 500, 30
FILES, QUICK_FILES = 100_000, 2000
ROUNDS, DISK_ROUNDS = 5, 2
BLOB_CACHE = "/var/lib/containers/cache"  # where podman and skopeo note which blobs are where
_DETACH = 2

# The stages of a pull, each alone: the name and what is run; {target} is on the store's file system.
STAGES: dict[str, tuple[str, ...]] = {
    "network": ("{python}", "{floors}", "network:gzip", "{folder}"),
    "hash": ("{python}", "{floors}", "hash:gzip", "{folder}"),
    "inflate": ("{python}", "{floors}", "inflate:gzip", "{folder}"),
    "inflate-zstd": ("{python}", "{floors}", "inflate:zstd", "{folder}"),
    "limit": ("{python}", "{floors}", "limit:gzip", "{folder}"),
    "limit-zstd": ("{python}", "{floors}", "limit:zstd", "{folder}"),
    "write": ("/bin/sh", "-c", 'for i in 0 1 2 3 4 5; do tar -xf {folder}/big$i.tar -C {target}; done'),
    "sync": ("/usr/bin/sync", "-f", "{target}"),
    "dd": ("/usr/bin/dd", "if={folder}/image.tar", "of={target}/dd", "bs=1M", "conv=fsync"),
}  # fmt: skip
ON_STORE = ("write", "sync", "dd")


class Skopeo:
    """skopeo on stores of its own (it pushes and saves from podman's)."""

    name = "skopeo"

    def __init__(self, program: str, engine: CLI, podman: CLI) -> None:
        self.program = program
        self.clock = engine.clock
        self._own = engine
        self._podman = podman
        self.words: dict[str, str] = {}

    def argv(self, case: ImageCase, args: Command) -> list[str]:
        """The whole command line."""
        root, runroot = (self._podman if case.store == "image" else self._own).roots(case.store)
        words = {**self.words, "root": root, "runroot": runroot}
        return [self.program, *(arg.format_map(words) for arg in args)]


class Place:
    """The engines with their stores on one file system; samples are kept under ``mark``."""

    def __init__(
        self, mark: str, folder: Path, podman: str | None, launcher: str, environ: dict[str, str]
    ) -> None:
        self.mark = mark
        self.folder = folder
        self.clock = Clock(folder, {**environ, "TMPDIR": str(folder)})
        engines = {"polypod": launcher, "podman": podman}
        self.engines = [
            CLI(name, program, folder, self.clock, mark) for name, program in engines.items() if program
        ]
        program = shutil.which("skopeo")
        self.skopeo = None
        if program and podman:
            own = CLI("skopeo", program, folder, self.clock, mark)
            self.skopeo = Skopeo(program, own, self.engines[1])

    def give(self, words: dict[str, str]) -> None:
        """Set what stands for the words in braces."""
        for engine in self.engines:
            engine.words = words | self._words(engine.name)
        if self.skopeo is not None:
            self.skopeo.words = words | self._words("skopeo")

    def run(self, argv: list[str], *, memory: bool) -> Sample | float:
        """Measure a command: its time, or its memory."""
        if self.mark:  # what the last command left to write, this one would wait for
            self.clock.call(["/usr/bin/sync", "-f", str(self.folder)])
        return self.clock.memory(argv) if memory else self.clock.timed(argv)

    def copy_store(self, source: CLI, target: CLI, store: str) -> None:
        """Give an engine what another one has made; the format is the same."""
        root = Path(target.roots(store)[0])
        root.parent.mkdir(exist_ok=True)
        self.clock.call(["/bin/cp", "-a", source.roots(store)[0], str(root)])
        # As long as nothing was ever mounted, podman reads layers.json anew for each look at it.
        for what in ("mount", "unmount"):
            target.call(store, ("image", what, "localhost/thousand/i0"))

    def _words(self, engine: str) -> dict[str, str]:
        return {"engine": engine, "saved": str(self.folder / f"{engine}.saved")}


class ImageBench:
    """The material, the registry, the stores and what was measured so far."""

    def __init__(
        self,
        cases: tuple[ImageCase, ...],
        folder: Path,
        disk: Path | None,
        *,
        podman: str | None,
        launcher: str,
        environ: dict[str, str],
        quick: bool,
        rounds: int,
    ) -> None:
        self.cases = cases
        self.rounds = min(rounds, ROUNDS)  # each takes minutes, and they differ little
        self.folder = folder / "material"
        self.megabytes = QUICK_MEGABYTES if quick else MEGABYTES
        self.images = 100 if quick else 1000
        self.files = QUICK_FILES if quick else FILES
        self.samples: dict[tuple[str, str], list[Sample]] = {}
        self.peaks: dict[tuple[str, str], float] = {}  # MB, as samples are kept
        self.failures: dict[tuple[str, str], str] = {}
        self.places = [Place("", folder, podman, launcher, environ)]
        if disk is not None:
            self.places.append(Place("disk", disk, podman, launcher, environ))
        self._disk_name = _file_system(disk) if disk is not None else ""
        self.registry: Registry | None = None
        self._registry_folder = folder / "registry"
        self.words = {
            "folder": str(self.folder),
            "registry": str(self._registry_folder / "storage" / "docker" / "registry" / "v2"),
            "blobcache": BLOB_CACHE,
            "megabytes": str(self.megabytes),
            "changed": str(self.megabytes * 2 // 5),
            "images": f"{self.images:,}",
            "hundred": str(self.images // 10),
            "files": f"{self.files:,}",
        }

    # -- before --------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the material, fill the registry and the stores. Raises ``BenchError``, ``OSError``."""
        say("making images")
        self._make_material()
        tags = [case.parts[0] for case in self.cases if case.name.startswith("pull-")]
        if tags or any(case.name.startswith("push-") for case in self.cases):
            self._start_registry()
            for tag in tags:
                self._publish(tag)
        for place in self.places:
            place.give(self.words)
            cases = [case for case in self.cases if not place.mark or case.disk]
            for store in sorted({case.store for case in cases}):
                for engine in place.engines:
                    say(f"preparing {engine.name} {place.mark or 'tmpfs'} {store}")
                    if store == "thousand" and engine is not place.engines[0]:
                        # The same bytes for both; podman needs minutes to load so many images.
                        place.copy_store(place.engines[0], engine, store)
                    else:
                        self._fill(engine, store)

    def _start_registry(self) -> None:
        """On a tmpfs; a child that is never waited for while others run: its CPU time is not counted."""
        if shutil.which("docker-registry") is None:
            raise FileNotFoundError("no docker-registry found: apt-get install docker-registry")
        self.registry = Registry(self._registry_folder, port=int(REGISTRY.partition(":")[2]))
        self.registry.start()

    def _make_material(self) -> None:
        parts = dict.fromkeys(part for case in self.cases for part in case.parts)
        if self._has_floors():
            parts |= dict.fromkeys(("archive", "gzip", "zstd"))
        self.folder.mkdir()
        script = str(Path(__file__).with_name("material_images.py"))
        numbers = map(str, (self.megabytes, self.images, self.files))
        argv = [sys.executable, script, str(self.folder), *numbers, *parts]
        if subprocess.run(argv, check=False).returncode != 0:
            raise BenchError("the material could not be made")

    def _publish(self, tag: str) -> None:
        """Into the registry as it is; no engine's compression decides what is pulled."""
        skopeo = shutil.which("skopeo")
        if skopeo is None:
            raise FileNotFoundError("no skopeo found: apt-get install skopeo")
        target = f"docker://{REGISTRY}/bench/{tag}:latest"
        self.places[0].clock.call(
            [skopeo, "copy", "-q", "--dest-tls-verify=false", f"oci:{self.folder}/oci:{tag}", target]
        )

    def _fill(self, engine: CLI, store: str) -> None:
        if store == "image":
            engine.call(store, ("load", "-q", "-i", "{folder}/image.tar"))
        elif store == "thousand":
            engine.call(store, ("load", "-q", "-i", "{folder}/thousand.tar"))
        elif store == "change":
            if not (self.folder / "busybox.tar").exists():
                rootfs_tar(self.folder)
            engine.call(store, ("import", "-q", "{folder}/busybox.tar", BUSYBOX))
            run = ("run", "--name", "change", *NO_NETWORK, "-v", "{folder}/change:/change:ro")
            engine.call(store, (*run, BUSYBOX, "cp", "-r", "/change", "/changed"))

    # -- measuring -----------------------------------------------------------------------------

    def measure(self) -> None:
        """All rounds. The one before them, on tmpfs, measures memory; a disk has fewer rounds."""
        for place in self.places:
            rounds = min(self.rounds, DISK_ROUNDS) if place.mark else self.rounds
            for number in range(rounds + 1):
                keep = number > 0 or bool(place.mark)
                if place.mark and number == 0:
                    continue
                say(f"images, {place.mark or 'tmpfs'}: round {number} of {rounds}")
                for case in self.cases:
                    if not place.mark or case.disk:
                        self._round(place, case, number, keep=keep)
                if self._has_floors():
                    self._floors(place, keep=keep)

    def _round(self, place: Place, case: ImageCase, number: int, *, keep: bool) -> None:
        parts: list[CLI | Skopeo] = list(place.engines)
        if case.skopeo and place.skopeo is not None:
            parts.append(place.skopeo)
        for repeat in range(case.repeats if keep and not place.mark else 1):
            turn = number + repeat
            for part in parts if turn % 2 else reversed(parts):
                key = (place.mark + case.name, part.name)
                if key in self.failures:
                    continue
                try:
                    sample = self._sample(place, part, case, memory=not keep)
                except BenchError as error:
                    say(str(error))
                    self.failures[key] = str(error)
                    continue
                if isinstance(sample, Sample):
                    self.samples.setdefault(key, []).append(sample)
                else:
                    self.peaks[key] = sample

    def _sample(
        self, place: Place, part: CLI | Skopeo, case: ImageCase, *, memory: bool
    ) -> Sample | float:
        for path in case.wipe:
            _delete(Path(path.format_map(part.words)))
        if isinstance(part, Skopeo):
            sample = place.run(part.argv(case, case.skopeo), memory=memory)
            for args in case.skopeo_after:
                part.clock.call(part.argv(case, args))
            return sample
        for args in case.before:
            part.call(case.store, args)
        sample = place.run(self._argv(part, case), memory=memory)
        for args in case.after:
            part.call(case.store, args)
        return sample

    def _argv(self, engine: CLI, case: ImageCase) -> list[str]:
        if "{names}" not in case.args:
            return engine.argv(case.store, case.args)
        names = [f"localhost/hundred/i{number}:latest" for number in range(self.images // 10)]
        return engine.argv(case.store, (*(a for a in case.args if a != "{names}"), *names))

    # -- floors --------------------------------------------------------------------------------

    def _has_floors(self) -> bool:
        return any(case.name == "pull-gzip" for case in self.cases)

    def _floors(self, place: Place, *, keep: bool) -> None:
        target = place.folder / "floor"
        target.mkdir()
        words = {
            "python": sys.executable, "folder": str(self.folder), "target": str(target),
            "floors": str(Path(__file__).with_name("floors.py")),
        }  # fmt: skip
        for stage, args in STAGES.items():
            if place.mark and stage not in ON_STORE:
                continue
            sample = place.clock.timed([arg.format_map(words) for arg in args])
            if keep:
                self.samples.setdefault((place.mark + "floor", stage), []).append(sample)
        _delete(target)

    @property
    def compressed(self) -> float:
        """How much smaller gzip makes the big image; 0 when it was not made."""
        packed = sum(blob["size"] for blob in blobs(self.folder, "gzip")) if self._has_floors() else 0
        return self.megabytes * 1e6 / packed if packed else 0.0

    @property
    def disk_name(self) -> str:
        """The kind of the disk's file system."""
        return self._disk_name

    def close(self) -> None:
        """End the registry and take down what podman leaves mounted below its roots."""
        if self.registry is not None:
            self.registry.stop()
        libc = ctypes.CDLL(None)
        for place in self.places:
            for line in Path("/proc/self/mounts").read_text().splitlines():
                target = line.split()[1]
                if target.startswith(f"{place.folder}/") and place.mark:
                    libc.umount2(target.encode(), _DETACH)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        os.unlink(path)


def _file_system(path: Path) -> str:
    found = ("", "")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target, kind = line.split()[1:3]
        if (f"{path}/").startswith(target.rstrip("/") + "/") and len(target) >= len(found[0]):
            found = (target, kind)
    return found[1]


def say(text: str) -> None:
    """Tell on standard error how far the bench is."""
    sys.stderr.write(f"bench: {text}\n")
