"""Editing tables in place gives what decoding and encoding would give."""

from __future__ import annotations

import json

import pytest
from polypod.errors import StorageError
from polypod.store.table import Text, by_id, load


def text(tmp_path, content: str) -> Text:
    path = tmp_path / "t.json"
    path.write_text(content)
    return Text(str(path))


def test_records_are_added_replaced_and_cut_out_anywhere(tmp_path):
    table = text(tmp_path, "")
    for number in range(4):
        table.put({"id": f"{number}", "n": number})
    table.put({"id": "2", "n": "two", "more": {"id": "nested"}})
    assert json.loads(table.text) == [
        {"id": "0", "n": 0},
        {"id": "1", "n": 1},
        {"id": "2", "n": "two", "more": {"id": "nested"}},
        {"id": "3", "n": 3},
    ]
    for gone, left in (("1", "023"), ("3", "02"), ("0", "2"), ("2", "")):
        assert table.remove(gone)
        assert [record["id"] for record in json.loads(table.text)] == list(left)
    assert not table.remove("1")
    assert table.text == "[]"


def test_what_a_newer_peer_wrote_stays_byte_for_byte(tmp_path):
    foreign = '{"id":"a","x":1.50,"weird":"\\u003c","flags":{"z":null}}'
    table = text(tmp_path, f"[{foreign}]\n")
    table.put({"id": "b"})
    assert table.text == f'[{foreign},{{"id":"b"}}]'
    table.save(durable=False)
    assert load(table.path)[0]["weird"] == "<"


def test_a_file_in_another_shape_is_taken_as_a_whole(tmp_path):
    table = text(tmp_path, '[ { "name": "x", "id": "a" } ]')
    table.put({"id": "b"})
    assert [record["id"] for record in table.records()] == ["a", "b"]


@pytest.mark.parametrize("content", ["null", "[]", "  \n", ""])
def test_empty_in_all_its_forms(tmp_path, content):
    assert text(tmp_path, content).records() == []
    assert load(str(tmp_path / "t.json")) == []


@pytest.mark.parametrize("content", ['{"a":1}', "[{", '[{"id":"a"},'])
def test_damage_is_named(tmp_path, content):
    with pytest.raises(StorageError, match=r"t\.json is damaged"):
        text(tmp_path, content)


def test_load_notices_a_change_and_shares_what_is_the_same(tmp_path):
    table = text(tmp_path, '[{"id":"a"}]')
    first = load(table.path)
    assert load(table.path) is first
    table.put({"id": "b"})
    table.save(durable=False)
    assert [record["id"] for record in load(table.path)] == ["a", "b"]
    assert load(str(tmp_path / "absent.json")) == []


def test_an_unchanged_table_is_decoded_and_indexed_once(tmp_path):
    path = str(tmp_path / "layers.json")
    assert load(path) is load(path)  # absent: nothing changed either
    (tmp_path / "layers.json").write_text('[{"id":"a","n":1},{"id":"b"},{"id":"a","n":2}]')
    records = load(path)
    assert load(path) is records
    index = by_id(path, records)
    assert index["a"] == {"id": "a", "n": 1}  # the first one, as a search from the front finds
    assert by_id(path, records) is index
    (tmp_path / "layers.json").write_text('[{"id":"c"}]')
    assert list(by_id(path, load(path))) == ["c"]


def test_ids_are_those_that_can_be_found(tmp_path):
    table = text(tmp_path, '[{"id":"a","more":{"id":"b"}},{"id":"c"}]')
    assert table.ids() == {"a", "b", "c"}
    assert all(table.find(id) is not None for id in table.ids())
    assert text(tmp_path, "").ids() == set()
