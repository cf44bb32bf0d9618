"""Seccomp filters compiled once and kept, for runtimes that take a ready program.

Compiling the default profile costs crun 10 ms of the 17 that it needs for a
container. It takes a ready filter in an annotation instead; runtimes that know no such
annotation use the spec's ``linux.seccomp`` as ever. The filter is compiled here
by the library that the runtimes use (libseccomp), on the first start with a given
profile, set of capabilities and kernel, and kept in the engine's own directory.
"""

from __future__ import annotations

import os

from . import fastjson, kept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
_OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}
#: What a kept file has.
_KEYS = {"key", "path", "library", "filter"}
_EPERM = 1
_EEXIST = 17
_ATTR_NNP = 3


def filter_for(seccomp: dict[str, Any], cache_dir: str) -> str:
    """Return the base64 filter of a runtime-spec ``linux.seccomp``, or "" when there is none.

    There is none for profiles with flags or a listener, which need the runtime's own
    handling, and where libseccomp is missing. Never raises: the spec's section still holds.
    """
    if not cache_dir or seccomp.get("flags") or seccomp.get("listenerPath"):
        return ""
    text = fastjson.dumps(seccomp)
    # Names may collide, so the whole text is kept in the file and compared.
    path = f"{cache_dir}/seccomp-{_short_name(text)}.json"
    host = os.uname()
    key = f"{host.machine} {host.release} {text}"
    known = kept.read(path)
    if known.keys() >= _KEYS and known["key"] == key and known["library"] == _identity(known["path"]):
        return str(known["filter"])
    return _compile_and_keep(seccomp, path, key)


def _short_name(text: str) -> str:
    import zlib

    data = text.encode()
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def _identity(path: str) -> str:
    """A file's identity: an upgrade of libseccomp makes other filters."""
    try:
        info = os.stat(path)
    except OSError:
        return ""
    return f"{info.st_ino} {info.st_size} {info.st_mtime_ns}"


def _compile_and_keep(seccomp: dict[str, Any], path: str, key: str) -> str:
    import base64

    try:
        program, library = compile_filter(seccomp)
    except (OSError, AttributeError, KeyError, ValueError):
        # No libseccomp, an older one, or a profile beyond us: the runtime compiles.
        return ""
    text = base64.b64encode(program).decode()
    kept.write(path, {"key": key, "path": library, "library": _identity(library), "filter": text})
    return text


def compile_filter(seccomp: dict[str, Any]) -> tuple[bytes, str]:
    """Return the BPF program of a ``linux.seccomp`` and the path of the libseccomp that made it.

    Raises ``OSError`` (no library, or it refuses a rule), ``KeyError`` (unknown action
    or operator).
    """
    import ctypes

    lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    lib.seccomp_init.restype = ctypes.c_void_p
    default = _action(seccomp["defaultAction"], seccomp.get("defaultErrnoRet"))
    context = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(default)))
    if not context:
        raise OSError("seccomp_init failed")
    try:
        _check(lib.seccomp_attr_set(context, _ATTR_NNP, 0))
        for name in seccomp.get("architectures") or ():
            plain = name.removeprefix("SCMP_ARCH_").lower().encode()
            token = lib.seccomp_arch_resolve_name(plain)
            if token:
                _check(lib.seccomp_arch_add(context, token), ignore=_EEXIST)
        for rule in seccomp["syscalls"]:
            _add_rule(ctypes, lib, context, rule, default)
        return _export(lib, context), _loaded_path("libseccomp.so")
    finally:
        lib.seccomp_release(context)


def _add_rule(ctypes: Any, lib: Any, context: Any, rule: dict[str, Any], default: int) -> None:
    action = _action(rule["action"], rule.get("errnoRet"))
    if action == default:
        return

    class Comparison(ctypes.Structure):  # type: ignore[misc]
        _fields_ = [
            ("arg", ctypes.c_uint),
            ("op", ctypes.c_int),
            ("a", ctypes.c_uint64),
            ("b", ctypes.c_uint64),
        ]

    tests = [
        Comparison(arg["index"], _OPERATORS[arg["op"]], arg["value"], arg.get("valueTwo") or 0)
        for arg in rule.get("args") or ()
    ]
    if len({test.arg for test in tests}) < len(tests):
        # Several tests of one argument are alternatives, each a rule of its own.
        groups = [[test] for test in tests]
    else:
        groups = [tests]
    for name in rule["names"]:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number == -1:
            continue  # this libseccomp does not know it, so the default action holds
        for group in groups:
            array_type: Any = Comparison.__mul__(len(group))
            array = array_type(*group)
            _check(
                lib.seccomp_rule_add_array(
                    context, ctypes.c_uint32(action), number, len(group), array
                )
            )


def _action(name: str, errno: int | None) -> int:
    value = _ACTIONS[name]
    if name in ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"):
        value |= (_EPERM if errno is None else errno) & 0xFFFF
    return value


def _check(result: int, ignore: int = 0) -> None:
    if result < 0 and -result != ignore:
        raise OSError(-result, os.strerror(-result))


def _export(lib: Any, context: Any) -> bytes:
    fd = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    try:
        _check(lib.seccomp_export_bpf(context, fd))
        return os.pread(fd, os.fstat(fd).st_size, 0)
    finally:
        os.close(fd)


def _loaded_path(name: str) -> str:
    """The file that the dynamic linker chose."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            path = line.rstrip("\n").partition("/")
            if path[1] and name in path[2]:
                return "/" + path[2]
    raise OSError(f"{name} is not loaded")
