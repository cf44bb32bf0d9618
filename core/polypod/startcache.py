"""A start-up cache of compiled modules: one file instead of a hundred.

A command imports 80 to 150 modules, and Python looks each one up in the file
system: a listing, two stats, an open, two reads (some 40 us a module). This finder
takes the compiled code from one file, after one stat that tells whether the
source is still the same, and the place of a C module too, so that no folder has to be listed. The cache fills itself: a hot command that imported
something new writes the file anew when it is done.

The file is in marshal format, as .pyc files are, and is trusted as they are: it is
read only when it belongs to the user and nobody else can touch it.
docs/explanation/decisions/0008 has the figures.
"""

# No "from __future__" here and in the package's __init__: it would be looked up in the file system.
import marshal
import os
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER, ExtensionFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

    # source path, its mtime in ns, its size, is it a package, offset and length of its code;
    # the length is 0 for a C module
    Entry = tuple[str, int, int, bool, int, int]

_HEAD = 8  # bytes that hold the index' length


def cache_folder() -> str:
    """Where polypod keeps caches: $POLYPOD_CACHE_DIR, /var/cache/polypod for root, ~/.cache/polypod."""
    environ = os.environ
    given = environ.get("POLYPOD_CACHE_DIR")
    if given:
        return given
    if os.geteuid() == 0 and "_CONTAINERS_ROOTLESS_UID" not in environ:
        return "/var/cache/polypod"
    home = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME") or "/", ".cache")
    return os.path.join(home, "polypod")


class StartCache:
    """A finder and loader for ``sys.meta_path``; see the module's text."""

    def __init__(self) -> None:
        place = sys.path[-1].encode("utf-8", "surrogateescape")
        number = int.from_bytes(place, "little") % 1073741789  # keeps installations apart
        self.path = f"{cache_folder()}/code-{sys.hexversion:x}-{number:08x}"
        self.index: dict[str, Entry] = {}
        self._fd = -1
        self._base = 0
        self._stale = False
        self._open()

    def _open(self) -> None:
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            found = os.fstat(fd)
            if found.st_uid != os.geteuid() or found.st_mode & 0o177077 != 0o100000:
                raise ValueError("not ours alone")
            length = int.from_bytes(os.pread(fd, _HEAD, 0), "little")
            if length > found.st_size:
                raise ValueError("torn")
            magic, size, index = marshal.loads(os.pread(fd, length, _HEAD))
            if magic != MAGIC_NUMBER or size != found.st_size:
                raise ValueError("another interpreter's, or torn")
        except (ValueError, EOFError, TypeError, OSError):
            os.close(fd)
            return
        self._fd, self._base, self.index = fd, _HEAD + length, index

    # -- the import protocol -------------------------------------------------------------------

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> "ModuleSpec | None":
        """The module's spec when its code is here and its source has not changed."""
        entry = self.index.get(name)
        if entry is None:
            return None
        try:
            found = os.stat(entry[0])
        except OSError:
            found = None
        if found is None or found.st_mtime_ns != entry[1] or found.st_size != entry[2]:
            self._stale = True
            return None
        if not entry[5]:
            spec = ModuleSpec(name, ExtensionFileLoader(name, entry[0]), origin=entry[0])
            spec.has_location = True
            return spec
        spec = ModuleSpec(name, self, origin=entry[0], is_package=entry[3])  # type: ignore[arg-type]
        spec.has_location = True
        spec.cached = self.path  # or importlib would compute the .pyc's path, a tenth of an import
        if entry[3]:
            spec.submodule_search_locations = [entry[0].rpartition("/")[0]]
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """Use an ordinary module object."""
        return

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code."""
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> "CodeType":
        """The compiled module (also for inspect and runpy)."""
        entry = self.index[name]
        code: CodeType = marshal.loads(os.pread(self._fd, entry[5], self._base + entry[4]))
        return code

    def get_source(self, name: str) -> str:
        """The module's source, for tracebacks."""
        with open(self.index[name][0], encoding="utf-8") as file:
            return file.read()

    # -- growing -------------------------------------------------------------------------------

    def save(self) -> bool:
        """Write the cache anew when this start imported what was not in it; tell whether it did."""
        new = [
            name
            for name, module in sys.modules.items()
            if name not in self.index and _is_plain(getattr(module, "__spec__", None))
        ]
        if not new and not self._stale:
            return False
        try:
            self._write(self._collect(new))
        except (OSError, ImportError, AttributeError):
            return False  # no cache is slower, not wrong
        return True

    def _collect(self, new: list[str]) -> "dict[str, tuple[Entry, bytes]]":
        parts: dict[str, tuple[Entry, bytes]] = {}
        for name, entry in self.index.items():
            try:
                found = os.stat(entry[0])
            except OSError:
                continue
            if (found.st_mtime_ns, found.st_size) == entry[1:3]:
                parts[name] = (entry, os.pread(self._fd, entry[5], self._base + entry[4]))
            elif name in sys.modules:
                new.append(name)
        for name in new:
            spec: Any = sys.modules[name].__spec__
            loader = spec.loader
            if loader is self:
                continue
            found = os.stat(spec.origin)
            source = not isinstance(loader, ExtensionFileLoader)
            code = marshal.dumps(loader.get_code(name)) if source else b""
            package = spec.submodule_search_locations is not None
            parts[name] = (
                (spec.origin, found.st_mtime_ns, found.st_size, package, 0, len(code)),
                code,
            )
        return parts

    def _write(self, parts: "dict[str, tuple[Entry, bytes]]") -> None:
        index: dict[str, Entry] = {}
        offset = 0
        for name, (entry, code) in parts.items():
            index[name] = (*entry[:4], offset, len(code))
            offset += len(code)
        body = b"".join(code for _, code in parts.values())
        head = self._head(index, len(body))
        folder = os.path.dirname(self.path)
        os.makedirs(folder, 0o700, exist_ok=True)
        draft = f"{self.path}.{os.getpid()}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.writev(fd, [head, body])
        finally:
            os.close(fd)
        os.replace(draft, self.path)
        _forget_old(folder)

    @staticmethod
    def _head(index: "dict[str, Entry]", body: int) -> bytes:
        # The total size is part of the index: a file that was cut short is not read. An int's
        # marshal form has one length below 2**31, so one try gives the final length.
        length = len(marshal.dumps((MAGIC_NUMBER, 0, index)))
        inner = marshal.dumps((MAGIC_NUMBER, _HEAD + length + body, index))
        return len(inner).to_bytes(_HEAD, "little") + inner


def _forget_old(folder: str) -> None:
    """Remove the caches of installations that have not written theirs for a month."""
    import time

    limit = time.time() - 30 * 86400
    for entry in os.scandir(folder):
        if entry.name.startswith("code-") and entry.stat(follow_symlinks=False).st_mtime < limit:
            os.unlink(entry.path)


def _is_plain(spec: "Any") -> bool:
    """A module from a .py file or a shared library, found in the ordinary way."""
    origin = getattr(spec, "origin", None)
    return (
        isinstance(origin, str)
        and spec.has_location
        and (
            (origin.endswith(".py") and hasattr(spec.loader, "get_code"))
            or type(spec.loader) is ExtensionFileLoader
        )
        and spec.name not in ("__main__", "polypod", "polypod.startcache")
    )


_active: "StartCache | None" = None


def open_standard_files() -> None:
    """Put /dev/null where standard input, output or error is closed.

    Else the next file that is opened, the cache or one of the store, would get what is printed.
    """
    for fd in (0, 1, 2):
        try:
            os.get_inheritable(fd)
        except OSError:
            os.set_inheritable(os.open("/dev/null", os.O_RDWR), True)


def install() -> None:
    """Put the cache before the other finders, unless $POLYPOD_START_CACHE is 0."""
    global _active
    open_standard_files()
    if os.environ.get("POLYPOD_START_CACHE") != "0":
        _active = StartCache()
        sys.meta_path.insert(0, _active)  # type: ignore[arg-type]


def keep() -> None:
    """At the end of a hot command: remember what it imported.

    Commands that started ``site`` are slow ones; their modules would only bloat the file.
    """
    if _active is not None and "site" not in sys.modules:
        _active.save()
