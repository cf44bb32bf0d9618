"""--cap-add, --security-opt, --privileged, --read-only."""

from __future__ import annotations

import os

from ..errors import UsageError
from ..model.container import Security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .parse import Options

_LIST_OPTIONS = ("mask", "unmask", "label", "proc-opts")


def security_from(opts: Options) -> Security:
    """The security part of a request."""
    fields: dict[str, Any] = {}
    lists: dict[str, list[str]] = {name: [] for name in _LIST_OPTIONS}
    for text in opts.security_opt:
        _one(text, fields, lists)
    return Security(
        privileged=opts.privileged,
        cap_add=tuple(opts.cap_add),
        cap_drop=tuple(opts.cap_drop),
        read_only=opts.read_only if opts.changed("read-only") else None,
        read_only_tmpfs=opts.read_only_tmpfs,
        mask=tuple(lists["mask"]),
        unmask=tuple(lists["unmask"]),
        label_opts=tuple(lists["label"]),
        proc_opts=tuple(lists["proc-opts"]),
        **fields,
    )


def _one(text: str, fields: dict[str, Any], lists: dict[str, list[str]]) -> None:
    if text in ("no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"):
        fields["no_new_privileges"] = True
        return
    if text in ("no-new-privileges:false", "no-new-privileges=false"):
        fields["no_new_privileges"] = False
        return
    name, equals, value = text.partition("=")
    if not equals:  # docker's old way
        name, equals, value = text.partition(":")
    if not equals:
        raise UsageError(f'invalid --security-opt 1: "{text}"')
    if name == "seccomp":
        if value != "unconfined" and not os.path.exists(value):
            raise UsageError(f"opening seccomp profile failed: open {value}: no such file or directory")
        fields["seccomp_profile"] = value if value == "unconfined" else os.path.abspath(value)
    elif name == "apparmor":
        fields["apparmor_profile"] = value
    elif name == "systempaths":
        if value != "unconfined":
            raise UsageError(
                f'invalid systempaths option "{value}", only `unconfined` is supported'
            )
        lists["unmask"].append("ALL")
    elif name in ("mask", "unmask"):
        lists[name] += value.split(":")
    elif name == "proc-opts":
        lists[name] += value.split(",")
    elif name == "label":
        lists[name].append(value)
    else:
        raise UsageError(f'invalid --security-opt 2: "{text}"')
