"""The layer reader and writer, against tarfile, GNU tar and odd archives."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import tarfile

import pytest
from polypod.errors import HostileLayer, StorageError
from polypod.oci import tarstream_crc, tarstream_write
from polypod.oci.tarstream_apply import apply
from polypod.oci.tarstream_parse import Feed, Parser, number
from polypod.oci.tarstream_split import assemble
from polypod.testing import storage_tar as tar
from polypod.testing.storage import tree_facts

STYLE = {"whiteouts": "aufs", "ignore_chown_errors": False}


@pytest.fixture
def extract(tmp_path):
    """Extract archive bytes; returns (what is known of it, its directory, its tar-split file)."""

    def run(data: bytes, name: str = "tree", **options):
        target = tmp_path / name
        target.mkdir()
        split = str(tmp_path / f"{name}.split.gz")
        style = options.pop("style", STYLE)
        applied = apply(io.BytesIO(data), str(target), split_path=split, style=style, **options)
        return applied, str(target), split

    return run


SAMPLE = tar.archive(
    tar.member("d", mode=0o711),
    tar.member("d/f", b"content" * 1000, uid=70000, gid=3_000_000),
    tar.hardlink("h", "d/f"),
    tar.symlink("l", "d/f"),
    tar.member("fifo", type=tarfile.FIFOTYPE),
    tar.member("e", b""),
)


def zstd(data: bytes) -> bytes:
    try:
        from compression.zstd import compress
    except ImportError:
        compress = pytest.importorskip("backports.zstd").compress
    return compress(data)


@pytest.mark.parametrize(
    ("kind", "pack"),
    [
        (0, lambda data: data),
        (1, bz2.compress),
        (2, gzip.compress),
        (2, lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:])),
        (3, lzma.compress),
        (4, zstd),
        (4, lambda data: zstd(data[:700]) + zstd(data[700:])),
        (4, lambda data: bytes((0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0)) + b"toc" + zstd(data)),
    ],
)
def test_every_compression_gives_the_same_tree_and_digests(extract, kind, pack):
    packed = pack(SAMPLE)
    applied, target, split = extract(packed)
    assert applied.compression == kind
    assert applied.diff_digest == "sha256:" + hashlib.sha256(SAMPLE).hexdigest()
    assert applied.diff_size == len(SAMPLE)
    assert applied.compressed_digest == "sha256:" + hashlib.sha256(packed).hexdigest()
    assert applied.compressed_size == len(packed)
    assert applied.uids == (0, 70000)
    assert applied.gids == (0, 3_000_000)
    assert tree_facts(target)["d/f"] == (0o100644, 70000, 3_000_000, b"content" * 1000)
    assert b"".join(assemble(split, target)) == SAMPLE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_torn_or_damaged_stream_is_named(extract, pack):
    packed = pack(os.urandom(3000) + SAMPLE)
    with pytest.raises(StorageError):
        extract(packed[: len(packed) // 2], "torn")
    with pytest.raises(StorageError):
        extract(packed[:2000] + bytes(len(packed) - 2000), "damaged")


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_formats(extract, format):
    long = "long-directory-name/" * 11 + "f" if format != tarfile.USTAR_FORMAT else "p" * 80 + "/" + "n" * 80
    data = tar.archive(
        tar.member(long, b"x"), tar.symlink("s", "t" * 99), tar.member("z", b"1"), format=format
    )
    _, target, split = extract(data)
    facts = tree_facts(target)
    assert facts[long][3] == b"x"
    assert facts["s"][3] == "t" * 99
    assert b"".join(assemble(split, target)) == data


def test_long_links_and_non_ascii_names(extract):
    data = tar.archive(
        tar.symlink("s", "target/" * 40), tar.member("n\u00e4me-\u65e5", b"x"), tar.member("raw\udcff", b"y")
    )
    _, target, split = extract(data)
    assert os.readlink(target + "/s") == "target/" * 40
    assert sorted(os.listdir(target)) == sorted(["s", "n\u00e4me-\u65e5", "raw\udcff"])
    assert b"".join(assemble(split, target)) == data


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=posix"], ["--format=posix", "--sparse-version=1.0"], ["--format=posix", "--sparse-version=0.1"]])
def test_sparse_files_of_gnu_tar(tmp_path, extract, options):
    source = tmp_path / "s"
    source.mkdir()
    with open(source / "sparse", "wb") as file:
        for number in range(8):
            file.seek(number * 1_000_000)
            file.write(b"data%d" % number)
        file.truncate(9_000_000)
    (source / "after").write_text("still in step")
    done = subprocess.run(
        ["tar", "-C", source, "--sparse", *options, "-cf", "-", "sparse", "after"], stdout=-1, check=True
    )
    assert len(done.stdout) < 1_000_000
    applied, target, split = extract(done.stdout)
    with open(target + "/sparse", "rb") as new, open(source / "sparse", "rb") as old:
        assert new.read() == old.read()
    assert os.stat(target + "/sparse").st_blocks * 512 < 1_000_000
    assert not os.path.exists(split)  # there is no way back to these very bytes
    assert applied.diff_digest == "sha256:" + hashlib.sha256(done.stdout).hexdigest()
    with open(target + "/after", encoding="ascii") as file:
        assert file.read() == "still in step"


def test_a_name_that_comes_twice_ends_as_the_last_one(extract):
    data = tar.archive(
        tar.member("a", b"first"),
        tar.member("a", b"second"),
        tar.member("d"),
        tar.member("d/x", b"1"),
        tar.member("d", b"now a file"),
        tar.symlink("s", "a"),
        tar.member("s"),
        tar.member("s/below", b"2"),
    )
    _, target, split = extract(data)
    assert {name: fact[3] for name, fact in tree_facts(target).items()} == {
        "a": b"second",
        "d": b"now a file",
        "s": None,
        "s/below": b"2",
    }
    assert not os.path.exists(split)


def test_symbolic_links_on_the_way_stay_inside(extract):
    data = tar.archive(
        tar.member("usr"),
        tar.member("usr/lib"),
        tar.symlink("lib", "usr/lib"),
        tar.symlink("abs", "/usr/lib"),
        tar.member("lib/one", b"1"),
        tar.member("abs/two", b"2"),
    )
    _, target, _ = extract(data)
    assert sorted(os.listdir(target + "/usr/lib")) == ["one", "two"]


def test_missing_directories_are_made(extract):
    _, target, _ = extract(tar.archive(tar.member("a/b/c", b"x")))
    assert os.stat(target + "/a/b").st_mode & 0o7777 == 0o755


def test_overlay_marks_in_an_archive_are_not_taken_over(extract):
    data = tar.archive(tar.member("d", xattrs={"trusted.overlay.redirect": b"/etc"}))
    _, target, _ = extract(data)
    assert os.listxattr(target + "/d") == []


def test_a_tar_that_gnu_tar_makes_of_this_machine_survives(tmp_path, extract):
    listing = ["usr/share/doc/tar", "etc/alternatives", "bin", "usr/lib/git-core"]
    there = [name for name in listing if os.path.lexists("/" + name)]
    done = subprocess.run(
        ["tar", "-C", "/", "--format=posix", "-cf", "-", *there], stdout=-1, check=True
    )
    _, target, split = extract(done.stdout)
    subprocess.run(["tar", "-C", target, "--compare", "-f", "-"], input=done.stdout, check=True)
    assert b"".join(assemble(split, target)) == done.stdout
    rewritten = b"".join(tarstream_write.write_tree(target))
    assert rewritten == b"".join(tarstream_write.write_tree(target))
    subprocess.run(["tar", "-C", target, "--compare", "-f", "-"], input=rewritten, check=True)
    _, again, _ = extract(rewritten, "again")
    assert tree_facts(again) == tree_facts(target)


def test_a_changed_file_is_noticed_when_the_archive_is_put_together(extract):
    _, target, split = extract(SAMPLE)
    with open(target + "/d/f", "r+b") as file:
        file.write(b"X")
    with pytest.raises(StorageError, match='checksum failed for "d/f"'):
        b"".join(assemble(split, target))
    os.unlink(target + "/d/f")
    with pytest.raises(StorageError, match="d/f is gone"):
        b"".join(assemble(split, target))


def test_not_a_tar_archive(extract):
    with pytest.raises(StorageError, match="not a tar archive"):
        extract(b"hello" * 1000)


def test_an_empty_archive_is_an_empty_layer(extract):
    applied, target, _ = extract(bytes(1024))
    assert applied.diff_size == 1024
    assert os.listdir(target) == []


def test_huge_extended_headers_are_refused(extract):
    header = bytearray(tar.archive(tar.member("x", b""))[:512])
    header[156:157] = b"x"
    header[124:136] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(HostileLayer, match="extended header"):
        extract(bytes(header))


def test_numbers():
    assert number(b"0000644\0") == 0o644
    assert number(b"   17 \0\0") == 0o17
    assert number(bytes(8)) == 0
    assert number(b"\x80" + (70_000_000_000).to_bytes(11, "big")) == 70_000_000_000
    assert number(b"\xff" * 12) == -1


def test_the_parser_hands_out_every_byte_in_small_pieces():
    segments: list[bytes] = []
    feed = Feed(iter([SAMPLE[n : n + 7] for n in range(0, len(SAMPLE), 7)]))
    parser = Parser(feed, segments.append)
    names = []
    while (entry := parser.next()) is not None:
        names.append(entry.name)
        size = entry.stored + -entry.stored % 512
        segments.append(feed.exactly(size))
    parser.drain()
    assert names == [b"d/", b"d/f", b"h", b"l", b"fifo", b"e"]
    assert b"".join(segments) == SAMPLE


def test_checksums_agree_with_gos():
    # hash/crc64's own test vectors for the ISO table are those of CRC-64/GO-ISO.
    assert tarstream_crc._plain(b"123456789") == 0xB90956C775A41001
    fast = tarstream_crc.crc64()
    assert fast(b"123456789", 0) == 0xB90956C775A41001
    for size in (0, 1, 7, 8, 9, 63, 4096, 100_003):
        data = os.urandom(size)
        assert fast(memoryview(data), 7) == tarstream_crc._plain(data, 7)
    assert fast(b"6789", fast(b"12345", 0)) == 0xB90956C775A41001


def test_whiteouts_are_written_for_what_is_gone(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for top in (old, new):
        (top / "d").mkdir(parents=True)
        (top / "same").write_text("x")
        os.utime(top / "same", (1, 1))
    (old / "gone").write_text("x")
    (old / "d" / "gone").write_text("x")
    (new / "d" / "added").write_text("x")
    data = b"".join(tarstream_write.write_difference(str(new), str(old)))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert sorted(archive.getnames()) == [".wh.gone", "d/.wh.gone", "d/added"]
