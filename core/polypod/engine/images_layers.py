"""Brings the layers of an image into the store: several at once, each fetched once, in order recorded."""

from __future__ import annotations

import os
import time

from ..errors import PolypodError, StorageError
from ..oci import image_config
from ..oci.tarstream_apply import Applied
from ..store import putlayer
from ..store.claims import Claims
from .staging import Helpers, Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kit.lockfile import Held
    from ..model.image import Layer
    from ..oci.archive_image import ArchiveImage, LayerBlob
    from ..store import Store
    from ..store.pending import Note
    from .progress import BlobProgress, Progress
    from .runtime import Runtime
    from .staging import Event, Report

#: podman's default of containers.conf image_parallel_copies.
PARALLEL = 6
_COMMIT_EVERY = 1.0  # seconds of work that a kill may cost
_LOOK_EVERY = 0.05  # seconds between two looks at a claim that another process holds
_TICK = 0.2
# A layer may expand to this, and beyond it to so many times its size: gzip's own limit is 1032.
_FREE_SIZE = 8 << 30
_RATIO = 250


class _Plan:
    """One layer of the image: what it is, and how far it has come."""

    __slots__ = ("blob", "claim", "id", "layer", "note", "parent", "shown", "staged")

    def __init__(self, blob: LayerBlob, parent: str, layer: Layer | None) -> None:
        self.blob = blob
        self.parent = parent
        self.layer = layer  # in the store
        self.id = layer.id if layer else image_config.layer_id(parent, blob.diff_id)
        self.claim: Held | None = None
        self.note: Note | None = None
        self.shown: BlobProgress | None = None
        self.staged: putlayer.Staged | None = None


class LayerCopy:
    """The layers of one image on their way. ``made`` lists what this call recorded, lowest first."""

    def __init__(self, rt: Runtime, image: ArchiveImage, progress: Progress) -> None:
        self.made: list[str] = []
        self._store: Store = rt.store
        self._image = image
        self._progress = progress
        self._parallel = rt.settings.engine.image_parallel_copies or PARALLEL
        self._claims = Claims(os.path.dirname(rt.store.layer_records.image))
        self._plans = self._planned()
        self._next = 0  # the first layer that no helper was given
        self._recorded = 0  # the first layer that has no record
        self._last_commit = time.monotonic()
        self._waits = False

    def _planned(self) -> list[_Plan]:
        layers = self._store.layer_records.base()
        known = {(layer.parent, layer.diff_digest): layer for layer in layers}
        # Content may be copied from stores that are not built upon.
        everywhere = [*self._store.layers(), *layers]
        self._by_diff = {layer.diff_digest: layer for layer in everywhere if layer.diff_digest}
        plans: list[_Plan] = []
        parent = ""
        for blob in self._image.layers:
            layer = known.get((parent, blob.diff_id))
            if layer is not None and not self._store.is_sound(layer.id):
                layer = None
            plans.append(_Plan(blob, parent, layer))
            parent = plans[-1].id
        return plans

    def run(self) -> list[Layer]:
        """Bring in what is missing; the image's layers, lowest first.

        Raises the first error, with the layer's name; ``putlayer.LayerGone`` when it may be tried again.
        """
        missing = sum(plan.layer is None for plan in self._plans)
        if missing > 1 and putlayer.can_stack(self._store):  # one alone gains nothing from a helper
            self._several(min(missing, self._parallel))
        else:
            for plan in self._plans:
                if plan.layer is None:
                    self._one(plan)
                else:
                    self._skipped(plan)
        if missing:
            self._claims.sweep()
        return [plan.layer for plan in self._plans if plan.layer is not None]

    # -- one after the other: drivers that keep whole trees --------------------------------------

    def _one(self, plan: _Plan) -> None:
        claim = self._claims.take(plan.id)
        try:
            plan.layer = self._store.find_layer(plan.parent, plan.blob.diff_id)
            if plan.layer is not None:
                self._skipped(plan)
                return
            plan.shown = self._start(plan)
            plan.note = putlayer.open_stage(self._store)
            applied = self._stage(Task(index=0, id=plan.note.id), plan, plan.shown.advance)
            staged = putlayer.Staged(
                plan.note, applied, parent=plan.parent, id=plan.id, adopted=True
            )
            plan.layer = putlayer.commit(self._store, [staged])[0]
            self.made.append(plan.id)
            plan.shown.done()
        except (PolypodError, OSError) as error:
            raise self._named(error, plan) from error
        finally:
            if plan.note is not None:
                putlayer.discard(self._store, plan.note)
            self._claims.give_back(claim)

    # -- several at once ---------------------------------------------------------------------------

    def _several(self, count: int) -> None:
        import gc

        from ..oci import tarstream_apply  # noqa: F401 - before the fork, to be shared

        gc.freeze()
        helpers = Helpers(self._work, count, self._image.on_fork)
        try:
            while self._recorded < len(self._plans):
                blocked = self._hand_out(helpers)
                if helpers.busy:
                    timeout = _LOOK_EVERY if blocked else _TICK
                    for event in helpers.wait(timeout):
                        self._take(event)
                    self._progress.tick()
                all_out = self._next == len(self._plans) and not helpers.busy
                self._record(due=all_out or blocked is not None)
                if blocked and not helpers.busy:
                    self._await(blocked)
        finally:
            gc.unfreeze()
            helpers.close()
            for plan in self._plans:
                self._let_go(plan)

    def _hand_out(self, helpers: Helpers) -> _Plan | None:
        """Give idle helpers work. Returns the layer that has to wait, if one does."""
        while self._next < len(self._plans):
            plan = self._plans[self._next]
            if plan.layer is None:
                if not helpers.idle:
                    return None
                if self._comes_already(plan):
                    return plan
                if not self._claim(plan):
                    return plan
            if plan.layer is None:
                plan.shown = self._start(plan)
                plan.note = putlayer.open_stage(self._store)
                copy_of = self._by_diff.get(plan.blob.diff_id)
                task = Task(index=self._next, id=plan.note.id, copy_of=copy_of.id if copy_of else "")
                helpers.give(task, plan.note.fd)
            else:
                self._skipped(plan)
            self._next += 1
        return None

    def _comes_already(self, plan: _Plan) -> bool:
        """Whether the same content is on its way for a lower layer: it will be copied from there."""
        return any(
            other.blob.diff_id == plan.blob.diff_id
            for other in self._plans[self._recorded : self._next]
            if other.layer is None
        )

    def _claim(self, plan: _Plan) -> bool:
        """Claim a layer and look whether somebody has brought it in meanwhile; False: somebody does now."""
        if plan.claim is None:
            plan.claim = self._claims.take_now(plan.id)
            if plan.claim is None:
                self._say_waiting()
                return False
        if self._store.layer_records.find(plan.id) is not None:
            plan.layer = self._store.find_layer(plan.parent, plan.blob.diff_id)
        if plan.layer is not None:
            self._let_go(plan)
        return True

    def _await(self, plan: _Plan) -> None:
        """Nothing else is left to do: wait for the process that brings this layer in."""
        if plan.claim is None and not self._comes_already(plan):
            plan.claim = self._claims.take(plan.id)

    def _take(self, event: Event) -> None:
        plan = self._plans[event.index]
        if event.error is not None:
            raise self._named(event.error, plan) from event.error
        if plan.shown is not None and event.count:
            plan.shown.advance(event.count)
        if event.done is not None and plan.note is not None:
            applied = Applied.from_dict(event.done)
            plan.staged = putlayer.Staged(plan.note, applied, parent=plan.parent, id=plan.id)

    def _record(self, *, due: bool) -> None:
        """Record what is ready, in order: when it is due (at the end, when something waits for it), or once a second."""
        ready: list[_Plan] = []
        for plan in self._plans[self._recorded : self._next]:
            if plan.layer is None and plan.staged is None:
                break
            ready.append(plan)
        fresh = [plan for plan in ready if plan.layer is None]
        if fresh and not due and time.monotonic() - self._last_commit < _COMMIT_EVERY:
            return
        if fresh:
            batch = [plan.staged for plan in fresh if plan.staged is not None]
            layers = putlayer.commit(self._store, batch)
            for plan, layer in zip(fresh, layers, strict=True):
                plan.layer = layer
                self._by_diff[layer.diff_digest] = layer
                self.made.append(layer.id)
                if plan.shown is not None:
                    plan.shown.done()
                self._let_go(plan)
            self._last_commit = time.monotonic()
        self._recorded += len(ready)

    def _let_go(self, plan: _Plan) -> None:
        if plan.note is not None:
            putlayer.discard(self._store, plan.note)
            plan.note = None
        if plan.claim is not None:
            self._claims.give_back(plan.claim)
            plan.claim = None

    # -- in a helper -----------------------------------------------------------------------------------

    def _work(self, task: Task, report: Report) -> dict[str, Any]:
        return self._stage(task, self._plans[task.index], report, parent="").to_dict()

    def _stage(self, task: Task, plan: _Plan, report: Report, parent: str | None = None) -> Applied:
        below = plan.parent if parent is None else parent
        blob = plan.blob
        if task.copy_of:
            try:
                return self._copied(task, blob, below)
            except (StorageError, OSError):
                self._store.driver.remove(task.id)  # what is there is damaged: fetch it
        wanted = putlayer.Wanted(
            diff_digest=blob.diff_id,
            compressed_digest=blob.digest,
            size_limit=max(_FREE_SIZE, _RATIO * blob.size),
        )
        with blob.open() as stream:
            counted = _Counted(stream, report)
            return putlayer.stage(self._store, task.id, counted, wanted, parent=below)  # type: ignore[arg-type]

    def _copied(self, task: Task, blob: LayerBlob, parent: str) -> Applied:
        """Take a layer's content from another one that has it, on other layers."""
        source = self._store.layer(task.copy_of)
        wanted = putlayer.Wanted(diff_digest=blob.diff_id)
        pieces = _Pieces(self._store.diff(source))
        applied = putlayer.stage(self._store, task.id, pieces, wanted, parent=parent)  # type: ignore[arg-type]
        if source.compressed_digest != blob.digest:
            return applied
        return applied.evolve(
            compressed_digest=source.compressed_digest,
            compressed_size=source.compressed_size,
            compression=source.compression,
        )

    # -- words -----------------------------------------------------------------------------------------

    def _start(self, plan: _Plan) -> BlobProgress:
        return self._progress.blob(plan.blob.digest or plan.blob.diff_id, plan.blob.size)

    def _say_waiting(self) -> None:
        if not self._waits:
            self._waits = True
            self._progress.line("Waiting for another process that copies the same layers")

    def _skipped(self, plan: _Plan) -> None:
        shown = plan.blob.digest or plan.blob.diff_id
        self._progress.line(f"Copying blob {shown} skipped: already exists")

    def _named(self, error: BaseException, plan: _Plan) -> BaseException:
        """The error with the layer's name before it."""
        if not isinstance(error, PolypodError) or isinstance(error, putlayer.LayerGone):
            return error
        shown = plan.blob.digest or plan.blob.diff_id
        return type(error)(f"layer {shown}: {error}")


class _Counted:
    """A stream that tells how much of it was read."""

    def __init__(self, stream: Any, report: Report) -> None:
        self._read = stream.read
        self._report = report
        self.verified = getattr(stream, "digest", "")

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._read(size)
        self._report(len(data))
        return data


class _Pieces:
    """An iterator of pieces as something to read from."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces

    def read(self, _size: int = -1, /) -> bytes:
        """The next piece, whatever its size; empty at the end."""
        return next(filter(None, self._pieces), b"")
