"""Linux capabilities: names, and which ones a container's first process gets.

Names are those of capabilities(7), upper case with ``CAP_``. The rules are
podman-run(1)'s for ``--cap-add``, ``--cap-drop``, ``--privileged`` and ``--user``.
"""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALL = "ALL"

# By bit number, as in <linux/capability.h>.
NAMES: tuple[str, ...] = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
_KNOWN = frozenset(NAMES)
SYS_RESOURCE = 1 << NAMES.index("CAP_SYS_RESOURCE")


def names_of(mask: int) -> list[str]:
    """Return the names of the set bits, sorted."""
    return sorted(name for bit, name in enumerate(NAMES) if mask >> bit & 1)


def normalize(names: Iterable[str]) -> list[str]:
    """Return names in upper case with ``CAP_``, sorted; ``ALL`` stays. Unknown: ``UsageError``."""
    result = []
    for name in names:
        upper = name.upper()
        if upper != ALL:
            if not upper.startswith("CAP_"):
                upper = "CAP_" + upper
            if upper not in _KNOWN:
                raise UsageError(f'"{upper}": unknown capability; capabilities(7) lists them')
        result.append(upper)
    return sorted(result)


def merge(
    base: Iterable[str], add: Sequence[str], drop: Sequence[str], bounding: Sequence[str]
) -> list[str]:
    """Apply ``--cap-add`` and ``--cap-drop`` to ``base``; ``ALL`` adds what ``bounding`` holds."""
    current = normalize(base)
    if not add and not drop:
        return current
    added = normalize(add)
    dropped = normalize(drop)
    if ALL in dropped:
        if ALL in added:
            raise UsageError("adding all caps and removing all caps not allowed")
        return sorted(set(added))
    if ALL in added:
        current, added = list(bounding), []
    both = set(added).intersection(dropped)
    if both:
        raise UsageError(f'capability "{min(both)}" cannot be dropped and added')
    return sorted((set(current) - set(dropped)) | set(added))


def process_sets(
    *,
    base: Iterable[str],
    add: Sequence[str],
    drop: Sequence[str],
    bounding: Sequence[str],
    privileged: bool,
    root: bool,
    required: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Return the runtime-spec ``capabilities`` object for the first process.

    ``bounding`` is what the engine itself may give. A process of another user than
    root gets in its effective, permitted and ambient sets only what was added by
    name, and keeps the rest as bounding set. ``required`` is the image's own
    wish to run with less (label ``io.containers.capabilities``); it is
    ignored when it asks for more than would be given.
    """
    allowed = frozenset(bounding)
    if privileged:
        bound = sorted(allowed)
    else:
        bound = [name for name in merge(base, add, drop, bounding) if name in allowed]
        if required:
            wanted = merge((), required, (), bounding) if required != ("",) else []
            if set(wanted) <= set(bound):
                bound = wanted
    if root:
        held, ambient = bound, []
    else:
        held = [name for name in merge((), add, (), bounding) if name in allowed]
        ambient = held
    # Inheritable stays empty but where ambient needs it: the kernel's own default for uid 0.
    return {
        "bounding": bound,
        "effective": held,
        "permitted": held,
        "inheritable": ambient,
        "ambient": ambient,
    }
