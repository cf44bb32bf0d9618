"""Filters of ``images``, ``image prune`` and ``rmi``: ``key=value`` or ``key!=value``.

Filters of one key and of different keys must all match; only several ``reference``
filters are alternatives.
"""

from __future__ import annotations

from ..errors import NoSuchImage, PolypodError, UsageError
from ..oci import reference
from ..oci.image_config import parse_time
from .images_lookup import digests, find

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..model.image import Image
    from .images_tree import ImageTree
    from .runtime import Runtime

    Test = Callable[[Image], bool]

KEYS = (
    "after", "before", "containers", "dangling", "digest", "id", "intermediate", "label",
    "manifest", "readonly", "reference", "since", "until",
)  # fmt: skip


class _Filter:
    """Compiles filters against one view of the store."""

    def __init__(self, rt: Runtime, tree: ImageTree) -> None:
        self.rt = rt
        self.tree = tree
        self._seen: dict[str, str] = {}

    def compile(self, key: str, value: str, text: str) -> Test:
        if key in ("after", "since", "before"):
            moment = parse_time(self._image(key, value).created)
            if key == "before":
                return lambda image: parse_time(image.created) < moment
            return lambda image: parse_time(image.created) > moment
        if key == "until":
            from .images_time import until

            limit = until(value)
            return lambda image: parse_time(image.created) < limit
        if key == "containers":
            return self._containers(value)
        if key == "id":
            return lambda image: image.id.startswith(value)
        if key == "digest":
            if not value.startswith("sha256:"):
                raise UsageError(f'invalid value "{value}" for digest filter')
            return lambda image: any(d.startswith(value) for d in digests(image))
        if key == "label":
            return lambda image: matches_label(self._labels(image), value)
        tests: dict[str, Test] = {
            "dangling": self.tree.is_dangling,
            "intermediate": self.tree.is_intermediate,
            "manifest": self.tree.is_list,
            "readonly": lambda image: image.read_only,
        }
        if key not in tests:
            raise invalid(key)
        wanted, test = self._bool(key, value), tests[key]
        return lambda image: test(image) == wanted

    def _image(self, key: str, value: str) -> Image:
        try:
            return find(self.tree.images, value)[0]
        except PolypodError as error:
            raise NoSuchImage(
                f'could not find local image for filter "{key}"="{value}": {error}'
            ) from None

    def _labels(self, image: Image) -> dict[str, str]:
        from .images_list import labels

        return labels(self.tree, image) or {}

    def _containers(self, value: str) -> Test:
        self._once("containers", value)
        if value not in ("true", "false", "external"):
            raise UsageError(f'unsupported value "{value}" for containers filter')
        from .images_list import users_by_image

        users = users_by_image(self.rt)
        if value != "external":
            return lambda image: (image.id in users) == (value == "true")
        own = set(self.rt.records.containers.ids())
        return lambda image: not own.intersection(users.get(image.id, ()))

    def _once(self, key: str, value: str) -> None:
        if self._seen.setdefault(key, value) != value:
            raise UsageError(
                f'specifying "{key}" filter more than once with different values is not supported'
            )

    def _bool(self, key: str, value: str) -> bool:
        self._once(key, value)
        if value in ("1", "t", "T", "TRUE", "true", "True"):
            return True
        if value in ("0", "f", "F", "FALSE", "false", "False"):
            return False
        raise UsageError(
            f'non-boolean value "{value}" for {key} filter: '
            f'strconv.ParseBool: parsing "{value}": invalid syntax'
        )


def invalid(text: str) -> UsageError:
    """The error for a filter that is none."""
    return UsageError(
        f'invalid image filter "{text}": must be in the format "filter=value or filter!=value"'
    )


def select(rt: Runtime, tree: ImageTree, filters: list[str]) -> list[Image]:
    """The images that pass all filters, in the store's order.

    A single positive ``reference`` filter that is a full name with tag or digest keeps
    only the names that match it, as podman shows them.
    """
    compiler = _Filter(rt, tree)
    tests: list[Test] = []
    wanted: list[str] = []
    unwanted: list[str] = []
    for text in filters:
        key, negated, value = _split(text)
        if key == "reference":
            (unwanted if negated else wanted).append(value)
            continue
        test = compiler.compile(key, value, text)
        tests.append(_negated(test) if negated else test)
    images = [image for image in tree.images if all(test(image) for test in tests)]
    return _by_reference(tree.images, images, wanted, unwanted)


def _negated(test: Test) -> Test:
    return lambda image: not test(image)


def _split(text: str) -> tuple[str, bool, str]:
    key, unequal, value = text.partition("!=")
    if unequal:
        return key, True, value
    key, equals, value = text.partition("=")
    if not equals:
        raise invalid(text)
    return key, False, value


def matches_label(labels: dict[str, str], wanted: str) -> bool:
    """Whether labels hold ``key`` or ``key=value``; a ``*`` in it matches anything."""
    from fnmatch import fnmatchcase

    key, equals, value = wanted.partition("=")
    return any(
        fnmatchcase(k, key) and (not equals or fnmatchcase(v, value)) for k, v in labels.items()
    )


def _by_reference(
    every: list[Image], images: list[Image], wanted: list[str], unwanted: list[str]
) -> list[Image]:
    refused = [_pattern(every, value) for value in unwanted]
    images = [image for image in images if not any(test(image) for test in refused)]
    if not wanted:
        return images
    tests = [_pattern(every, value) for value in wanted]
    images = [image for image in images if any(test(image) for test in tests)]
    if len(wanted) == 1 and not unwanted:
        return [_narrowed(image, wanted[0]) for image in images]
    return images


def _narrowed(image: Image, value: str) -> Image:
    try:
        asked = reference.parse(value)
    except UsageError:
        return image
    if reference.is_short(asked) or not (asked.tag or asked.digest):
        return image
    full = str(asked)
    if asked.digest:
        names = [name for name in image.names if reference.parse(name).name == asked.name]
    else:
        names = [name for name in image.names if name == full]
    return image.evolve(names=tuple(names))


def _pattern(images: list[Image], value: str) -> Test:
    try:
        found = find(images, value)[0].id
    except PolypodError:
        found = ""
    return lambda image: image.id == found or any(_matches(name, value) for name in image.names)


def _matches(name: str, pattern: str) -> bool:
    """Whether a pattern (Go's path.Match) fits the whole name or its customary parts."""
    stored = reference.parse(name)
    suffix = name[len(stored.name) :]
    base = stored.path.rpartition("/")[2]
    variants = {
        name, stored.name, stored.path, stored.path + suffix, base, base + suffix,
    }  # fmt: skip
    return any(path_match(pattern, variant) for variant in variants)


def path_match(pattern: str, text: str) -> bool:
    """Go's path.Match: like the shell's patterns, but ``*`` and ``?`` never match a slash."""
    from fnmatch import fnmatchcase

    parts, wanted = text.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
