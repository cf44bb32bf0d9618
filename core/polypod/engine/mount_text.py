"""-v, --mount and --tmpfs, and containers.conf's: from their text to :class:`~polypod.model.container.Mount`."""

from __future__ import annotations

from ..errors import UsageError
from ..model.container import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_BAD_OPTION = "invalid mount option"
_MUST_ARG = "must provide an argument for option"

# --mount keys that become an option of the mount as they are.
_PLAIN = frozenset(
    ("private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable",
     "nodev", "dev", "noexec", "exec", "nosuid", "suid", "rbind", "bind", "no-dereference", "noatime",
     "nocopy", "copy", "noswap", "z", "Z")
)  # fmt: skip
_SOURCE, _DESTINATION = ("source", "src"), ("destination", "dst", "dest", "target")
_TRUE, _FALSE = ("", "true", "1"), ("false", "0")


def mounts_from(volumes: Iterable[str], mounts: Iterable[str], tmpfs: Iterable[str]) -> tuple[Mount, ...]:
    """All user mounts; raises ``UsageError`` for a bad or a duplicate one."""
    found: dict[str, Mount] = {}
    for mount in (
        *(mount for text in mounts for mount in parse_mount(text)),
        *(parse_volume(text) for text in volumes),
        *(parse_tmpfs(text) for text in tmpfs),
    ):
        where = mount.destination.rstrip("/") or "/"
        if where in found and found[where] != mount:  # said twice is no contradiction
            raise UsageError(f"{mount.destination}: duplicate mount destination")
        found[where] = mount
    return tuple(found.values())


def parse_volume(text: str) -> Mount:
    """``[SOURCE:]CONTAINER-DIR[:OPTIONS]`` (podman-run(1) --volume)."""
    parts = _split(text)
    if len(parts) > 3 or not text:
        raise UsageError(f"{text}: incorrect volume format, should be [host-dir:]ctr-dir[:option]")
    source, destination = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    options = tuple(o for o in parts[2].split(",") if o) if len(parts) == 3 else ()
    if len(parts) > 1 and not source:
        raise UsageError("host directory cannot be empty")
    if not destination:
        raise UsageError("container directory cannot be empty")
    if source[:1] in ("/", "."):
        if "O" in options:
            return Mount(type="overlay", source=source, destination=destination, options=_checked(options))
        return Mount(type="bind", source=source, destination=destination, options=_checked(options))
    return Mount(
        type="volume",
        source=source,
        destination=destination,
        options=_checked(options),
        anonymous=not source,
    )


def _split(text: str) -> list[str]:
    r"""Split at colons; ``\:`` is a colon of a path."""
    if "\\:" not in text:
        return text.split(":")
    return [part.replace("\0", ":") for part in text.replace("\\:", "\0").split(":")]


def _checked(options: tuple[str, ...]) -> tuple[str, ...]:
    for left, right in (("ro", "rw"), ("nodev", "dev"), ("noexec", "exec"), ("nosuid", "suid"), ("z", "Z")):
        if left in options and right in options:
            raise UsageError(
                f"cannot pass '{left}' and '{right}' mount options more than once: {_BAD_OPTION}"
            )
    for option in options:
        name = option.partition("=")[0]
        if name not in _PLAIN and name not in ("ro", "rw", "O", "U", "idmap", "upperdir", "workdir"):
            raise UsageError(f"invalid option {option}: {_BAD_OPTION}")
    return options


def parse_tmpfs(text: str) -> Mount:
    """``CONTAINER-DIR[:OPTIONS]``."""
    destination, _, joined = text.partition(":")
    if not destination:
        raise UsageError("container directory cannot be empty")
    return Mount(
        type="tmpfs",
        source="tmpfs",
        destination=destination,
        options=tuple(option for option in joined.split(",") if option),
    )


def parse_mount(text: str) -> list[Mount]:
    """``type=TYPE,KEY=VALUE,…`` (podman-run(1) --mount); several for ``type=glob``."""
    import csv

    fields = next(csv.reader([text]), [])
    kind = "volume"
    for field in fields:
        if field.startswith("type="):
            kind = field[5:]
    if kind not in ("bind", "volume", "tmpfs", "ramfs", "devpts", "image", "artifact", "glob"):
        raise UsageError(f'invalid filesystem type "{kind}"')
    builder = _MountBuilder("bind" if kind == "glob" else kind)
    for field in fields:
        name, equals, value = field.partition("=")
        if name != "type":
            builder.add(name, value, bool(equals))
    return _matching(builder, text) if kind == "glob" else [builder.build(text)]


def _matching(builder: _MountBuilder, text: str) -> list[Mount]:
    """A bind for each path that the source's pattern matches, in the destination or at the same place."""
    import glob
    import os

    pattern, directory = builder.source, builder.destination
    if not pattern:
        raise UsageError(f"must set source and destination for glob volume: {text}")
    paths = sorted(glob.glob(os.path.abspath(pattern)))
    if not paths:
        raise UsageError(f'no file paths matching glob "{pattern}"')
    found = []
    for path in paths:
        builder.source = path
        builder.destination = f"{directory.rstrip('/')}/{os.path.basename(path)}" if directory else path
        found.append(builder.build(text))
    return found


class _MountBuilder:
    """Collects the keys of one --mount."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.source = self.destination = self.subpath = ""
        self.options: list[str] = []

    def add(self, name: str, value: str, given: bool) -> None:
        if self.kind == "artifact" and name not in (*_SOURCE, *_DESTINATION):
            self._artifact(name, value)
        elif name in (*_SOURCE, *_DESTINATION, "subpath", "volume-subpath"):
            self._path(name, value)
        elif name in ("ro", "readonly", "rw", "readwrite"):
            self._access(name, value)
        elif name in ("tmpcopyup", "notmpcopyup", "tmpfs-size", "tmpfs-mode"):
            self._tmpfs(name, value)
        elif name == "bind-propagation":
            self.options.append(value)
        elif name == "bind-nonrecursive":
            if value in _TRUE:
                self.options.append("bind")
        elif name == "relabel":
            self._relabel(value)
        elif name in ("U", "chown"):
            if value in _TRUE:
                self.options.append("U")
        elif name == "idmap" or (name in _PLAIN and not given):
            self.options.append(f"{name}={value}" if given else name)
        elif name in _PLAIN:
            self._switch(name, value)
        elif name == "consistency":
            return  # docker's hint for other systems; meaningless here
        elif name == "volume-opt":
            raise UsageError(f'"{name}" option not supported for "{self.kind}" mount types')
        else:
            raise UsageError(f"{name}: {_BAD_OPTION}")

    def _path(self, name: str, value: str) -> None:
        if not value:
            raise UsageError(f"{name}: {_MUST_ARG}")
        if name in _SOURCE:
            if self.kind in ("tmpfs", "ramfs", "devpts"):
                raise UsageError(f'"{name}" option not supported for "{self.kind}" mount types')
            self.source = value
        elif name in _DESTINATION:
            self.destination = value
        else:
            if self.kind == "image" and not value.startswith("/"):
                raise UsageError(f'volume subpath "{value}" must be an absolute path')
            self.subpath = value

    def _artifact(self, name: str, value: str) -> None:
        if name not in ("title", "digest", "name"):
            raise UsageError(f"{name}: {_BAD_OPTION}")
        if not value:
            raise UsageError(f"{name}: {_MUST_ARG}")
        self.options.append(f"{name}={value}")

    def _access(self, name: str, value: str) -> None:
        if any(option in ("ro", "rw") for option in self.options):
            raise UsageError(
                f"cannot pass 'readonly', 'ro', or 'rw' mnt.Options more than once: {_MUST_ARG}"
            )
        if value not in _TRUE and value not in _FALSE:
            raise UsageError(f'invalid {name} value "{value}": {_BAD_OPTION}')
        read_only = (name in ("ro", "readonly")) == (value in _TRUE)
        self.options.append("ro" if read_only else "rw")

    def _tmpfs(self, name: str, value: str) -> None:
        if self.kind not in ("tmpfs", "ramfs"):
            raise UsageError(f'"{name}" option not supported for "{self.kind}" mount types')
        if name in ("tmpcopyup", "notmpcopyup"):
            self.options.append(name)
        elif not value:
            raise UsageError(f"{name}: {_MUST_ARG}")
        else:
            self.options.append(f"{name.removeprefix('tmpfs-')}={value}")

    def _relabel(self, value: str) -> None:
        if value not in ("private", "shared"):
            raise UsageError(f"relabel mount option must be 'private' or 'shared': {_BAD_OPTION}")
        self.options.append("Z" if value == "private" else "z")

    def _switch(self, name: str, value: str) -> None:
        if value in _TRUE:
            self.options.append(name)
        elif value in _FALSE:
            self.options.append(name.removeprefix("no") if name.startswith("no") else "no" + name)
        else:
            raise UsageError(f'invalid value "{value}"')

    def build(self, text: str) -> Mount:
        if self.kind == "artifact" and not (self.source and self.destination):
            raise UsageError("must set source and destination for artifact volume")
        if not self.destination:
            raise UsageError("must set volume destination")
        if self.kind in ("bind", "image") and not self.source:
            raise UsageError(f"must set source and destination for {self.kind} volume: {text}")
        return Mount(
            type=self.kind,
            source=self.source or ("" if self.kind == "volume" else self.kind),
            destination=self.destination,
            options=tuple(self.options),
            anonymous=self.kind == "volume" and not self.source,
            subpath=self.subpath,
        )
