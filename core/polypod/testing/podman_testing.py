"""Damages a store on purpose: a stand-in for podman's ``podman-testing``, which 331-system-check.bats calls.

``PODMAN_TESTING="python -m polypod.testing.podman_testing" suite TREE 331-system-check``. It works on the
default store, or on the roots in ``POLYPOD_TESTING_ROOTS`` (``graphroot:runroot``).
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..store import Store

_KINDS = ("layer", "image", "container")


def _store() -> Store:
    from ..assembly import open_runtime

    flags: dict[str, str] = {}
    roots = os.environ.get("POLYPOD_TESTING_ROOTS", "")
    if roots:
        flags["root"], flags["runroot"] = roots.split(":")
    return open_runtime(flags).store


def _put_record(store: Store, record: dict[str, object]) -> None:
    records = store.layer_records
    with records.lock(images=True) as locks:
        table = records.edit(records.image)
        table.put(record)
        locks.record_write()
        table.save(durable=False)


def create_storage_layer(store: Store, args: Namespace) -> str:
    """Files of a layer without a record."""
    from ..store.places import random_id

    id: str = args.id or random_id()
    store.driver.prepare(id, args.parent, False)
    return id


def create_layer(store: Store, args: Namespace) -> str:
    """An empty layer that nothing uses."""
    from ..store.places import now

    id = create_storage_layer(store, args)
    record = {"id": id, "parent": args.parent, "created": now()}
    _put_record(store, {key: value for key, value in record.items() if value})
    return id


def populate_layer(store: Store, args: Namespace) -> str:
    """Extract an archive into an empty layer, and record what it was."""
    from ..oci.tarstream_apply import apply

    directory = os.path.dirname(store.layer_records.image)
    split = f"{directory}/{args.layer}.tar-split.gz"
    with open(args.file, "rb") as file:
        applied = apply(
            file,
            store.driver.diff_path(args.layer),
            split_path=split,
            style=store.driver.extraction(),
            size_limit=0,
        )
    record = dict(store.layer_records.find(args.layer) or {})
    record["diff-digest"], record["diff-size"] = applied.diff_digest, applied.diff_size
    _put_record(store, record)
    return ""


def modify_layer(store: Store, args: Namespace) -> str:
    """Extract an archive over a layer, behind the records' back."""
    import tarfile

    with tarfile.open(args.file) as archive:
        archive.extractall(store.driver.diff_path(args.layer))  # noqa: S202 - the test's own archive
    return ""


def remove_layer(store: Store, args: Namespace) -> str:
    """Take a layer away, whatever stands on it."""
    records = store.layer_records
    with records.lock(images=True) as locks:
        table = records.edit(records.image)
        table.remove(args.layer)
        locks.record_write()
        table.save(durable=False)
    store.driver.remove(args.layer)
    return ""


def create_image(store: Store, args: Namespace) -> str:
    """An image without documents."""
    from ..store.places import random_id

    return store.image_records.add(args.id or random_id(), (), args.layer, {}).id


def remove_image(store: Store, args: Namespace) -> str:
    """Forget an image, whatever uses it."""
    store.image_records.remove([args.image])
    return ""


def _data_path(store: Store, kind: str, args: Namespace) -> str:
    from ..store.places import big_data_name

    places, id = store.places, getattr(args, kind)
    folder = {
        "layer": places.layers(places.image_root),
        "image": places.images(places.image_root),
        "container": places.containers,
    }[kind]
    return f"{folder}/{id}/{big_data_name(args.key)}"


def _content(args: Namespace) -> bytes:
    if args.file:
        with open(args.file, "rb") as file:
            return file.read()
    return str(args.value).encode()


def create_data(store: Store, kind: str, args: Namespace) -> str:
    """Add a big data item, recorded."""
    data = _content(args)
    if kind == "image":
        store.image_records.set_big_data(args.image, args.key, data)
        return ""
    path = _data_path(store, kind, args)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    table = f"{os.path.dirname(os.path.dirname(path))}/{kind}s.json"
    from ..store.table import Text

    text = Text(table)
    record = text.get(getattr(args, kind)) or {}
    record.setdefault("big-data-names", []).append(args.key)
    if kind == "container":
        record.setdefault("big-data-sizes", {})[args.key] = len(data)
    text.put(record)
    text.save(durable=False)
    return ""


def modify_data(store: Store, kind: str, args: Namespace) -> str:
    """Change a big data item's file."""
    with open(_data_path(store, kind, args), "wb") as file:
        file.write(_content(args))
    return ""


def remove_data(store: Store, kind: str, args: Namespace) -> str:
    """Remove a big data item's file."""
    os.unlink(_data_path(store, kind, args))
    return ""


COMMANDS: dict[str, Callable[[Store, Namespace], str]] = {
    "create-storage-layer": create_storage_layer,
    "create-layer": create_layer,
    "populate-layer": populate_layer,
    "modify-layer": modify_layer,
    "remove-layer": remove_layer,
    "create-image": create_image,
    "remove-image": remove_image,
}
_DATA = {"create": create_data, "modify": modify_data, "remove": remove_data}


def main(argv: list[str]) -> int:
    """Run one command and print the ID that it made."""
    from argparse import ArgumentParser

    command, *rest = argv
    verb, _, kind = command.removesuffix("-data").partition("-")
    is_data = command.endswith("-data")
    parser = ArgumentParser(prog="podman-testing", allow_abbrev=False)
    short = {kind: ("-i",)} if is_data or verb == "remove" else {"id": ("-i",), "layer": ("-l",)}
    for name in ("id", "parent", "layer", "image", "container", "file", "key", "value"):
        extra = {"file": ("-f",), "key": ("-k",), "value": ("-v",), "parent": ("-p",)}.get(name, ())
        parser.add_argument(*extra, *short.get(name, ()), f"--{name}", default="")
    args = parser.parse_args(rest)
    store = _store()
    if is_data and kind in _KINDS:
        made = _DATA[verb](store, kind, args)
    else:
        made = COMMANDS[command](store, args)
    if made:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
