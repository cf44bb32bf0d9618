"""An archive that is no layer deletes nothing, whatever its names are."""

from __future__ import annotations

import io
import os
import tarfile

from polypod.engine.tar_in import extract_tar


def test_names_like_whiteouts_are_files(tmp_path):
    (tmp_path / "kept").write_text("mine")
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/kept").write_text("mine")
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name in (".wh.kept", "dir/.wh..wh..opq", ".wh.."):
            entry = tarfile.TarInfo(name)
            entry.uid, entry.gid = os.geteuid(), os.getegid()
            archive.addfile(entry)
    extract_tar(io.BytesIO(made.getvalue()), str(tmp_path))
    assert (tmp_path / "kept").read_text() == (tmp_path / "dir/kept").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == [".wh..", ".wh.kept", "dir", "kept"]
    assert sorted(os.listdir(tmp_path / "dir")) == [".wh..wh..opq", "kept"]
