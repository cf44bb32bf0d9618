"""Images for tests: made on the spot, because no registry can be reached."""

from __future__ import annotations

import io
import tempfile

from .busybox import write_rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..engine.runtime import Runtime

BUSYBOX = "localhost/busybox:latest"
CHANGES = ['CMD ["/bin/sh"]', "ENV PATH=/bin:/sbin:/usr/bin:/usr/sbin"]


def make_busybox_image(rt: Runtime, name: str = BUSYBOX, changes: list[str] | None = None) -> str:
    """Import a busybox image into the store under a name; returns its ID (64 hex digits)."""
    from ..engine.images_import import ImportOptions, import_stream

    options = ImportOptions(reference=name, changes=[*CHANGES, *(changes or [])])
    with tempfile.TemporaryFile() as file:
        write_rootfs(file)
        file.seek(0)
        return import_stream(rt, file, options)


def make_image(
    rt: Runtime,
    name: str = "",
    files: dict[str, bytes] | None = None,
    changes: list[str] | None = None,
) -> str:
    """Import an image of the given files only, for tests that run nothing; returns its ID."""
    from ..engine.images_import import ImportOptions, import_stream

    options = ImportOptions(reference=name, changes=changes)
    stream = io.BytesIO(tar_of(files or {"hello": b"hello\n"}))
    return import_stream(rt, stream, options)


def tar_of(files: dict[str, bytes]) -> bytes:
    """A plain tar of regular files, owned by root, of a fixed time."""
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(data), 1_600_000_000
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def assert_whole(rt: Runtime) -> None:
    """Fail unless the store has exactly what its images need, on disk and in its records."""
    from pathlib import Path

    layers = {layer.id for layer in rt.store.layers()}
    needed = set()
    for image in rt.store.images():
        rt.store.image_config(image)
        needed |= {layer.id for layer in rt.store.image_layers(image)}
    containers = {rt.store.container_layer(c["id"]) for c in rt.store.containers()}
    assert layers == needed | containers
    home, records, pictures = (
        Path(rt.graphroot, f"overlay{part}") for part in ("", "-layers", "-images")
    )
    assert {p.name for p in home.glob("*") if len(p.name) == 64} == layers
    assert len([*home.glob("l/*")]) == len(layers)
    for name in ("polypod-pending", "polypod-fetching"):
        if (records / name).exists():
            assert [p.name for p in (records / name).iterdir()] == [], name
    assert {p.name.partition(".")[0] for p in records.glob("*.tar-split.gz")} <= layers
    big_data = {p.name for p in pictures.glob("*") if p.is_dir()}
    assert big_data == {image.id for image in rt.store.images()}
