"""Taking a container out of its networks, also when something went missing before."""

from __future__ import annotations

from polypod.errors import NetworkError
from polypod.kit import netns as namespaces

from . import quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .definitions import Document

    Call = Callable[[str, str, Document], Document]


def teardown(call: Call, netns: str, request: Document, *, quick_path: str = "", lock: int = -1) -> None:
    """Disconnect a container from all networks of the request.

    ``quick_path`` is the PATH in which to look for iptables when the short way may be
    taken, "" when not; ``lock`` is the network lock's descriptor. Where namespace or interface are gone, they are rebuilt for
    netavark first: it removes the firewall rules and the bridge only after it has
    removed the interface. Its setup adds no rule twice.
    """
    if not namespaces.exists(netns):
        _rebuild_and_tear_down(call, request)
        return
    if quick_path and quick.applies(request):
        try:
            if quick.teardown(netns, request, quick_path, lock):
                return
        except NetworkError:
            _rebuild_and_tear_down(call, request)
            return
    try:
        call("teardown", netns, request)
    except NetworkError:
        # The interface is gone, or a netavark whose caller was killed has just ended.
        _rebuild_and_tear_down(call, request)


def _rebuild_and_tear_down(call: Call, request: Document) -> None:
    stand_in = namespaces.create()
    try:
        call("setup", stand_in, request)
        call("teardown", stand_in, request)
    finally:
        namespaces.delete(stand_in)
