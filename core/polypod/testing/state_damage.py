"""State suite: full disks, read-only places, damaged records."""

from __future__ import annotations

import os
import resource
import subprocess

import pytest

from ..errors import CorruptRecord, StateError
from .state_base import Child, StateBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

MARK = b"MARKED-FOR-DAMAGE"


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


class StateDamage(StateBase):
    """What a driver makes of broken surroundings."""

    @pytest.fixture
    def small_disk(self, tmp_path: Path) -> Iterator[Path]:
        """A tmpfs of 2 MiB."""
        place = tmp_path / "disk"
        place.mkdir()
        _mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place))
        yield place
        subprocess.run(["umount", "-l", str(place)], check=True)

    def test_full_disk_costs_nothing_that_existed(self, small_disk: Path) -> None:
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(900_000))
        state = self.make(small_disk / "state")
        kept = self._fill(state)
        assert kept > 1
        self._expect_kept(state, kept)
        state.state_close()
        again = self.make(small_disk / "state")
        self._expect_kept(again, kept)
        ballast.unlink()
        again.state_apply([("put", "b", "later", b"1")], True)
        self._expect_kept(again, kept, more=1)
        assert again.state_check(False) == []
        again.state_close()

    def test_a_disk_full_from_the_start(self, small_disk: Path) -> None:
        state = self.make(small_disk / "state")
        ballast = small_disk / "ballast"
        with pytest.raises(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        with pytest.raises(StateError, match="space"):
            state.state_apply([("put", "b", "k", bytes(40_000))], True)
        assert state.state_list("b", "") == []
        ballast.unlink()
        state.state_apply([("put", "b", "k", b"1")], True)
        assert [row[:2] for row in state.state_list("b", "")] == [("k", b"1")]
        state.state_close()

    def test_file_size_limit_is_an_error_too(self, root: Path) -> None:
        def work(output: int) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
            state = self.make(root)
            os.write(output, b"%d" % self._fill(state))

        child = Child(work)
        kept = int(child.read() or b"0")
        assert child.join() == (0, "")
        state = self.make(root)
        self._expect_kept(state, kept)
        assert state.state_check(False) == []
        state.state_close()

    @staticmethod
    def _fill(state: Any) -> int:
        """Write until the disk is full; how many records were acknowledged."""
        for number in range(1000):
            try:
                state.state_apply(
                    [("put", "b", f"{number:03}", b"%03d" % number + bytes(20_000)),
                     ("put", "c", f"{number:03}", b"1")],
                    number % 2 == 0,
                )  # fmt: skip
            except StateError as error:
                assert "\n" not in str(error)
                return number
        raise AssertionError("the disk never got full")

    @staticmethod
    def _expect_kept(state: Any, kept: int, more: int = 0) -> None:
        rows = state.state_list("b", "")
        assert [row[0] for row in rows][:kept] == [f"{number:03}" for number in range(kept)]
        assert all(value[:3] == key.encode() for key, value, _ in rows[:kept])
        assert len(rows) == kept + more
        assert len(state.state_list("c", "")) == kept

    def test_read_only_file_system(self, root: Path) -> None:
        state = self.make(root)
        state.state_apply([("put", "b", "k", b'{"a":1}'), ("put", "b", "l", b"2")], True)
        state.state_close()
        _mount("--bind", str(root), str(root))
        try:
            _mount("-o", "remount,ro,bind", str(root))
            state = self.make(root)
            assert [row[:2] for row in state.state_list("b", "")] == [
                ("k", b'{"a":1}'),
                ("l", b"2"),
            ]
            with pytest.raises(StateError, match="read-only|readonly"):
                state.state_apply([("put", "b", "k", b"3")], False)
            assert state.state_get("b", ["k"])["k"][0] == b'{"a":1}'
            assert state.state_check(False) == []
            state.state_close()
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True)
        state = self.make(root)
        state.state_apply([("put", "b", "k", b"3")], False)
        assert state.state_get("b", ["k"])["k"][0] == b"3"
        state.state_close()

    def test_a_place_that_cannot_be_a_directory(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        state = self.make(tmp_path / "file" / "state")
        with pytest.raises(StateError, match="file/state"):
            state.state_apply([("put", "b", "k", b"1")], False)
        state.state_close()

    def damage(self, root: Path) -> int:
        """Change one byte at every place in the files that holds :data:`MARK`."""
        places = 0
        for path in root.rglob("*"):
            if not path.is_file():
                continue
            data = path.read_bytes()
            at = data.find(MARK)
            while at >= 0:
                with path.open("r+b") as file:
                    file.seek(at)
                    file.write(b"D")
                places += 1
                at = data.find(MARK, at + 1)
        return places

    @pytest.fixture
    def damaged(self, root: Path) -> Any:
        """A driver over 60 records, of which "victim" is damaged."""
        state = self.make(root)
        for number in range(60):
            state.state_apply([("put", "b", f"{number:02}", b'{"n":"%s"}' % (b"y" * 400))], False)
            if number == 30:
                state.state_apply([("put", "b", "victim", b'{"n":"%s"}' % MARK)], True)
        self.settle(state, root)
        assert self.damage(root) > 0
        return self.make(root)

    def test_a_damaged_record_harms_itself_alone(self, damaged: Any) -> None:
        with pytest.raises(CorruptRecord, match="b/victim"):
            damaged.state_get("b", ["00", "victim"])
        assert len(damaged.state_get("b", ["00", "59"])) == 2
        assert [row[0] for row in damaged.state_list("b", "")] == [f"{n:02}" for n in range(60)]
        damaged.state_apply([("put", "b", "60", b"1"), ("delete", "b", "00")], True)
        assert len(damaged.state_list("b", "")) == 60
        damaged.state_close()

    def test_check_names_it_and_repair_removes_it(self, damaged: Any, root: Path) -> None:
        found = damaged.state_check(False)
        assert [(bucket, key) for bucket, key, _ in found] == [("b", "victim")]
        assert found[0][2]
        assert damaged.state_check(False) == found
        assert damaged.state_check(True) == found
        damaged.state_close()
        again = self.make(root)
        assert again.state_check(False) == []
        assert again.state_get("b", ["victim"]) == {}
        assert len(again.state_list("b", "")) == 60
        again.state_close()

    def test_a_damaged_record_can_be_written_again(self, damaged: Any) -> None:
        with pytest.raises(CorruptRecord):
            damaged.state_get("b", ["victim"])
        damaged.state_apply([("put", "b", "victim", b"new")], True)
        assert damaged.state_get("b", ["victim"])["victim"][0] == b"new"
        assert damaged.state_check(False) == []
        damaged.state_apply([("delete", "b", "victim")], True)
        assert damaged.state_get("b", ["victim"]) == {}
        damaged.state_close()
