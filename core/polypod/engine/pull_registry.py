"""Pulls from registries: which image a name means, whether it has to be fetched, and fetching it."""

from __future__ import annotations

from ..errors import NoSuchImage, PolypodError, StorageError, UsageError
from ..kit import log
from ..oci import reference
from ..registry import client, conf
from .images_lookup import digests, lookup, of_platform
from .progress import progress_of
from .pull_source import open_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image
    from ..oci.reference import Reference
    from ..registry.conf import Candidate, Registries
    from .progress import Progress
    from .pull_options import PullOptions
    from .runtime import Runtime


def pull_name(
    rt: Runtime, name: str, options: PullOptions, report: Callable[[str], None] | Progress
) -> tuple[Image, str, bool]:
    """The image that a name means, by the policy of ``options``; the full name it is known by now,
    and whether it was pulled.

    ``name`` is a user's, or ``docker://`` and a name that is completed as Docker does.
    Raises ``NoSuchImage``, ``RegistryError``, ``StorageError``, ``PolicyRejected``.
    """
    if name.startswith("docker://"):
        name = str(reference.normalize_docker(name.removeprefix("docker://")))
    elif reference.is_id(name) or name.startswith("sha256:"):
        if options.policy == "always":
            raise _by_id(name)
        return *lookup(rt, name), False
    else:
        _check(name)
    local = _local(rt, name, options)
    policy = options.policy
    if options.custom_platform and policy not in ("always", "never"):
        policy = "newer"  # what is there may be for another platform
    if policy == "never" or (policy == "missing" and local is not None):
        if local is None:
            raise NoSuchImage(f"{name}: image not known")
        return *local, False
    if local is not None and local[0].id.startswith(name):
        if policy == "always":
            raise _by_id(name)
        return *local, False
    known_as = local[1] if local is not None and not options.custom_platform else name
    return _from_candidates(rt, known_as, policy, local, options, progress_of(report))


def _check(name: str) -> None:
    try:
        reference.normalize_docker(name)
    except UsageError as error:
        raise UsageError(f'parsing reference "{name}": {error}') from None


def _by_id(name: str) -> PolypodError:
    return PolypodError(f"pull policy is always but image has been referred to by ID ({name})")


def _local(rt: Runtime, name: str, options: PullOptions) -> tuple[Image, str] | None:
    """The local image of that name, unless it is damaged or for another platform than asked for."""
    try:
        listed, resolved = lookup(rt, name)
        found = of_platform(rt, listed, (options.os, options.arch, options.variant)), resolved
    except NoSuchImage:
        return None
    reason = _damage(rt, found[0])
    if reason:
        log.error(f"image {name} exists in local storage but may be corrupted: {reason}")
        return None
    if options.custom_platform:
        from .platforms import mismatch

        config = rt.store.image_config(found[0])
        if mismatch(config, options.os, options.arch, options.variant):
            return None
    return found


def _damage(rt: Runtime, image: Image) -> str:
    """What is missing of an image, "" when nothing is."""
    try:
        rt.store.image_config(image)
        for layer in rt.store.image_layers(image) if image.top_layer else ():
            if not rt.storage_driver.exists(layer.id):
                return f"layer {layer.id} is not on disk"
    except (StorageError, ValueError) as error:
        return str(error)
    return ""


def _from_candidates(
    rt: Runtime,
    name: str,
    policy: str,
    local: tuple[Image, str] | None,
    options: PullOptions,
    progress: Progress,
) -> tuple[Image, str, bool]:
    registries = conf.load(options.access.registries_conf)
    try:
        candidates = registries.candidates(name, options.choose)
    except PolypodError as error:
        if local is not None and policy == "newer":
            return *local, False
        if not registries.search and isinstance(error, UsageError):
            raise NoSuchImage(str(error)) from error  # the name is fine, and leads nowhere
        raise
    errors: list[PolypodError] = []
    told = _Told(progress)
    current = local[0] if local is not None and policy == "newer" else None
    for candidate in candidates:
        try:
            image = _candidate(rt, candidate, registries, options, current, told)
        except PolypodError as error:
            errors.append(error)
            continue
        if image is None:
            continue
        if candidate.remember_alias:
            _remember(registries, name, candidate.reference)
        return image, str(candidate.reference), True
    if local is not None and policy == "newer":
        return *local, False
    if len(errors) == 1:
        raise errors[0]
    lines = "".join(f"\n * {error}" for error in errors)
    raise PolypodError(f"{len(errors)} errors occurred while pulling:{lines}")


class _Told:
    """What was said so far: how a short name was resolved is said once, and only when something is pulled."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._note = ""

    def trying(self, candidate: Candidate) -> None:
        """Say what comes next."""
        if candidate.note != self._note:
            self._note = candidate.note
            self.progress.line(candidate.note)
        self.progress.line(f"Trying to pull {candidate.reference}...")


def _candidate(
    rt: Runtime,
    candidate: Candidate,
    registries: Registries,
    options: PullOptions,
    current: Image | None,
    told: _Told,
) -> Image | None:
    """Pull one candidate; ``None`` when ``current`` is that image already."""
    if current is None:
        told.trying(candidate)
    with open_image(candidate.reference, registries, options) as source:
        if current is not None:
            if source.digest in digests(current):
                return None
            told.trying(candidate)
        return source.store(rt, told.progress)


def _remember(registries: Registries, name: str, chosen: Reference) -> None:
    try:
        registries.remember(name, chosen)
    except PolypodError as error:
        log.error(str(error))


def all_tags(name: str, options: PullOptions) -> list[str]:
    """Full names of all tags of a repository."""
    registries = conf.load(options.access.registries_conf)
    full = reference.with_docker_defaults(reference.parse(name.removeprefix("docker://")))
    with client.open_repository(full, options.access, registries) as repository:
        return [f"{full.name}:{tag}" for tag in repository.tags()]
