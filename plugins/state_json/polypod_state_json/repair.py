"""Check every line, and rewrite the files without the damaged ones."""

from __future__ import annotations

from polypod.kit.statefiles import file_error

from .files import DAMAGE, Files
from .line import is_good

TYPE_CHECKING = False
if TYPE_CHECKING:
    Damage = tuple[str, str, str]


def check(files: Files, repair: bool) -> list[Damage]:
    """See ``state_check``."""
    try:
        if repair:
            files.lock_for_writing()
        else:
            files.lock.acquire_shared()
            files.load()
        damaged = _inspect(files)
        if repair and damaged:
            files.fold(drop_damaged=True)
        return damaged
    except FileNotFoundError:
        return []
    except OSError as error:
        raise file_error("json", files.path, error) from error
    finally:
        files.lock.release()


def _inspect(files: Files) -> list[Damage]:
    damaged: list[Damage] = []
    if not files.journal.sound:
        damaged.append(("", "", f"{files.journal.path}: a line that begins a batch is damaged"))
    damaged += [
        ("", "", f"{files.journal.path}: a line is damaged and names no record") for _ in files.journal.strays
    ]
    damaged += [("", "", f"{files.strays_path}: a damaged line that names no record") for _ in files.strays()]
    for bucket in files.buckets():
        for name, line in files.bucket_lines(bucket):
            if is_good(line):
                continue
            if name:
                damaged.append((bucket, name.partition("/")[2], DAMAGE))
            else:
                path = files.bucket_path(bucket)
                damaged.append(("", "", f"{path}: a line is damaged and names no record"))
    return damaged
