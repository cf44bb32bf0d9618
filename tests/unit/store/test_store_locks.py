"""The lock files: peers exclude each other and notice each other's writes."""

from __future__ import annotations

import fcntl
import os
import threading

import pytest
from polypod.kit.lockfile import LAST_WRITE_SIZE, lock_now, lock_read, lock_write, new_last_write


def test_a_writer_excludes_another_open_file_of_the_same_process(tmp_path):
    path = str(tmp_path / "sub" / "x.lock")
    with lock_write(path):
        assert lock_now(path) is None
    held = lock_now(path)
    assert held is not None
    held.release()
    held.release()


def test_podmans_posix_locks_conflict_with_ours(tmp_path):
    path = str(tmp_path / "x.lock")
    with lock_write(path):
        child = os.fork()
        if child == 0:
            fd = os.open(path, os.O_RDWR)
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_readers_share_and_keep_writers_out(tmp_path):
    path = str(tmp_path / "x.lock")
    lock_write(path).release()
    with lock_read(path), lock_read(path):
        assert lock_now(path) is None


def test_reading_without_a_lock_file_needs_none(tmp_path):
    assert lock_read(str(tmp_path / "absent" / "x.lock")) is None


def test_a_write_is_recorded_at_the_files_start(tmp_path):
    path = tmp_path / "x.lock"
    with lock_write(str(path)) as held:
        assert held.last_write() == b""
        held.record_write()
        first = held.last_write()
        held.record_write()
        assert held.last_write() != first
    assert path.stat().st_size == LAST_WRITE_SIZE
    assert len({new_last_write() for _ in range(100)}) == 100


@pytest.mark.timeout(30)
def test_threads_take_turns(tmp_path):
    path = str(tmp_path / "x.lock")
    counter = tmp_path / "n"
    counter.write_text("0")

    def work():
        for _ in range(50):
            with lock_write(path):
                counter.write_text(str(int(counter.read_text()) + 1))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "200"
