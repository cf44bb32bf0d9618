"""``hookspec`` and ``hookimpl`` without the 14 ms that ``import pluggy`` costs.

They set the attributes that ``pluggy.HookspecMarker("polypod")`` and
``pluggy.HookimplMarker("polypod")`` set; a contract test keeps them equal. A
plugin may use either.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

PROJECT = "polypod"


def hookspec(*, firstresult: bool = False, optional: bool = False) -> Callable[[F], F]:
    """Mark a function as the specification of a hook.

    With ``optional`` a driver may leave it out; it then lacks that capability.
    Hooks of groups of which many plugins are active at once are always optional.
    """

    def mark(function: F) -> F:
        options = {
            "firstresult": firstresult,
            "historic": False,
            "warn_on_impl": None,
            "warn_on_impl_args": None,
        }
        setattr(function, PROJECT + "_spec", options)
        setattr(function, PROJECT + "_optional", optional or not firstresult)
        return function

    return mark


def hookimpl(function: F) -> F:
    """Mark a method as the implementation of the hook of the same name."""
    options = {
        "wrapper": False,
        "hookwrapper": False,
        "optionalhook": False,
        "tryfirst": False,
        "trylast": False,
        "specname": None,
    }
    setattr(function, PROJECT + "_impl", options)
    return function
