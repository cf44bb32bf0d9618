"""Plugin group ``polypod.state.v1``: bytes in buckets, changed by atomic, conditional batches.

A driver stores ``(bucket, key) -> (value, revision)`` and nothing else: names,
prefixes of IDs, references and indexes live once above it, in
``polypod.records``. Buckets and keys are printable ASCII without ``/`` and NUL,
at most 64 and 400 characters; a value is at most 4 MiB. A revision is a positive
integer that grows with every change of the record and is never used twice for
the same key, also when the record was deleted in between.

The entry point names a class with the attribute ``Config`` (a struct for the
plugin's table in polypod.conf); the instance is made as
``Driver(config=Config(...), root=STATIC_DIR, run_root=VOLATILE_DIR)``. ``root`` survives
a reboot, ``run_root`` does not; either may not exist yet. The constructor opens nothing, and
raises ``DriverUnavailable`` when it can never work here. Reading makes no files: a state that was
never written to is empty. Files have mode 0600, directories 0700. Several drivers share
``root`` (``system migrate`` copies from one to another), so each names its files after itself.
A driver keeps no lock between calls.

All functions may be called from several processes at once and from several
threads of one. A driver waits for other writers; it never fails because another
one is busy, and never waits for one that was killed. Nothing is inherited over fork: a
driver re-opens in the child. ``polypod.kit.statefiles`` has what drivers over files need for
this; ``polypod.testing.state`` has the suite that every driver must pass, and
docs/plugins/state.md tells how to write one.
"""

from __future__ import annotations

from .markers import hookspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GROUP = "polypod.state.v1"

#: Put(bucket, key, value): ("put", bucket, key, value)
#: Delete (no error when absent): ("delete", bucket, key)
#: Precondition on a record's revision; 0 = must not exist, -1 = must exist: ("check", bucket, key, revision)
if TYPE_CHECKING:
    Operation = tuple[Any, ...]
else:
    Operation = tuple


@hookspec(firstresult=True)
def state_get(bucket: str, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
    """Read some records of one bucket in one consistent snapshot.

    Returns ``{key: (value, revision)}`` for those that exist; an unknown bucket
    is empty, and a name that could never have been stored is absent. Raises
    ``CorruptRecord`` when a record asked for cannot be read.
    """


@hookspec(firstresult=True)
def state_list(bucket: str, prefix: str) -> list[tuple[str, bytes, int]]:
    """All records of a bucket whose key starts with ``prefix``, ordered by key.

    One consistent snapshot. A damaged record is left out; ``state_check`` names it.
    """


@hookspec(firstresult=True)
def state_apply(operations: Sequence[Operation], durable: bool) -> int:
    """Carry out a batch: all of it or nothing.

    First every ``check`` is tested; when one fails, ``Conflict(bucket, key)`` is
    raised and nothing changes. Then puts and deletes happen in order. When the
    call returns, every process sees the change and it survives SIGKILL of any
    process; with ``durable`` it also survives a loss of power, and so does every batch
    before it. A loss of power may undo the others, but must not damage anything. Returns a
    revision not smaller than any of the batch's. A check of a damaged record takes it as
    existing with an unknown revision; a put or delete replaces it.

    Raises ``StateError`` for a full disk, a read-only directory and a batch outside the
    limits above; then nothing changed.
    """


@hookspec(firstresult=True)
def state_check(repair: bool) -> list[tuple[str, str, str]]:
    """Verify every record; returns ``(bucket, key, what is wrong)`` for the damaged ones.

    Damage of the files as such is reported with an empty bucket and key. With
    ``repair`` damaged records are removed and what can be rebuilt is rebuilt.
    """


@hookspec(firstresult=True)
def state_info() -> dict[str, str]:
    """Facts for ``polypod info``: at least ``path``, the file or directory that holds the state."""


@hookspec(firstresult=True)
def state_close() -> bool:
    """Release files and memory; the next call opens them again. Returns True."""
