"""Runs containers in-process, one a line of standard input; prints the seconds of each."""

from __future__ import annotations

import sys
import time

import polypod
from polypod.model.container import ContainerCreate, NetworkOptions


def main(root: str, runroot: str, image: str) -> None:
    """Answer each line with the seconds that ``Engine.containers.run`` took."""
    request = ContainerCreate(network=NetworkOptions(mode="none"))
    with polypod.Engine(root=root, runroot=runroot) as engine:
        for _ in sys.stdin:
            begin = time.perf_counter()
            result = engine.containers.run(image, ["true"], remove=True, request=request)
            took = time.perf_counter() - begin
            if result.exit_code != 0:
                sys.exit(f"exit code {result.exit_code}: {result.stderr!r}")
            print(took, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
