"""The store: images, layers and containers on disk in the containers/storage format."""

from __future__ import annotations

from ..errors import ImageDetached, NoSuchImage, PolypodError, StorageError, StoreAbsent
from ..kit import fastjson
from . import lookup
from .containers import Containers
from .images import MANIFEST, Images
from .layers import Layers
from .places import Places, random_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, BinaryIO

    from ..model.image import Image, Layer
    from ..ports.storage import StoragePort
    from .imagestores import ImageStores


class Store:
    """One graphroot, shared with podman, buildah and skopeo.

    ``driver_name`` is the prefix of the directories (``overlay-layers``). With ``imagestore``
    images and their layers lie there, containers' layers in ``graphroot``. ``additional`` are
    roots of read-only stores; ``stores`` are the attached ones, and those of the configuration once more.
    Making a Store touches no file of its own roots.
    """

    def __init__(
        self,
        graphroot: str,
        runroot: str,
        driver: StoragePort,
        driver_name: str = "overlay",
        imagestore: str = "",
        additional: Sequence[str] = (),
        stores: ImageStores | None = None,
    ) -> None:
        extra = tuple(dict.fromkeys((*additional, *(stores.roots() if stores is not None else ()))))
        self.places = Places(graphroot, runroot, driver_name, imagestore, extra, stores)
        self.stores = stores
        self._answers = False
        self.driver = driver
        self.layer_records = Layers(self.places, driver)
        self.image_records = Images(self.places)
        self.container_records = Containers(self.places)
        self._known: dict[str, tuple[str, bool, str]] = {}  # container -> layer, volatile, label

    # -- images --------------------------------------------------------------------------------

    def images(self) -> list[Image]:
        """All images, those of other stores last; without those of stores that are not there.

        ``StoreAbsent`` when a required store is not there.
        """
        if self.stores is not None:
            self.stores.check_required()
        self._check_imagestore()
        return self.image_records.all()

    def _check_imagestore(self) -> None:
        """Raise ``StoreAbsent`` when the writable imagestore lies on a file system that does not answer."""
        if self.places.split and not self._answers:
            from .probing import refuse_silent

            refuse_silent(self.places.image_root, self.places.run_root)
            self._answers = True

    def may_be_away(self, layer_id: str) -> bool:
        """Whether a layer that has no record here may lie in a store that is not there now."""
        return self.stores is not None and self.stores.may_hold(layer_id)

    def detached_images(self) -> list[Image]:
        """The images of attached stores that are not there now, as they were seen last."""
        return self.stores.detached_images() if self.stores is not None else []

    def find_image(self, name: str, registries: Iterable[str] = ()) -> Image:
        """The image that a user means by an ID, a prefix of one, or a name; ``NoSuchImage``.

        ``registries`` are the unqualified-search registries, tried for short names.
        """
        try:
            return lookup.find(self.images(), name, registries)
        except NoSuchImage:
            self.refuse_detached(lambda images: lookup.find(images, name, registries), name)
            raise

    def refuse_detached(self, find: Callable[[list[Image]], Image], name: str) -> None:
        """Raise ``ImageDetached`` when ``find`` finds the image in a store that is not there."""
        images = self.detached_images()
        if not images or self.stores is None:
            return
        try:
            image = find(images)
        except NoSuchImage:
            return
        store = self.stores.get(image.store)
        raise ImageDetached(f"{name}: {self.stores.sentence(store)}")

    def image(self, id: str) -> Image:
        """The image with this full ID; ``NoSuchImage``."""
        for image in self.images():
            if image.id == id:
                return image
        self.refuse_detached(lambda images: _with_id(images, id), id)
        raise lookup.missing(id)

    def image_config(self, image: Image) -> dict[str, Any]:
        """The image's OCI (or Docker) config document."""
        data = self.image_records.big_data(image.id, self._config_key(image))
        config: dict[str, Any] = fastjson.loads(data)
        return config

    def _config_key(self, image: Image) -> str:
        record, _ = self.image_records.record(image.id)
        names = record.get("big-data-names") or ()
        own = "sha256:" + image.id
        if own in names or not names:
            return own
        # An image whose ID is not its config's digest (made by hand, or partially pulled).
        digest = (fastjson.loads(self.manifest(image)).get("config") or {}).get("digest", own)
        return str(digest)

    def manifest(self, image: Image) -> bytes:
        """The image's manifest, byte for byte."""
        return self.image_records.big_data(image.id, MANIFEST)

    def image_size(self, image: Image) -> int:
        """Bytes of the image: its layers' uncompressed sizes and its documents, as podman counts."""
        total = self.image_records.big_data_size(image.id)
        for layer in self.image_layers(image):
            total += max(layer.diff_size, 0) if layer.diff_digest else self.layer_size(layer.id)
        return total

    def image_layers(self, image: Image) -> list[Layer]:
        """The image's layers, topmost first."""
        by_id = self.layer_records.by_id()
        found, id = [], image.top_layer
        while id:
            layer = by_id.get(id)
            if layer is None:
                raise StorageError(
                    f"image {image.id} is damaged: layer {id} is not known; remove the image and load it again"
                )
            found.append(layer)
            id = layer.parent
        return found

    def create_image(
        self,
        id: str,
        names: Sequence[str],
        top_layer: str,
        config: bytes,
        manifest: bytes,
        created: str = "",
        big_data: dict[str, bytes] | None = None,
        digest: str = "",
        signatures: Sequence[bytes] = (),
    ) -> Image:
        """Record an image whose layers are in the store; ``id`` is the config digest's hex digits.

        An image with that ID is renewed and gains the names; other images lose them.
        ``digest`` is that of the index by which the image was found, "" for its manifest's own.
        ``signatures`` are kept beside it (see :mod:`polypod.store.signatures`).
        """
        import hashlib

        own = "sha256:" + hashlib.sha256(manifest).hexdigest()
        items = {"sha256:" + id: config, f"{MANIFEST}-{own}": manifest, MANIFEST: manifest}
        items.update(big_data or {})
        metadata = ""
        if signatures:
            from .signatures import to_items

            signed, metadata = to_items(signatures, own)
            items.update(signed)
        found = self.image_records.unchanged(id, names, top_layer, items, digest or own, metadata)
        if found is not None:
            return found
        with self.layer_records.lock(images=True):  # nobody removes the layers meanwhile
            if top_layer and self.layer_records.find(top_layer) is None:
                from .putlayer import LayerGone

                raise LayerGone(f"layer {top_layer} of image {id} was removed meanwhile; try again")
            return self.image_records.add(
                id,
                tuple(dict.fromkeys(names)),
                top_layer,
                items,
                created=created,
                digest=digest or own,
                metadata=metadata,
                shared=self._publish(top_layer),
            )

    def _publish(self, top_layer: str) -> bool:
        """Open an image's layers to others when the store is a shared one."""
        if not self.places.split:
            return False
        from .sharing import is_shared, publish_layers

        if not is_shared(self.places.image_root):
            return False
        by_id = self.layer_records.by_id()
        chain, id = [], top_layer
        while id in by_id:
            chain.append(id)
            id = by_id[id].parent
        publish_layers(self.places, chain)
        return True

    def set_names(self, image_id: str, names: Sequence[str]) -> Image:
        """Replace an image's names; a name that another image has moves here."""
        return self.image_records.set_names(image_id, names)

    def delete_image(self, image_id: str) -> list[str]:
        """Remove an image and those of its layers that nothing else needs; IDs of removed layers.

        ``ImageInUse`` when a container of any engine was made from it.
        """
        outcome = self.delete_images([image_id])[image_id]
        if isinstance(outcome, PolypodError):
            raise outcome
        return outcome

    def delete_images(self, image_ids: Sequence[str]) -> dict[str, list[str] | PolypodError]:
        """Remove many images as :meth:`delete_image` does one, with few locks and writes.

        In the given order; by ID what :meth:`delete_image` would return or raise.
        """
        from .removal import delete_images

        return delete_images(self, image_ids)

    def image_users(self, image_id: str) -> list[str]:
        """IDs of the containers made from an image, of whatever engine."""
        return [c["id"] for c in self.container_records.all() if c.get("image") == image_id]

    # -- layers --------------------------------------------------------------------------------

    def layers(self) -> list[Layer]:
        """All layers, containers' included."""
        return self.layer_records.all()

    def layer(self, id: str) -> Layer:
        """The layer with this ID, unique prefix of one, or name."""
        return self.layer_records.get(id)

    def layer_size(self, id: str) -> int:
        """Bytes of the layer's own files on disk."""
        return self.driver.usage(id)[0]

    def find_layer(self, parent: str, diff_digest: str) -> Layer | None:
        """The layer with this diffID on this parent: the same chain of diffIDs, so the same content.

        One that the writable store may build upon: its own, or one of a store that shares layers.
        One whose files are gone, or were found to be changed, counts as absent: putting it again mends it.
        """
        for layer in self.layer_records.base():
            same = layer.diff_digest == diff_digest and layer.parent == parent
            if same and self.is_sound(layer.id):
                return layer
        return None

    def is_sound(self, id: str) -> bool:
        """Whether a layer's files are there, to build upon, and no check has found them changed."""
        from .condemned import is_sound

        return is_sound(self, id) and not self._lent(id)

    def _lent(self, id: str) -> bool:
        """Whether a layer's files lie only in a store that may go away."""
        if not self.places.unshared:
            return False
        path = self.driver.diff_path(id)
        return any(path.startswith(root + "/") for root in self.places.unshared)

    def holds(self, id: str) -> bool:
        """Whether the files of a layer lie in a root that this store writes to."""
        if not self.driver.exists(id):
            return False
        path = self.driver.diff_path(id)
        return not any(path.startswith(root + "/") for root in self.places.extra)

    def put_layer(
        self,
        parent: str,
        stream: BinaryIO,
        *,
        id: str = "",
        diff_digest: str = "",
        compressed_digest: str = "",
        size_limit: int = 0,
    ) -> Layer:
        """Extract a layer's tar archive (plain, gzip, zstd, bzip2 or xz) on top of ``parent``.

        ``stream`` needs only ``read(n)``. ``diff_digest`` and ``compressed_digest`` ("sha256:...",
        of the uncompressed and of the given bytes) are checked when known. ``id`` is by default
        the one that containers/image derives from the diffIDs. Returns the layer that has the
        content, which may have been there already. ``size_limit`` bounds the uncompressed
        bytes (0: none). Raises ``HostileLayer``; then nothing stays.
        """
        from .putlayer import Wanted, put_layer

        wanted = Wanted(
            diff_digest=diff_digest, compressed_digest=compressed_digest, size_limit=size_limit
        )
        return put_layer(self, parent, stream, wanted, id=id)

    def delete_layer(self, id: str) -> None:
        """Remove an image layer that nothing needs; ``InUse`` when something does."""
        from .removal import delete_layer

        delete_layer(self, id)

    def diff(self, layer: Layer) -> Iterator[bytes]:
        """The layer as an uncompressed tar archive in pieces; byte for byte what was put in, when known."""
        from .diff import layer_diff

        return layer_diff(self, layer)

    # -- containers ------------------------------------------------------------------------------

    def create_container(
        self,
        id: str,
        names: Sequence[str],
        image_id: str,
        metadata: dict[str, Any] | str,
        volatile: bool,
        *,
        label: str = "",
        top_layer: str | None = None,
    ) -> str:
        """Record a container and make its writable layer on the image; returns the layer's ID.

        ``volatile``: for containers that go away with their process: nothing waits for the
        disk. ``label`` is the SELinux mount label. ``image_id`` "" makes an empty layer,
        ``top_layer`` overrides the image's.
        """
        if top_layer is None:
            top_layer = self.image_records.record(image_id)[0].get("layer", "") if image_id else ""
        layer = random_id()
        self.container_records.add(id, names, image_id, layer, metadata, volatile, label)
        try:
            self.layer_records.create_writable(layer, top_layer, volatile=volatile, label=label)
        except BaseException:
            self.layer_records.delete_writable(layer)
            self.container_records.remove(id)
            raise
        self._known[id] = (layer, volatile, label)
        return layer

    def containers(self) -> list[dict[str, Any]]:
        """The records of all containers in the store, other engines' included; read-only."""
        return self.container_records.all()

    def container_layer(self, id: str) -> str:
        """The ID of a container's writable layer; ``NoSuchContainer``."""
        return self._facts(id)[0]

    def _facts(self, id: str) -> tuple[str, bool, str]:
        known = self._known.get(id)
        if known is None:
            record = self.container_records.get(id)
            flags = record.get("flags") or {}
            known = (record["layer"], bool(flags.get("Volatile")), flags.get("MountLabel", ""))
            self._known[id] = known
        return known

    def mount_container(self, id: str) -> str:
        """Mount a container's root file system, or count one more user; returns its path."""
        self._check_imagestore()
        layer, volatile, label = self._facts(id)
        options = ("volatile",) if volatile else ()
        try:
            return self.layer_records.mount(layer, read_only=False, label=label, options=options)
        except StorageError as error:
            missing = self.stores.missing() if self.stores is not None else ""
            if not missing:
                raise
            raise StoreAbsent(f"{error}; not there now: {missing}") from error

    def unmount_container(self, id: str, force: bool = False) -> bool:
        """Take one user off the mount, or all; True when nothing is mounted any more."""
        return self.layer_records.unmount(self._facts(id)[0], force=force)

    def container_mount(self, id: str) -> str:
        """Where a container's root file system is mounted now, or ""."""
        return self.layer_records.mounted().get(self._facts(id)[0], "")

    def set_container_names(self, id: str, names: Sequence[str]) -> None:
        """Replace a container's names; ``AlreadyExists`` when another one has one of them."""
        self.container_records.rename(id, names)

    def delete_container(self, id: str, *, run_dir: bool = True) -> bool:
        """Unmount and remove a container with its layer and directories.

        Safe to repeat after a kill at any point; False when there was no record any more.
        With ``run_dir=False`` the directory below runroot is left to the caller.
        """
        record = self.container_records.find(id)
        if record is not None:
            self.layer_records.unmount(record["layer"], force=True)
            self.layer_records.delete_writable(record["layer"])
        self._known.pop(id, None)
        return self.container_records.remove(id, run_dir=run_dir)

    def container_size(self, id: str) -> int:
        """Bytes of the files that a container has written (``SizeRw``)."""
        from .diff import changed_size

        return changed_size(self, self._facts(id)[0])

    # -- the whole ---------------------------------------------------------------------------------

    def absent_stores(self) -> list[str]:
        """Additional stores that are not there: they are left out, and a user should be told."""
        from os.path import isdir

        absent = [root for root in self.places.extra if not isdir(root)]
        if self.stores is not None:
            usable = {store.name for store in self.stores.usable()}
            absent += [s.path for s in self.stores.stores if s.name not in usable and s.way != "copy"]
        return absent

    def check(self, repair: bool = False) -> list[tuple[str, str, str]]:
        """What is wrong: (``layer``, ``image`` or ``container``, ID, reason).

        ``repair`` removes files that no record names, and rebuilds what the driver can rebuild; no
        image and no container is removed. :mod:`polypod.store.check` has the check with its options.
        """
        from .check import check

        return check(self, repair)

    def container_dir(self, id: str) -> str:
        """The container's directory that outlives a reboot: the OCI bundle."""
        return self.container_records.directory(id)

    def container_run_dir(self, id: str) -> str:
        """The container's directory that a reboot empties: sockets, PID files."""
        return self.container_records.run_directory(id)


def _with_id(images: list[Image], id: str) -> Image:
    for image in images:
        if image.id == id:
            return image
    raise lookup.missing(id)
