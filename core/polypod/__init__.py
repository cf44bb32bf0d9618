"""polypod: a daemonless container engine put together from plugins.

Importing this package costs nothing: ``polypod.Engine`` and the other public
names are loaded when first used (PEP 562), because the command line must
start in a few milliseconds.
"""

__version__ = "0.1.0"

_PUBLIC = {
    "Engine": "polypod.api.engine",
    "AsyncEngine": "polypod.api.aio",
    "PolypodError": "polypod.errors",
}

__all__ = ["AsyncEngine", "Engine", "PolypodError", "__version__"]


def __getattr__(name: str) -> object:
    try:
        module = _PUBLIC[name]
    except KeyError:
        raise AttributeError(f"module 'polypod' has no attribute {name!r}") from None
    from importlib import import_module

    return getattr(import_module(module), name)
