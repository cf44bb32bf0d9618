"""What is measured: each case is data, the same command lines for both engines."""

from __future__ import annotations

from dataclasses import dataclass, field

IMAGE = "localhost/busybox"
BIG_IMAGE = "localhost/bench-big"
BACKENDS = ("sqlite", "kv", "json")

Command = tuple[str, ...]

NO_NETWORK = ("--network", "none")
_NEW = ("create", "--name", "bench", *NO_NETWORK, IMAGE, "true")
_AWAY: tuple[Command, ...] = (("rm", "-f", "bench"),)


@dataclass(frozen=True)
class Case:
    """One row of the table.

    ``store``: which pair of stores it works on: "main" without containers, "many" full of
    them, "live" with one that runs. ``before`` and ``after`` are untimed. ``{many}``, ``{one}``
    and ``{archive}`` in arguments and labels stand for what the bench has prepared.
    ``how``: "cli"; "inprocess" runs polypod's part in Python; "crun" has no engine at all.
    """

    name: str
    label: str
    target: float | None
    args: Command
    store: str = "main"
    before: tuple[Command, ...] = ()
    after: tuple[Command, ...] = ()
    jobs: int = 1
    repeats: int = 3
    how: str = "cli"
    backend: str = ""  # measured with --state-backend; podman's part is that of ``peer``
    peer: str = ""
    cpu: bool = field(default=False)  # is its CPU time in the table


_RUN = ("run", "--rm", *NO_NETWORK, IMAGE, "true")

CASES: tuple[Case, ...] = (
    Case("ps", "`ps`, no container", 0.6, ("ps",), repeats=5),
    Case("ps-many", "`ps -a`, {many} containers", 0.15, ("ps", "-a"), store="many"),
    Case("inspect", "`inspect` one of {many}", 0.7, ("inspect", "{one}"), store="many"),
    Case("version", "`version`", 0.6, ("version",), repeats=5),
    Case("run", "`run --rm --network none`", 0.4, _RUN, cpu=True),
    Case("run-bridge", "`run --rm` on a bridge", 0.7, ("run", "--rm", IMAGE, "true"), cpu=True),
    Case("exec", "`exec`", 0.35, ("exec", "live", "true"), store="live"),
    Case("create", "`create`", 0.7, ("create", "--name", "bench", IMAGE, "true"), after=_AWAY),
    Case("start", "`start`", 0.5, ("start", "bench"), before=(_NEW,), after=_AWAY),
    Case("run-32", "32 `run --rm --network none` at once", 0.5, _RUN, jobs=32, repeats=1, cpu=True),
    Case("load", "`load` of a {size} MB image", 0.7, ("load", "-i", "{archive}"),
         after=(("rmi", BIG_IMAGE),), repeats=1, cpu=True),
    Case("in-process", "in-process `Engine.containers.run`", 0.3, _RUN, how="inprocess"),
)  # fmt: skip


def _with(backend: str, peer: str) -> Case:
    case = next(case for case in CASES if case.name == peer)
    return Case(
        f"{peer}-{backend}", case.label, case.target, case.args, backend, case.before, case.after,
        backend=backend, peer=peer,
    )  # fmt: skip


BACKEND_CASES = tuple(_with(b, peer) for b in BACKENDS for peer in ("ps", "run", "create"))
FLOOR = Case("crun", "`crun run` of a ready bundle", None, (), how="crun")
ALL = (*CASES, *BACKEND_CASES, FLOOR)

