"""``artifact add``: files of this host become an artifact, or a part of one."""

from __future__ import annotations

import os
import time

from ..errors import AlreadyExists, NoSuchArtifact, PolypodError, UsageError
from ..model.struct import Struct
from ..oci.manifest import OCI_MANIFEST, sha256
from .artifacts import CREATED, TITLE, artifact_store, find_entry, full_name, read_artifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..oci.layout_blobs import Staging
    from ..oci.layout_store import Entry, LayoutStore
    from .runtime import Runtime

_EMPTY = b"{}"
#: The config of an artifact: an empty object (image-spec manifest.md, "empty descriptor").
_EMPTY_CONFIG = {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": sha256(_EMPTY),
    "size": len(_EMPTY),
    "data": "e30=",
}


class AddOptions(Struct):
    """The flags of ``artifact add``. An empty ``file_type`` means: by the file's first bytes."""

    artifact_type: str = ""
    file_type: str = ""
    annotations: dict[str, str] = {}
    append: bool = False
    replace: bool = False


def add_artifact(
    rt: Runtime, name: str, paths: Sequence[str], options: AddOptions | None = None
) -> str:
    """Make an artifact of files, or append them to one; the digest of the manifest.

    Raises ``AlreadyExists`` (the artifact, or a file of that title in it), ``NoSuchArtifact`` when there is
    nothing to append to, ``UsageError``, ``PolypodError`` for a file that cannot be read. After an
    error the store is as before.
    """
    from .events import emit

    options = options or AddOptions()
    _check_options(options)
    name = full_name(name)
    store = artifact_store(rt)
    _start(store, store.entries(), name, paths, options)  # before gigabytes are read
    with store.stage() as staging:
        layers = [_layer(staging, path, options) for path in paths]
        staging.add([_EMPTY])
        with store.write() as change:
            manifest = _start(store, change.entries, name, paths, options)
            manifest["layers"] = [*manifest["layers"], *layers]
            digest, size = staging.add([_encode(manifest)])
            raw = {"mediaType": OCI_MANIFEST, "digest": digest, "size": size}
            raw["annotations"] = {"org.opencontainers.image.ref.name": name}
            change.put(raw, staging)
    emit(rt, "artifact", "create", id=digest[7:], name=name)
    return digest


def _check_options(options: AddOptions) -> None:
    if options.append and options.replace:
        raise UsageError("--append and --replace options cannot be used together")
    if options.append and options.artifact_type:
        raise UsageError("append option is not compatible with type option")


def _encode(manifest: dict[str, Any]) -> bytes:
    from ..kit.fastjson import dumps

    return dumps(manifest).encode()


def _start(
    store: LayoutStore,
    entries: Sequence[Entry],
    name: str,
    paths: Sequence[str],
    options: AddOptions,
) -> dict[str, Any]:
    """The manifest that the files are added to; raises what forbids it."""
    try:
        entry = find_entry(entries, name)
    except NoSuchArtifact:
        if options.append:
            raise
        entry = None
    manifest = _new_manifest(options)
    if entry is not None and options.append:
        manifest = dict(read_artifact(store, entry).manifest)
        manifest["layers"] = list(manifest.get("layers") or [])
    elif entry is not None and not options.replace:
        raise AlreadyExists(f"{name}: artifact already exists")
    _check_titles(manifest["layers"], paths, options)
    return manifest


def _check_titles(layers: list[dict[str, Any]], paths: Sequence[str], options: AddOptions) -> None:
    taken = {(layer.get("annotations") or {}).get(TITLE) for layer in layers}
    names = {*taken} - {None, ""}
    for path in paths:
        base = os.path.basename(path)
        if base in names:
            raise AlreadyExists(f"{base}: file already exists in artifact")
        names.add(base)
    title = options.annotations.get(TITLE)
    if title is not None and (title in taken or len(paths) > 1):
        raise UsageError(f"duplicate layers {TITLE} labels within an artifact not allowed")


def _new_manifest(options: AddOptions) -> dict[str, Any]:
    manifest: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_MANIFEST}
    if options.artifact_type:
        manifest["artifactType"] = options.artifact_type
    manifest["config"] = dict(_EMPTY_CONFIG)
    manifest["layers"] = []
    manifest["annotations"] = dict(sorted({**options.annotations, CREATED: _now()}.items()))
    return manifest


def _now() -> str:
    """RFC 3339 with nanoseconds, trailing zeros cut."""
    stamp = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(stamp // 1_000_000_000))
    fraction = f"{stamp % 1_000_000_000:09d}".rstrip("0")
    return f"{seconds}{'.' + fraction if fraction else ''}Z"


def _layer(staging: Staging, path: str, options: AddOptions) -> dict[str, Any]:
    """Stage one file; its descriptor."""
    from ..oci.mimesniff import SNIFF_LENGTH, detect

    try:
        if not os.path.isfile(path) and os.path.exists(path):
            raise PolypodError(f"open {path}: not a regular file")
        with open(path, "rb", buffering=0) as file:
            head = file.read(SNIFF_LENGTH)
        digest, size = staging.add_file(path)
    except OSError as error:
        if error.filename not in (None, path):
            raise
        raise PolypodError(f"open {path}: {(error.strerror or str(error)).lower()}") from error
    annotations = {TITLE: os.path.basename(path), **options.annotations}
    return {
        "mediaType": options.file_type or detect(head),
        "digest": digest,
        "size": size,
        "annotations": dict(sorted(annotations.items())),
    }
