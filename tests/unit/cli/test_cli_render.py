"""Templates, tables and JSON: the fast path says what gotpl says, in podman's words."""

from __future__ import annotations

import gotpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polypod.cli import render
from polypod.cli.gotemplate import execute_full
from polypod.cli.tabs import align, table
from polypod.cli.template import Data, GoTime, execute, go_text, simple_parts
from polypod.errors import UsageError

ROWS = [
    {"ID": "abc", "Names": "n1", "Ports": "", "Labels": {"a": "b"}},
    {"ID": "abcdefabcdef", "Names": "a longer name", "Ports": "80/tcp", "Labels": {}},
]


def test_a_table_is_aligned_like_podmans() -> None:
    text = render.format_rows(
        ROWS, r"{{.ID}}\t{{.Ports}}\t{{.Names}}", default=True, headings={"ID": "container id"}
    )
    assert text == (
        "CONTAINER ID  PORTS       NAMES\n"
        "abc                       n1\n"
        "abcdefabcdef  80/tcp      a longer name\n"
    )


def test_a_users_table_splits_at_blanks() -> None:
    expected = "ID            NAMES\nabc           n1\nabcdefabcdef  a longer name\n"
    for template in ("table {{.ID}} {{.Names}}", r"table {{.ID}}\t{{.Names}}"):
        assert render.format_rows(ROWS, template) == expected
    assert render.format_rows(ROWS, "table {{.ID}} {{upper .Names}}").endswith("A LONGER NAME\n")
    assert render.format_rows([], "table {{.ImageID}} {{.RunningFor}}") == (
        "IMAGE ID    RUNNING FOR\n"
    )
    assert not render.format_rows(ROWS, "table {{.ID}} {{.Names}}", noheading=True).startswith("ID")


def test_lines_ranges_and_escapes() -> None:
    assert (
        render.format_rows(ROWS, r"{{.ID}}\n{{.Names}}") == "abc\nn1\nabcdefabcdef\na longer name\n"
    )
    assert render.format_rows(ROWS, "{{range .}}{{.ID}},{{end}}") == "abc,abcdefabcdef,\n"
    assert render.format_rows(ROWS[:1], "{{json .Labels}}") == '{"a":"b"}\n'
    assert render.format_rows([], "{{.Foo}}") == ""
    assert render.render_one(ROWS[0], r'{{printf "%s\n" .ID}}') == "abc\n"
    assert render.render_one(ROWS[0], "") == "\n"


def test_json_forms() -> None:
    for form in ("json", " json ", "{{json}}", "{{ json. }}"):
        assert render.is_json(form)
    assert not render.is_json("{{json .}}")
    assert render.render_one({"a": 1}, "json", indent=None) == '{"a":1}\n'


def test_fields_that_are_not_there() -> None:
    with pytest.raises(UsageError) as caught:
        render.format_rows(ROWS, "{{.Foo}}", name="ps", type_name="containers.psReporter")
    words = (
        'template: ps:1:13: executing "ps" at <.Foo>: '
        "can't evaluate field Foo in type containers.psReporter"
    )
    assert str(caught.value) == words
    with pytest.raises(UsageError) as caught:
        render.format_rows(ROWS, "{{.Foo | upper}}", name="ps", type_name="containers.psReporter")
    assert str(caught.value) == words
    assert render.render_one(ROWS[0], "{{.Labels.zz}}") == "<no value>\n"
    with pytest.raises(UsageError) as caught:
        render.render_one({"Host": {"Arch": "x"}}, "{{.Host.Foo}}", name="info")
    assert 'template: info:1:7: executing "info" at <.Host.Foo>' in str(caught.value)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{.ID", "template: t:1: unclosed action"),
        ("{{nosuch .}}", 'template: t:1: function "nosuch" not defined'),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{range .}}", "template: t:1: unexpected EOF"),
    ],
)
def test_bad_templates(template: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        render.render_one(ROWS[0], template, name="t")
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('{{join .L "-"}}', "a-b"),
        ("{{lower .S}}{{upper .S}}", "abcABC"),
        ('{{index (split .S "b") 0}}', "A"),
        ("{{title .W}}", "Two Words"),
        ("{{len .L}}", "2"),
        ('{{index .M "k"}}', "v"),
        ('{{printf "%-5s|" .S}}', "AbC  |"),
        ("{{pad .S 1 2}}|", " AbC  |"),
        ("{{truncate .S 2}}", "Ab"),
        ("{{if .B}}yes{{else}}no{{end}}", "yes"),
        ("{{with .M}}{{.k}}{{end}}", "v"),
        ("{{range .L}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range $k, $v := .M}}{{$k}}={{$v}}{{end}}", "k=v"),
        ("{{- .S -}}", "AbC"),
        ("{{.S | json}}", '"AbC"'),
    ],
)
def test_podmans_functions(template: str, text: str) -> None:
    value = {"S": "AbC", "W": "two words", "L": ["a", "b"], "M": {"k": "v"}, "B": True}
    assert render.render_one(value, template).rstrip("\n") == text


def test_names_differ_by_case_or_alias() -> None:
    value = {"Id": "x", "cgroupVersion": "v2"}
    assert render.render_one(value, "{{.ID}}") == "x\n"
    aliases = {"CgroupsVersion": "cgroupVersion"}
    assert render.render_one(value, "{{.CgroupsVersion}}", aliases=aliases) == "v2\n"
    assert render.render_one(value, "{{.CgroupsVersion | upper}}", aliases=aliases) == "V2\n"


def test_times_differ_in_json_and_text() -> None:
    value = {"Created": GoTime("2024-05-01T10:00:00.5Z")}
    assert render.render_one(value, "{{.Created}}") == "2024-05-01 10:00:00.5 +0000 UTC\n"
    assert render.render_one(value, "{{json .Created}}") == '"2024-05-01T10:00:00.5Z"\n'
    assert render.render_one(value, "{{upper .Created}}").startswith("2024-05-01 10")


names = st.sampled_from(["A", "B", "Labels", "N"])
texts = st.text(alphabet="ab \t|.{", max_size=6).filter(lambda t: "{{" not in t)
leaves = st.one_of(
    st.text(alphabet="xyz ", max_size=5), st.integers(-5, 10**6), st.booleans(),
    st.lists(st.text(alphabet="pq", max_size=3), max_size=3),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
)  # fmt: skip


@given(
    value=st.fixed_dictionaries(
        {"A": leaves, "B": leaves, "N": st.fixed_dictionaries({"A": leaves})}
    ),
    parts=st.lists(
        st.one_of(texts, st.sampled_from(["{{.A}}", "{{ .B }}", "{{.N.A}}", "{{json .N}}"])),
        max_size=6,
    ),
)
def test_the_fast_path_agrees_with_gotpl(value: dict[str, object], parts: list[str]) -> None:
    template = "".join(parts)
    simple = simple_parts(template)
    if simple is None or "{{{" in template:
        return
    data = Data("t")
    assert execute(simple, value, data) == execute_full(template, value, data)


@given(leaves)
def test_go_text_agrees_with_gotpl(value: object) -> None:
    assert go_text(value) == gotpl.render("{{.V}}", {"V": value})


def test_columns_end_where_a_line_lacks_them() -> None:
    assert align("a\tb\n\nccccccccccccc\td\n") == "a           b\n\nccccccccccccc  d\n"
    assert align("a\tb\tc\nd\te\n") == "a           b           c\nd           e\n"
    assert align("plain\n") == "plain\n"
    assert table([["H", "I"], ["ü" * 12, "x"]]) == f"H             I\n{'ü' * 12}  x\n"


@given(
    st.lists(
        st.lists(st.text(alphabet="ab ", max_size=15), min_size=1, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_alignment_keeps_the_cells(rows: list[list[str]]) -> None:
    lines = align("".join("\t".join(row) + "\n" for row in rows)).split("\n")
    assert lines[-1] == ""
    for row, line in zip(rows, lines[:-1], strict=True):
        position = 0
        for cell in row:
            found = line.find(cell, position)
            assert found >= position
            position = found + len(cell)
        assert line.endswith(row[-1])
