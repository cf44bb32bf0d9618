"""``rmi`` and ``image prune``: untag or delete images, with their dangling parents."""

from __future__ import annotations

from ..errors import ImageDetached, ImageInUse, NoSuchImage, NotFound, PolypodError, UsageError
from .events import emit
from .images_list import size_of, users_by_image
from .images_lookup import find
from .images_names import remove_name
from .images_tree import ImageTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..model.image import Image
    from .runtime import Runtime


class Removed:
    """What became of one image."""

    __slots__ = ("deleted", "id", "size", "untagged")

    def __init__(self, id: str, size: int = 0) -> None:
        self.id = id
        self.size = size  # bytes that the image counted, when that was asked for
        self.deleted = False
        self.untagged: list[str] = []


class RemoveOptions:
    """How to remove; ``remove_container(id)`` is called for users of a forced removal."""

    __slots__ = ("force", "ignore", "no_prune", "remove_container", "with_size")

    def __init__(
        self,
        *,
        force: bool = False,
        ignore: bool = False,
        no_prune: bool = False,
        with_size: bool = False,
        remove_container: Callable[[str], None] | None = None,
    ) -> None:
        self.force = force
        self.ignore = ignore
        self.no_prune = no_prune
        self.with_size = with_size
        self.remove_container = remove_container


def remove_images(
    rt: Runtime, names: list[str], options: RemoveOptions
) -> tuple[list[Removed], list[PolypodError]]:
    """Remove the named images, one after the other; errors are collected, not raised.

    An image with several names only loses the named one. Names that mean the same image
    are handled together.
    """
    errors: list[PolypodError] = []
    wanted: dict[str, list[str]] = {}
    images = rt.store.images()
    for name in names:
        try:
            image, resolved = find(images, name)
        except NotFound as error:
            if not options.ignore:
                errors.append(_detached(rt, name) or error)
            continue
        except PolypodError as error:
            errors.append(error)
            continue
        wanted.setdefault(image.id, []).append(resolved)
    return _Remover(rt, options).run(wanted, errors)


def _detached(rt: Runtime, name: str) -> PolypodError | None:
    """The error for an image that lies in an image store which is not there now."""
    try:
        rt.store.refuse_detached(lambda images: find(images, name)[0], name)
    except ImageDetached as error:
        return error
    return None


def remove_all(rt: Runtime, options: RemoveOptions) -> tuple[list[Removed], list[PolypodError]]:
    """Remove every image that is not read-only, those built upon last."""
    tree = ImageTree(rt)
    own = [image for image in tree.images if not image.read_only]
    depth = {image.id: _depth(tree, image) for image in own}
    ordered = sorted(own, key=lambda image: -depth[image.id])
    return _Remover(rt, options).run({image.id: [""] for image in ordered}, [])


def remove_selected(
    rt: Runtime, filters: list[str], options: RemoveOptions
) -> tuple[list[Removed], list[PolypodError]]:
    """Remove the images that pass the filters (:mod:`images_filters`)."""
    from .images_filters import select

    chosen = select(rt, ImageTree(rt), filters)
    return _Remover(rt, options).run({image.id: [""] for image in chosen}, [])


def _depth(tree: ImageTree, image: Image) -> int:
    count, layer = 0, tree.layers.get(image.top_layer)
    while layer is not None and count < 1000:
        count, layer = count + 1, tree.layers.get(layer.parent)
    return count


def exit_code(errors: list[PolypodError]) -> int:
    """What rmi exits with: 2 something is in use, 1 only unknown images, 125 anything else."""
    if any(isinstance(error, ImageInUse) for error in errors):
        return 2
    if errors and all(isinstance(error, NotFound) for error in errors):
        return 1
    return 125 if errors else 0


class _Remover:
    """Decides on one view of the store what goes, then deletes all of it at once."""

    def __init__(self, rt: Runtime, options: RemoveOptions) -> None:
        self.rt = rt
        self.options = options
        self.tree = ImageTree(rt)
        self.images = {image.id: image for image in reversed(self.tree.images)}
        self.users = users_by_image(rt)
        self.reports: dict[str, Removed] = {}
        self.order: list[str] = []
        self.called: dict[str, str] = {}  # image ID -> how the user named what is removed
        self.doomed: dict[str, tuple[Image, bool]] = {}  # with: do other images stand on it

    def run(
        self, wanted: dict[str, list[str]], errors: list[PolypodError]
    ) -> tuple[list[Removed], list[PolypodError]]:
        for image_id, names in wanted.items():
            for name in names:
                try:
                    self.remove(image_id, name)
                except PolypodError as error:
                    errors.append(error)
        self._delete(errors)
        return [self.reports[id] for id in self.order], errors

    def remove(self, image_id: str, name: str) -> None:
        """Untag or doom one image; ``name`` is what it was called, "" = delete it."""
        image = self.images.get(image_id)
        if image is None:
            return  # doomed a moment ago, as another's parent
        if image.read_only:
            raise UsageError(f'cannot remove read-only image "{image.id}"')
        self.called[image.id] = name or image.id
        report = self._report(image)
        if name and len(image.names) != 1:
            image, done = self._untag(image, name, report)
            if done:
                return
        self._doom(image)

    def _report(self, image: Image) -> Removed:
        if image.id not in self.reports:
            size = size_of(self.rt, image) if self.options.with_size else 0
            self.reports[image.id] = Removed(image.id, max(size, 0))
        return self.reports[image.id]

    def _note(self, image_id: str) -> None:
        if image_id not in self.order:
            self.order.append(image_id)

    def _untag(self, image: Image, name: str, report: Removed) -> tuple[Image, bool]:
        by_digest = name.startswith("sha256:")
        by_id = image.id.startswith(name)
        if (by_id or by_digest) and len(image.names) > 1 and not self.options.force:
            how = "ID" if by_id else "digest"
            raise UsageError(
                f'unable to delete image "{image.id}" by {how} with more than one tag '
                f"([{' '.join(image.names)}]): please force removal"
            )
        if by_id or by_digest:
            return image, False
        image = remove_name(self.rt, image, name)
        self.images[image.id] = image
        self.tree.renamed(image)
        report.untagged.append(name)
        self._note(image.id)
        return image, bool(image.names)

    def _doom(self, image: Image) -> None:
        """Note that the image goes, and its parent when nothing else needs that."""
        self._note(image.id)
        self._free(image)
        parent = None if self.options.no_prune else self.tree.parent(image)
        # The data of an image with children stays, so podman does not call it deleted.
        self.doomed[image.id] = (image, bool(self.tree.children(image)))
        self.tree.forget(image)
        del self.images[image.id]
        if parent is not None and not parent.read_only and self.tree.is_dangling(parent):
            self.remove(parent.id, "")

    def _free(self, image: Image) -> None:
        """Make sure that no container uses the image: remove them when forced, refuse otherwise."""
        users = self.users.get(image.id, [])
        if not users:
            return
        if not self.options.force or self.options.remove_container is None:
            raise ImageInUse(
                f"image used by {users[0]}: image is in use by a container: "
                "consider listing external containers and force-removing image"
            )
        for container in users:
            self.options.remove_container(container)

    def _delete(self, errors: list[PolypodError]) -> None:
        outcome = self.rt.store.delete_images(list(self.doomed))
        for id, (image, has_children) in self.doomed.items():
            result = outcome[id]
            if isinstance(result, NoSuchImage):
                self.order.remove(id)  # another process was faster
                continue
            if isinstance(result, PolypodError):
                errors.append(result)
                continue
            report = self.reports[id]
            report.untagged.extend(image.names)
            report.deleted = not has_children
            for name in image.names:
                emit(self.rt, "image", "untag", id=id, name=name)
            emit(self.rt, "image", "remove", id=id, name=self.called[id])


def prune(rt: Runtime, *, all: bool, external: bool, filters: list[str]) -> list[Removed]:
    """Remove dangling images, with ``all`` every image that no container uses.

    Goes on until a round finds nothing, because a removed image may leave a dangling one.
    """
    wanted = [*filters, "readonly=false", f"containers={'external' if external else 'false'}"]
    if not all and not any(f.startswith("dangling=") for f in filters):
        wanted.append("dangling=true")
    options = RemoveOptions(force=external, with_size=True, remove_container=_external_remover(rt))
    pruned: list[Removed] = []
    while True:
        removed, errors = remove_selected(rt, wanted, options)
        if errors:
            raise errors[0]
        pruned += removed
        if not removed:
            return pruned


def _external_remover(rt: Runtime) -> Callable[[str], None]:
    def remove(container_id: str) -> None:
        rt.store.delete_container(container_id)

    return remove


def container_remover(rt: Runtime) -> Callable[[str], None]:
    """What a forced removal does to the containers of an image: removed, running or not.

    One that another engine made (buildah, podman) is only taken out of the store.
    """

    def remove_one(container_id: str) -> None:
        from .remove import remove

        try:
            remove(rt, container_id, force=True, volumes=True)
        except NotFound:
            pass  # not ours, or gone a moment ago; the store's record decides
        rt.store.delete_container(container_id)

    return remove_one


def joined(errors: list[PolypodError]) -> str:
    """The text for several errors, in the words of Go's multierror; one alone stands for itself."""
    if len(errors) == 1:
        return str(errors[0])
    lines = "".join(f"\n\t* {error}" for error in errors)
    return f"{len(errors)} errors occurred:{lines}"


def as_document(removed: Removed) -> dict[str, Any]:
    """A plain form for the Python face."""
    return {"Id": removed.id, "Deleted": removed.deleted, "Untagged": removed.untagged}
