"""Line numbers of keys."""

from __future__ import annotations

from pathlib import Path

from polypod.config.tomlfile import read_toml

TEXT = '''# a comment with [brackets]
top = """
[not.a.table]
x = 1
"""
[a]  # comment
list = [
  "b = 1", # ]
  "c",
]
dotted.key = 1
[a."quoted name".'x']
after = { inline = 1, deeper = { x = 2 } }
[[rows]]
r = 1
'''


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(TEXT)
    file = read_toml(str(path))
    assert file is not None
    lines = {
        keys: int(file.where(*keys).rpartition(":")[2])
        for keys in [
            ("top",),
            ("a",),
            ("a", "list"),
            ("a", "dotted", "key"),
            ("a", "quoted name", "x", "after"),
            ("a", "quoted name", "x", "after", "deeper", "x"),
            ("rows", "r"),
        ]
    }
    assert list(lines.values()) == [2, 6, 7, 11, 13, 13, 15]
    assert file.where("x") == str(path)


def test_absent_file(tmp_path: Path) -> None:
    assert read_toml(str(tmp_path / "none")) is None
