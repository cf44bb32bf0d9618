"""The parser against pflag's rules: values, clusters, optional values, words of errors."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from polypod.cli.command import Flag
from polypod.cli.parse import FlagSet, HelpRequested, Options, parse, split_csv
from polypod.errors import UsageError

FLAGS = (
    Flag("all", "a"),
    Flag("interactive", "i"),
    Flag("tty", "t"),
    Flag("sig-proxy", default=True),
    Flag("env", "e", "array"),
    Flag("attach", "A", "slice", default=("stdin",)),
    Flag("label", "l", "map"),
    Flag("name", "n", "string"),
    Flag("network", type="string", aliases=("net",)),
    Flag("time", "T", "int", default=10),
    Flag("count", "c", "uint"),
    Flag("cpus", type="float"),
    Flag("interval", type="duration", default=0.25),
    Flag("memory", "m", "size"),
    Flag("last", "L", "string", no_value="newest"),
)


def read(*args: str, interspersed: bool = True) -> tuple[Options, list[str]]:
    options = Options(FLAGS)
    rest, _ = parse(list(args), FlagSet(FLAGS, options), interspersed)
    return options, rest


def fails(*args: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(*args)
    return str(caught.value)


def test_unset_flags_read_their_defaults() -> None:
    options, rest = read()
    assert (options.all, options.sig_proxy, options.name, options.time) == (False, True, "", 10)
    assert (options.env, options.attach, options.label) == ([], ["stdin"], {})
    assert (options.memory, options.interval, options.cpus) == (0, 0.25, 0.0)
    assert rest == []
    assert not options.changed("time")


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        (["--all"], "all", True),
        (["--all=false"], "all", False),
        (["--sig-proxy=0"], "sig_proxy", False),
        (["--name", "x"], "name", "x"),
        (["--name=x=y"], "name", "x=y"),
        (["--name="], "name", ""),
        (["--name", "--all"], "name", "--all"),
        (["-nx"], "name", "x"),
        (["-n=x"], "name", "x"),
        (["-n", "x"], "name", "x"),
        (["-n", "-"], "name", "-"),
        (["--net", "host"], "network", "host"),
        (["-ae", "a=b"], "env", ["a=b"]),
        (["-e", "a,b", "-e", "c"], "env", ["a,b", "c"]),
        (["-A", "stdout,stderr"], "attach", ["stdout", "stderr"]),
        (["-A", "stdout", "-A", "stderr"], "attach", ["stdout", "stderr"]),
        (["-A", '"a,b",c'], "attach", ["a,b", "c"]),
        (["-A", ""], "attach", []),
        (["-l", "a=b", "-l", "c=d,e=f"], "label", {"a": "b", "c": "d", "e": "f"}),
        (["-l", "a=b,c"], "label", {"a": "b,c"}),
        (["-T", "-5"], "time", -5),
        (["-T", "0x10"], "time", 16),
        (["-T", "010"], "time", 8),
        (["--cpus", "1.5"], "cpus", 1.5),
        (["--interval", "1m30s"], "interval", 90.0),
        (["-m", "512m"], "memory", 512 << 20),
        (["-m", "-1"], "memory", -1),
        (["--last"], "last", "newest"),
        (["--last=x"], "last", "x"),
        (["-Lx"], "last", "newest"),
    ],
)
def test_values(args: list[str], name: str, value: object) -> None:
    if args == ["-Lx"]:
        assert fails(*args) == "unknown shorthand flag: 'x' in -x"
        return
    options, rest = read(*args)
    assert getattr(options, name) == value
    assert rest == []
    assert options.changed({"sig_proxy": "sig-proxy"}.get(name, name))


def test_positionals() -> None:
    assert read("x", "-a", "y")[1] == ["x", "y"]
    assert read("x", "-a", "y", interspersed=False)[1] == ["x", "-a", "y"]
    assert read("-a", "--", "-t", "y")[1] == ["-t", "y"]
    assert read("-", "")[1] == ["-", ""]
    options, rest = read("-it", "image", "sh", "-c", "true", interspersed=False)
    assert options.interactive and options.tty
    assert rest == ["image", "sh", "-c", "true"]


def test_dash_position_is_told() -> None:
    assert parse(["a", "--", "b"], FlagSet(FLAGS, Options(FLAGS))) == (["a", "b"], 1)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=x"], "unknown flag: --foo"),
        (["-az"], "unknown shorthand flag: 'z' in -z"),
        (["-zq"], "unknown shorthand flag: 'z' in -zq"),
        (["--name"], "flag needs an argument: --name"),
        (["-an"], "flag needs an argument: 'n' in -n"),
        (["--=x"], "bad flag syntax: --=x"),
        (["---x"], "bad flag syntax: ---x"),
        (
            ["--all=x"],
            'invalid argument "x" for "-a, --all" flag: strconv.ParseBool: parsing "x": '
            "invalid syntax",
        ),
        (
            ["-T", "x"],
            'invalid argument "x" for "-T, --time" flag: strconv.ParseInt: parsing "x": '
            "invalid syntax",
        ),
        (
            ["-c", "-1"],
            'invalid argument "-1" for "-c, --count" flag: strconv.ParseUint: parsing "-1": '
            "invalid syntax",
        ),
        (
            ["--time=9223372036854775808"],
            'invalid argument "9223372036854775808" for "-T, --time" flag: strconv.ParseInt: '
            'parsing "9223372036854775808": value out of range',
        ),
        (
            ["--cpus=x"],
            'invalid argument "x" for "--cpus" flag: strconv.ParseFloat: parsing "x": '
            "invalid syntax",
        ),
        (
            ["--interval=x"],
            'invalid argument "x" for "--interval" flag: time: invalid duration "x"',
        ),
        (["-m", "1x"], 'invalid argument "1x" for "-m, --memory" flag: invalid suffix: \'x\''),
        (
            ["-l", "a"],
            'invalid argument "a" for "-l, --label" flag: a must be formatted as key=value',
        ),
        (
            ["-A", 'a"b'],
            'invalid argument "a\\"b" for "-A, --attach" flag: parse error on line 1, column 2: '
            'bare " in non-quoted-field',
        ),
    ],
)
def test_errors_have_pflags_words(args: list[str], words: str) -> None:
    assert fails(*args) == words


def test_help_is_told_apart() -> None:
    for args in (["--help"], ["-h"], ["-ah"]):
        with pytest.raises(HelpRequested):
            read(*args)


def test_defaults_are_not_shared() -> None:
    first, _ = read("-e", "a")
    second, _ = read()
    assert first.env == ["a"]
    assert second.env == []
    assert Options(FLAGS).attach is not Options(FLAGS).attach


texts = st.text(alphabet=string.ascii_letters + string.digits + '=,."-_ /:\\', max_size=20)


@given(
    name=texts,
    env=st.lists(texts, max_size=4),
    time=st.integers(-(2**62), 2**62),
    all=st.booleans(),
)
def test_round_trip(name: str, env: list[str], time: int, all: bool) -> None:
    args = [f"--name={name}", f"--time={time}", f"--all={str(all).lower()}"]
    for value in env:
        args += ["-e", value]
    options, rest = read(*args, "--", "-x")
    assert (options.name, options.env, options.time, options.all) == (name, env, time, all)
    assert rest == ["-x"]


@given(st.lists(texts, min_size=1, max_size=5))
def test_csv_round_trip(fields: list[str]) -> None:
    quoted = ",".join('"' + field.replace('"', '""') + '"' for field in fields)
    assert split_csv(quoted) == fields


@given(st.lists(st.text(alphabet="-ahitnTe=x", max_size=5), max_size=6))
def test_nothing_but_usage_errors(args: list[str]) -> None:
    try:
        read(*args)
    except (UsageError, HelpRequested):
        pass
