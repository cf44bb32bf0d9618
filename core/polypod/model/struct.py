"""The base of every noun: a frozen, keyword-only record that costs nothing to import.

``msgspec.Struct`` would be the natural choice, but ``import msgspec`` adds 22 ms
to every command (docs/explanation/decisions/0002). So the nouns are declared
once, here, with ordinary annotations, and msgspec checks them where data is
foreign: :func:`polypod.model.schema.validate` builds the msgspec types from the
same annotations.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, Self

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_options):
        """Tell type checkers that subclasses get a keyword ``__init__``."""
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Struct:
    """A frozen record with keyword-only fields.

    Fields are the annotated names of the class body, in order; a class
    attribute is the default. ``_nested_`` names the fields that hold other
    structs: ``{"mounts": Mount}`` for a ``tuple[Mount, ...]`` as well as for a
    ``Mount`` or ``Mount | None``. Default containers are shared, so treat
    every field as read-only and use :meth:`evolve`.
    """

    _fields_: ClassVar[tuple[str, ...]] = ()
    _required_: ClassVar[frozenset[str]] = frozenset()
    _nested_: ClassVar[dict[str, type[Struct]]] = {}

    def __init_subclass__(cls) -> None:
        own = [n for n in cls.__dict__.get("__annotations__", ()) if not n.startswith("_")]
        cls._fields_ = tuple(dict.fromkeys((*cls._fields_, *own)))
        cls._required_ = frozenset(n for n in cls._fields_ if not hasattr(cls, n))

    def __init__(self, **fields: Any) -> None:
        for name in self._required_:
            if name not in fields:
                raise TypeError(f"{type(self).__name__}: missing field {name!r}")
        for name in fields:
            if name not in self._fields_:
                raise TypeError(f"{type(self).__name__}: unknown field {name!r}")
        self.__dict__.update(fields)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen; use evolve({name}=...)")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.to_dict() == other.to_dict()  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(f"{n}={self.__dict__[n]!r}" for n in self._fields_ if n in self.__dict__)
        return f"{type(self).__name__}({shown})"

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return type(self)(**{**self.__dict__, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that were set, as JSON-ready values (defaults are left out)."""
        return {name: _plain(value) for name, value in self.__dict__.items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Build from :meth:`to_dict` output.

        Unknown keys are ignored, so that an older polypod can read what a newer
        one wrote; types are not checked (``schema.validate`` does that).
        """
        known = {name: data[name] for name in cls._fields_ if name in data}
        for name, nested in cls._nested_.items():
            value = known.get(name)
            if isinstance(value, dict):
                known[name] = nested.from_dict(value)
            elif isinstance(value, (list, tuple)):
                known[name] = tuple(
                    nested.from_dict(item) if isinstance(item, dict) else item for item in value
                )
        return cls(**known)


def _plain(value: Any) -> Any:
    if isinstance(value, Struct):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
