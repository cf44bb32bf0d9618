"""``system migrate --to BACKEND``: move the state to another backend.

Everything is copied, compared, and only then is the switch made: the file
``<static_dir>/backend`` (:data:`polypod.model.settings.BACKEND_MARKER`), one line with the
name of the backend in force, written atomically. Configuration lets it win over
configured names and lose to an explicit ``--state-backend``. So a migration that is killed
before the switch has changed nothing that anybody reads; the next one makes
the target equal to the source again, whatever it finds there. The source is left as it
is, to go back to; a later migration back overwrites it.

Commands that run meanwhile are not blocked. What they change in the source after
it was copied is seen by the comparison and copied again, before the switch and once
after it, the latter only over records that nobody has changed in the target.
"""

from __future__ import annotations

import os

from ..errors import Conflict, StateError
from ..kit.atomic import write_atomic
from ..model.settings import BACKEND_MARKER
from ..model.struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..ports.state import StatePort
    from .runtime import Runtime

    Record = tuple[bytes, int]

#: A batch is closed at this many records or bytes.
BATCH_RECORDS = 200
BATCH_BYTES = 1 << 20
#: A source that changes faster than it can be copied is given up on after so many rounds.
ROUNDS = 100


class Migrated(Struct):
    """What a migration did: from where to where, and how many records there are."""

    source: str
    target: str
    records: int
    path: str = ""


def migrate(rt: Runtime, target: str, tell: Callable[[str], None] | None = None) -> Migrated:
    """Move the state to backend ``target``; ``tell`` gets a line of progress now and then.

    Raises ``CompositionError`` for an unknown name (worded by assembly), ``StateError`` when
    records are damaged or the source does not stop changing. A repeated call is harmless.
    """
    say = tell or (lambda text: None)
    source = rt.state
    if target == source.name:
        _switch(rt, target)
        return Migrated(source=target, target=target, records=_count(source))
    other = rt.composition.state_named(target, rt.static_dir, rt.tmp_dir)
    try:
        _refuse_damage(source, repair="run 'polypod system check --repair' first")
        other.check(True)  # leftovers of an interrupted migration are overwritten anyway
        for _ in range(ROUNDS):
            copied = _copy(source, other, say)
            if _is_equal(copied, other) and _is_unchanged(copied, source):
                break
        else:
            raise StateError(
                f"the state in backend {source.name} changes too fast to be copied; "
                "stop some containers and try again"
            )
        say("verified")
        _switch(rt, target)
        _copy_late_changes(source, other, copied)
        return Migrated(
            source=source.name,
            target=target,
            records=sum(map(len, copied.values())),
            path=other.info().get("path", ""),
        )
    finally:
        other.close()


def _refuse_damage(state: StatePort, repair: str) -> None:
    damaged = state.check(False)
    if damaged:
        bucket, key, reason = damaged[0]
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise StateError(f"state backend {state.name} has damage: {bucket}/{key}: {reason}{more}; {repair}")


def _switch(rt: Runtime, target: str) -> None:
    path = os.path.join(rt.static_dir, BACKEND_MARKER)
    write_atomic(path, f"{target}\n".encode(), durable=True)


def _snapshot(state: StatePort) -> dict[str, dict[str, Record]]:
    from ..records.records import BUCKETS

    return {
        bucket: {key: (value, revision) for key, value, revision in state.list(bucket)} for bucket in BUCKETS
    }


def _count(state: StatePort) -> int:
    return sum(map(len, _snapshot(state).values()))


def _copy(source: StatePort, target: StatePort, say: Callable[[str], None]) -> dict[str, dict[str, Record]]:
    """Make the target equal to the source; the source's records as they were copied."""
    wanted, present = _snapshot(source), _snapshot(target)
    done = 0
    for batch in _batches(_differences(wanted, present)):
        target.apply(batch, True)
        done += len(batch)
        say(f"copied {done} records")
    return wanted


def _differences(
    wanted: dict[str, dict[str, Record]], present: dict[str, dict[str, Record]]
) -> Iterator[tuple[Any, ...]]:
    for bucket, records in wanted.items():
        there = present[bucket]
        for key in there:
            if key not in records:
                yield ("delete", bucket, key)
        for key, (value, _) in records.items():
            if key not in there or there[key][0] != value:
                yield ("put", bucket, key, value)


def _batches(operations: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    size = 0
    for operation in operations:
        batch.append(operation)
        size += len(operation[3]) if operation[0] == "put" else 0
        if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _is_equal(copied: dict[str, dict[str, Record]], target: StatePort) -> bool:
    """Read everything back from the disk's view of it."""
    target.close()
    return not any(_differences(copied, _snapshot(target)))


def _is_unchanged(copied: dict[str, dict[str, Record]], source: StatePort) -> bool:
    return copied == _snapshot(source)


def _copy_late_changes(source: StatePort, target: StatePort, copied: dict[str, dict[str, Record]]) -> None:
    """Bring over what was written to the source between the last look and the switch.

    A record that was changed in the target since then is newer and stays.
    """
    late, present = _snapshot(source), _snapshot(target)
    for bucket, records in late.items():
        known = copied[bucket]
        for key in known.keys() | records.keys():
            if known.get(key) == records.get(key):
                continue
            there = present[bucket].get(key)
            if (there[0] if there else None) != (known[key][0] if key in known else None):
                continue
            change = ("put", bucket, key, records[key][0]) if key in records else ("delete", bucket, key)
            try:
                target.apply([("check", bucket, key, there[1] if there else 0), change], True)
            except Conflict:
                continue  # changed in the target this very moment
