"""Artifacts from registries and to them."""

from __future__ import annotations

import os

from ..errors import PolypodError, StorageError
from ..oci import manifest, platforms, reference
from ..registry import client, conf
from .artifacts import artifact_store, find_entry, full_name, read_artifact
from .progress import progress_of
from .trust import check_origin, registry_origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from ..oci.layout_blobs import Staging
    from ..oci.reference import Reference
    from ..registry.access import Access
    from ..registry.client import Fetched, Repository
    from .progress import Progress
    from .runtime import Runtime
    from .sign import Signer, SignOptions

_DEPTH = 4  # an index may list indexes
_PARALLEL = 6  # blobs at a time, as containers/image


def quiet(text: str) -> None:
    """Report nothing."""


def pull_artifact(
    rt: Runtime,
    name: str,
    access: Access,
    report: Callable[[str], None] | Progress = quiet,
    signature_policy: str = "",
) -> str:
    """Fetch an artifact into the local store, in place of one of that name; its manifest's digest.

    Blobs that the store has are not fetched. Raises ``RegistryError``, ``PolicyRejected`` and
    ``StorageError``; then the store is as before.
    """
    from .events import emit

    name = full_name(name)
    progress = progress_of(report)
    wanted = reference.parse(name)
    with client.open_source(wanted, access, conf.load(access.registries_conf)) as repository:
        fetched = read_manifest(repository, wanted)
        origin = registry_origin(repository, wanted, fetched.digest)
        check_origin(origin, fetched.data, signature_policy)
        parsed = manifest.parse(fetched.data)
        store = artifact_store(rt)
        with store.stage() as staging:
            progress.line("Getting image source signatures")
            _fetch_all(repository, staging, parsed, progress)
            staging.add([fetched.data], fetched.digest)
            progress.line("Writing manifest to image destination")
            raw = {
                "mediaType": fetched.media_type,
                "digest": fetched.digest,
                "size": len(fetched.data),
                "annotations": {"org.opencontainers.image.ref.name": name},
            }
            with store.write() as change:
                change.put(raw, staging)
    emit(rt, "artifact", "pull", id=fetched.digest[7:], name=name)
    return fetched.digest


def read_manifest(repository: Repository, wanted: Reference) -> Fetched:
    """The artifact's own manifest; of an index the one for this host, as containers/image chooses."""
    fetched = repository.manifest()
    for _ in range(_DEPTH):
        try:
            parsed = manifest.parse(fetched.data)
            if not parsed.is_index:
                break
            entry = platforms.choose(parsed, "", "", "")
        except ValueError as error:
            raise PolypodError(f"docker://{wanted}: {error}") from None
        fetched = repository.manifest(entry.digest)
    if fetched.media_type != manifest.OCI_MANIFEST:
        raise PolypodError(
            f"docker://{wanted} is of type {fetched.media_type} and no OCI artifact; "
            f"use: polypod pull {wanted}"
        )
    return fetched


def _fetch_all(
    repository: Repository, staging: Staging, parsed: manifest.Manifest, progress: Progress
) -> None:
    """Stage the blobs of a manifest, each once, several at a time."""
    from concurrent.futures import ThreadPoolExecutor

    blobs = {layer.digest: (layer.size, "blob") for layer in parsed.layers}
    if parsed.config is not None:
        blobs.setdefault(parsed.config.digest, (parsed.config.size, "config"))

    def fetch(item: tuple[str, tuple[int, str]]) -> None:
        digest, (size, kind) = item
        _fetch(repository, staging, digest, size, kind, progress)

    with ThreadPoolExecutor(min(_PARALLEL, len(blobs) or 1)) as pool:
        for future in [pool.submit(fetch, item) for item in blobs.items()]:
            try:
                future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _fetch(
    repository: Repository, staging: Staging, digest: str, size: int, kind: str, progress: Progress
) -> None:
    bar = progress.blob(digest, size, kind)
    if staging.claim(digest):
        bar.done("skipped: already exists")
        return

    def chunks() -> Iterator[bytes]:
        with repository.open_blob(digest, size) as reader:
            while piece := reader.read(1 << 20):
                bar.advance(len(piece))
                yield piece

    staging.add(chunks(), digest)
    bar.done()


def push_artifact(
    rt: Runtime,
    name: str,
    access: Access,
    report: Callable[[str], None] | Progress = quiet,
    sign: SignOptions | None = None,
) -> str:
    """Upload an artifact under its name, and sign it when ``sign`` says so; the digest of its manifest.

    The registry checks every blob. Raises ``NoSuchArtifact``, ``RegistryError`` and ``StorageError``.
    """
    from .events import emit

    name = full_name(name)
    progress = progress_of(report)
    store = artifact_store(rt)
    entry = find_entry(store.entries(), name)
    data = store.read(entry.digest)
    artifact = read_artifact(store, entry)
    files = _open_blobs(artifact.manifest, store.blob)
    wanted = reference.parse(name)
    try:
        signer = _signer(sign, wanted)
        registries = conf.load(access.registries_conf)
        with client.open_destination(wanted, access, registries) as repository:
            progress.line("Getting image source signatures")
            for digest, (fd, size, kind) in files.items():
                _upload(repository, digest, fd, size, kind, progress)
            progress.line("Writing manifest to image destination")
            repository.put_manifest(wanted.tag or entry.digest, data, manifest.OCI_MANIFEST)
            if signer is not None:
                from .sign import sign_and_store

                sign_and_store(repository, wanted, data, signer)
    finally:
        for fd, _, _ in files.values():
            os.close(fd)
    emit(rt, "artifact", "push", id=entry.digest[7:], name=name)
    return entry.digest


def _signer(options: SignOptions | None, wanted: Reference) -> Signer | None:
    """A signer, which fails before anything is sent; ``None`` when nothing is to be signed."""
    if not options:
        return None
    from .sign import Signer

    signer = Signer(options)
    signer.check_registry(wanted)
    return signer


def _open_blobs(
    document: dict[str, Any], path_of: Callable[[str], str]
) -> dict[str, tuple[int, int, str]]:
    """``(fd, size, kind)`` by digest: open, so that they stay whoever removes the artifact meanwhile."""
    files: dict[str, tuple[int, int, str]] = {}
    wanted = [(layer, "blob") for layer in document.get("layers") or []]
    wanted.append((document.get("config") or {}, "config"))
    try:
        for descriptor, kind in wanted:
            digest = descriptor.get("digest")
            if not manifest.is_digest(digest):
                raise StorageError(f"the artifact has a {kind} without a valid digest")
            if digest not in files:
                fd = os.open(path_of(digest), os.O_RDONLY | os.O_CLOEXEC)
                files[digest] = (fd, os.fstat(fd).st_size, kind)
    except FileNotFoundError as error:
        _close(files)
        raise StorageError(f"the artifact is damaged: {error.filename} is missing") from None
    except BaseException:
        _close(files)
        raise
    return files


def _close(files: dict[str, tuple[int, int, str]]) -> None:
    for fd, _, _ in files.values():
        os.close(fd)


def _upload(
    repository: Repository, digest: str, fd: int, size: int, kind: str, progress: Progress
) -> None:
    bar = progress.blob(digest, size, kind)
    if repository.has_blob(digest) is not None:
        bar.done("skipped: already exists")
        return
    sent = 0

    def chunks(offset: int) -> Iterator[bytes]:
        nonlocal sent
        while piece := os.pread(fd, 1 << 20, offset):
            offset += len(piece)
            if offset > sent:  # a resumed upload sends some bytes twice
                bar.advance(offset - sent)
                sent = offset
            yield piece

    repository.upload(digest, size, chunks)
    bar.done()
