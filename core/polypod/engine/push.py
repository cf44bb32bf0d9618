"""``push``: an image from the store to a registry, an archive or a directory."""

from __future__ import annotations

from ..errors import NoSuchImage, PolypodError, UsageError
from ..oci import manifest
from .events import emit
from .image_sources import transport_of
from .image_sources_open import stored_name
from .image_sources_store import StoreSource
from .images_lookup import lookup, lookup_instance
from .push_cache import BlobCache
from .push_copy import Copier
from .push_open import open_destination, registry_reference
from .push_options import PushOptions
from .sign import open_signer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..oci.outgoing import OutImage
    from .progress import Progress
    from .runtime import Runtime


def push(
    rt: Runtime, name: str, destination: str, options: PushOptions, progress: Progress
) -> str:
    """Push an image and return the digest of the manifest that was written.

    ``destination`` may name any transport; "" pushes to the name by which the image was found.
    Of a manifest list the image for this host is pushed, the whole list when there is none.
    """
    options = options.checked()
    try:
        image, resolved = lookup_instance(rt, name)
    except NoSuchImage:
        from .manifests import is_list

        found = lookup(rt, name)[0]  # raises again for what is not there at all
        if not is_list(rt, found):
            raise
        from .manifests_push import push_list

        return push_list(rt, name, destination or name, options, progress)
    source = StoreSource(rt, image)
    out = source.image(source.manifest())
    target = destination or resolved
    if transport_of(target)[0] == "containers-storage":
        digest = _into_store(rt, image.id, target, options)
        progress.line("Writing manifest to image destination")
    else:
        own = [resolved] if ":" in resolved and "@" not in resolved else []
        digest = copy_to(rt, out, target, options, progress, own)
    emit(rt, "image", "push", id=image.id, name=target)
    return digest


def copy_to(
    rt: Runtime,
    image: OutImage,
    target: str,
    options: PushOptions,
    progress: Progress,
    names: list[str],
) -> str:
    """Copy one image to the target; its new manifest's digest."""
    cache = BlobCache(rt, place_of(target))
    destination = open_destination(rt, target, options, cache, names)
    try:
        signer = open_signer(options.sign, destination, target)
        data = Copier(destination, options, progress, cache, signer).image(image)
        destination.finish()
    except BaseException as error:
        destination.abort()
        raise failed(error, target) from error
    finally:
        cache.save()
    return manifest.sha256(data)


def place_of(target: str) -> str:
    """The repository that a target names, "" for one outside of registries."""
    transport, rest = transport_of(target)
    return registry_reference(rest).name if transport in ("", "docker") else ""


def failed(error: BaseException, target: str) -> BaseException:
    """A foreign error in words; others as they are."""
    if isinstance(error, OSError):
        where = error.filename or target
        return PolypodError(f"writing to {where}: {(error.strerror or str(error)).lower()}")
    if isinstance(error, ValueError):
        return PolypodError(f"copying to {target}: {error}")
    return error


def _into_store(rt: Runtime, image_id: str, target: str, options: PushOptions) -> str:
    """Push within the local store: the image has its layers there, so it gets one more name."""
    from .images_names import add_name

    rest = transport_of(target)[1]
    place, _, plain = rest.rpartition("]")
    own = f"[{rt.driver_name}@{rt.graphroot}+{rt.runroot}"
    if place and not (place + "]").startswith((own + "]", own + ":", f"[{rt.graphroot}]")):
        raise UsageError(
            f"{target}: only the store in use can be pushed to; "
            "use image scp, or --root with load, for another one"
        )
    if options.kind and options.kind != manifest.parse(rt.store.manifest(rt.store.image(image_id))).media_type:
        raise UsageError(f"{target}: --format is not supported within the local store")
    add_name(rt, image_id, stored_name(plain))
    return rt.store.image(image_id).digest
