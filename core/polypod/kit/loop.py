"""Loop devices: a file as a block device, read-only, given back by the last unmount."""

from __future__ import annotations

import errno
import fcntl
import os

_GET_FREE = 0x4C82
_CONFIGURE = 0x4C0A
_READ_ONLY, _AUTOCLEAR = 1, 4
_INFO_SIZE = 232  # struct loop_info64
_CONFIG_SIZE = 304  # struct loop_config: fd, block size, loop_info64, reserved
_FLAGS_AT = 52  # lo_flags in loop_info64


def attach(path: str) -> int:
    """Attach a file to a free loop device; the device's open descriptor, to be closed once it is mounted.

    ``OSError`` when none is free (EBUSY) or loop devices are not allowed here.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while True:
            control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
            try:
                number = fcntl.ioctl(control, _GET_FREE)
            finally:
                os.close(control)
            try:
                device = os.open(f"/dev/loop{number}", os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:  # the kernel would make one more, and nobody its node
                raise OSError(errno.EBUSY, "no loop device is free", path) from error
            try:
                fcntl.ioctl(device, _CONFIGURE, _config(file))
                return device
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:  # somebody else took it between the two calls
                    raise
    finally:
        os.close(file)


def _config(file: int) -> bytes:
    import sys

    info = bytearray(_INFO_SIZE)
    info[_FLAGS_AT : _FLAGS_AT + 4] = (_READ_ONLY | _AUTOCLEAR).to_bytes(4, sys.byteorder)
    head = file.to_bytes(4, sys.byteorder) + bytes(4)
    return (head + bytes(info)).ljust(_CONFIG_SIZE, b"\0")
