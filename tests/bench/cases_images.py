"""What is measured with images: each case is data, as in ``cases``, with skopeo as a second peer."""

from __future__ import annotations

from dataclasses import dataclass

from cases import Command
from material_images import IMAGE

REGISTRY = "127.0.0.1:5000"
COMMITTED = "localhost/bench-committed"


@dataclass(frozen=True)
class ImageCase:
    """One row of the table of images.

    ``store``: "empty", or what it was filled with (see ``images.prepare``). ``parts`` of the
    material are needed. ``before`` and ``after`` are untimed commands of the engine, and
    ``wipe`` names files and folders to delete first. Words in braces: ``{root} {runroot}
    {folder} {engine} {saved} {megabytes} {images}``. ``repeats`` is for a round on tmpfs;
    ``disk``: measured on a disk as well, once a round.
    """

    name: str
    label: str
    target: float | None
    args: Command
    store: str = "empty"
    parts: tuple[str, ...] = ()
    before: tuple[Command, ...] = ()
    after: tuple[Command, ...] = ()
    wipe: tuple[str, ...] = ()
    skopeo: Command = ()
    skopeo_after: tuple[Command, ...] = ()
    repeats: int = 1
    disk: bool = False


def _storage(name: str) -> str:
    """skopeo's name of an image in a store of its own."""
    return "containers-storage:[overlay@{root}+{runroot}]" + name


def _pull(part: str, label: str, target: float | None, *, disk: bool = False) -> ImageCase:
    name = f"{REGISTRY}/bench/{part}:latest"
    return ImageCase(
        f"pull-{part}", label, target, ("pull", "-q", "--tls-verify=false", f"docker://{name}"),
        parts=(part,), after=(("rmi", name),), disk=disk,
        skopeo=("copy", "-q", "--src-tls-verify=false", f"docker://{name}", _storage(name)),
        skopeo_after=(("delete", _storage(name)),),
    )  # fmt: skip


def _push(kind: str, label: str, target: float) -> ImageCase:
    to = f"docker://{REGISTRY}/push/{{engine}}:latest"
    flags = ("--tls-verify=false", "--compression-format", kind)
    return ImageCase(
        f"push-{kind}", label, target, ("push", "-q", *flags, IMAGE, to),
        store="image", parts=("archive",), wipe=("{registry}/repositories/push", "{blobcache}"),
        skopeo=(
            "copy", "-q", "--dest-tls-verify=false", "--dest-compress-format", kind,
            _storage(IMAGE), to,
        ),
    )  # fmt: skip


def _save(kind: str, label: str) -> ImageCase:
    return ImageCase(
        f"save-{kind}", label, 0.8, ("save", "-q", "--format", kind, "-o", "{saved}", IMAGE),
        store="image", parts=("archive",), wipe=("{saved}",), disk=kind == "docker-archive",
        skopeo=("copy", "-q", _storage(IMAGE), kind + ":{saved}:" + IMAGE),
    )  # fmt: skip


_THOUSAND = {"store": "thousand", "parts": ("thousand",)}

CASES: tuple[ImageCase, ...] = (
    _pull("gzip", "`pull`, {megabytes} MB in 6 layers, gzip", 0.6, disk=True),
    _pull("zstd", "`pull`, the same with zstd", 0.8),
    _pull("small", "`pull` of 40 small layers", 0.7, disk=True),
    _pull("crowd", "`pull` of a directory with {files} small files", 0.8, disk=True),
    _push("gzip", "`push` of {megabytes} MB in 6 layers, gzip", 0.8),
    _push("zstd", "`push`, the same with zstd", 0.8),
    ImageCase("load-image", "`load` of {megabytes} MB in 6 layers", 0.8,
              ("load", "-q", "-i", "{folder}/image.tar"), parts=("archive",), disk=True,
              after=(("rmi", IMAGE),),
              skopeo=("copy", "-q", "docker-archive:{folder}/image.tar", _storage(IMAGE)),
              skopeo_after=(("delete", _storage(IMAGE)),)),
    _save("docker-archive", "`save` as docker-archive"),
    _save("oci-archive", "`save` as oci-archive (gzip)"),
    ImageCase("commit", "`commit` of a {changed} MB change", 0.8,
              ("commit", "-q", "change", COMMITTED), store="change", parts=("change",),
              after=(("rmi", COMMITTED),), disk=True),
    ImageCase("images-table", "`images`, {images} images", 0.5, ("images",), repeats=3, **_THOUSAND),
    ImageCase("images-json", "`images --format json`, {images} images", 0.5,
              ("images", "--format", "json"), repeats=3, **_THOUSAND),
    ImageCase("image-inspect", "`image inspect` one of {images}", 0.5,
              ("image", "inspect", "localhost/thousand/i7"), repeats=3, **_THOUSAND),
    ImageCase("history", "`history` of one of {images}", 0.5,
              ("history", "localhost/thousand/i7"), repeats=3, **_THOUSAND),
    ImageCase("tree", "`image tree` of one of {images}", 0.5,
              ("image", "tree", "localhost/thousand/i7"), repeats=3, **_THOUSAND),
    ImageCase("df", "`system df`, {images} images", 0.5, ("system", "df"), **_THOUSAND),
    ImageCase("image-prune", "`image prune -f`, {images} images, none dangling", 0.5,
              ("image", "prune", "-f"), **_THOUSAND),
    ImageCase("rmi", "`rmi` of {hundred} images", 0.5, ("rmi", "{names}"), store="hundred",
              parts=("hundred",), before=(("load", "-q", "-i", "{folder}/hundred.tar"),),
              disk=True),
)  # fmt: skip
