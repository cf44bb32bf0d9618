"""Bad compositions: one line that says what is installed, what was asked, where, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Lab

OBSERVER = """
from polypod.spec.markers import hookimpl
class Driver:
    def __init__(self, *, config): pass
    @hookimpl
    def observe_event(self, event): pass
"""


def error(lab: Lab, **flags: object) -> str:
    result = lab.compose(**flags)
    assert result["error"], result
    assert "\n" not in result["error"]
    assert result["code"] == 125
    # A failure is never kept.
    assert lab.compose(**flags)["error"] == result["error"]
    return result["error"]


@pytest.mark.parametrize(
    ("flag", "noun"),
    [
        ("state_backend", "state backend"),
        ("network_backend", "network backend"),
        ("storage_driver", "storage driver"),
        ("monitor", "monitor"),
        ("runtime", "runtime"),
    ],
)
def test_unknown_name(lab: Lab, flag: str, noun: str) -> None:
    text = error(lab, **{flag: "nope"})
    asked = f"(asked for by flag --{flag.replace('_', '-')})"
    assert text.startswith(f"{noun} 'nope' {asked} ")
    assert "installed: " in text
    assert "install" in text.rpartition(";")[2]


def test_the_file_and_line_that_asked_are_named(lab: Lab) -> None:
    path = lab.write("polypod.conf", '# ours\nstate_backend = "nope"\n')
    text = error(lab)
    assert f"state backend 'nope' (asked for by {path}:2) is not installed; installed: " in text
    assert "sqlite (polypod 0.1.0)" in text
    assert text.endswith("choose another with --state-backend")


def test_the_command_line_exits_with_125_and_one_line(lab: Lab) -> None:
    done = lab.polypod("--state-backend", "nope", "container", "exists", "x")
    assert done.returncode == 125
    assert done.stderr.startswith("Error: state backend 'nope' (asked for by flag --state-backend)")
    assert done.stderr.count("\n") == 1


def test_two_packages_claim_one_name(lab: Lab) -> None:
    lab.install("state", "twice", package="acme")
    lab.install("state", "twice", package="bolt", version="3")
    assert error(lab, state_backend="twice") == (
        "state backend 'twice' (asked for by flag --state-backend) is provided by 2 packages,"
        " acme 1.0 and bolt 3; uninstall all but one of them"
    )
    assert lab.compose()["error"] == "", "a name that nobody asked for harms nobody"


def test_plugin_that_raises_on_load(lab: Lab) -> None:
    lab.install("state", "bad", "raise RuntimeError('no\\nluck')\n")
    assert error(lab, state_backend="bad") == (
        "state backend 'bad' (asked for by flag --state-backend) of acme 1.0 failed to load:"
        " RuntimeError: no luck; reinstall or uninstall acme, or choose another with"
        " --state-backend"
    )


def test_plugin_whose_attribute_is_missing(lab: Lab) -> None:
    lab.install("state", "bad", "", attribute="Absent")
    assert "has no attribute 'Absent'" in error(lab, state_backend="bad")


def test_plugin_of_another_contract_version(lab: Lab) -> None:
    lab.install("state", "next", contract="v2")
    assert error(lab, state_backend="next") == (
        "state backend 'next' (asked for by flag --state-backend) of acme 1.0 is made for contract"
        " polypod.state.v2, but this polypod has polypod.state.v1; install a acme for"
        " polypod.state.v1, or choose another with --state-backend"
    )


def test_plugin_for_both_contract_versions(lab: Lab) -> None:
    lab.install("state", "both")
    lab.install("state", "both", contract="v2")
    assert lab.compose(state_backend="both")["error"] == ""


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("def state_get(self, bucket, keys)", "def state_got(self, bucket, keys)", "state_got"),
        ("(self, bucket, prefix)", "(self, bucket, prefix, colour)", "colour"),
        ("@hookimpl\n    def state_close", "def closing", "does not implement state_close"),
    ],
)
def test_plugin_that_breaks_its_contract(lab: Lab, old: str, new: str, reason: str) -> None:
    code = lab.STATE.replace(old, new).replace("[key]: ", "")
    assert code != lab.STATE
    lab.install("state", "odd", code)
    text = error(lab, state_backend="odd")
    assert "of acme 1.0 does not fit contract polypod.state.v1: " in text
    assert reason in text


def test_wrappers_are_refused(lab: Lab) -> None:
    code = OBSERVER.replace("from polypod.spec.markers import hookimpl", "import pluggy").replace(
        "@hookimpl", "@pluggy.HookimplMarker('polypod')(hookwrapper=True)"
    )
    lab.install("observer", "wrap", code.replace(": pass\n", ": yield\n"))
    assert "observe_event is a wrapper" in error(lab)


def test_broken_observer_stops_and_can_be_left_out(lab: Lab) -> None:
    lab.install("observer", "bad", "1 / 0\n")
    text = error(lab)
    assert "observer 'bad' (asked for by being installed) of acme 1.0 failed to load" in text
    assert text.endswith("choose another with 'observers' in polypod.conf")
    lab.write("polypod.conf", "observers = []\n")
    assert lab.compose()["error"] == ""


def test_unknown_observer(lab: Lab) -> None:
    path = lab.write("polypod.conf", 'observers = ["ghost"]\n')
    assert f"observer 'ghost' (asked for by {path}:1) is not installed" in error(lab)


CONFIGURED = """
from polypod.model.struct import Struct
class Config(Struct):
    depth: int = 1
    names: tuple[str, ...] = ()
"""


def configured(lab: Lab) -> str:
    return CONFIGURED + lab.STATE.replace("Config = None", "Config = Config")


def test_unknown_config_key(lab: Lab) -> None:
    lab.install("state", "conf", configured(lab))
    path = lab.write("polypod.conf", "[plugin.state.conf]\ndepth = 2\ndeep = 2\n")
    assert error(lab, state_backend="conf") == (
        f"{path}:3: unknown key 'deep' for state backend 'conf'; it knows depth, names"
    )
    assert lab.compose()["error"] == "", "tables of plugins that are not chosen do not matter"


def test_config_value_of_the_wrong_type(lab: Lab) -> None:
    lab.install("state", "conf", configured(lab))
    path = lab.write("polypod.conf", '[plugin.state.conf]\nnames = ["a"]\ndepth = "x"\n')
    text = error(lab, state_backend="conf")
    assert text.startswith(f"{path}:3: bad value for state backend 'conf': expected 'int'")


def test_config_reaches_the_plugin_on_both_paths(lab: Lab) -> None:
    lab.install("state", "conf", configured(lab))
    lab.write("polypod.conf", '[plugin.state.conf]\nnames = ["a", "b"]\n')
    code = """
        from polypod.assembly import compose
        config = compose({"state_backend": "conf"}).state("/r", "/r").driver.config
        result = repr((config.names, config.depth))
    """
    assert [lab.python(code) for _ in range(2)] == ["(('a', 'b'), 1)"] * 2


def test_msgspec_config(lab: Lab) -> None:
    code = "import msgspec\nclass C(msgspec.Struct):\n    depth: int = 1\n" + lab.STATE
    lab.install("state", "conf", code.replace("Config = None", "Config = C"))
    lab.write("polypod.conf", "[plugin.state.conf]\ndepth = 7\n")
    code = """
        from polypod.assembly import compose
        result = compose({"state_backend": "conf"}).state("/r", "/r").driver.config.depth
    """
    assert [lab.python(code) for _ in range(2)] == [7, 7]
    path = lab.write("polypod.conf", "[plugin.state.conf]\n\nwidth = 7\n")
    assert error(lab, state_backend="conf") == (
        f"{path}:3: unknown key 'width' for state backend 'conf'; it knows depth"
    )


def test_config_for_a_plugin_without_any(lab: Lab) -> None:
    lab.install("state", "plain")
    lab.write("polypod.conf", "[plugin.state.plain]\nx = 1\n")
    assert "unknown key 'x'" in error(lab, state_backend="plain")


def test_missing_binary(lab: Lab) -> None:
    path = lab.write("containers.conf", '[engine.runtimes]\nrunc = ["/nowhere/runc"]\n')
    text = error(lab, runtime="runc")
    assert f"no executable at /nowhere/runc, which {path}:2 names" in text
    text = error(lab, runtime="/nowhere/kata")
    assert text.startswith("runtime '/nowhere/kata' (asked for by flag --runtime) cannot be used")


def test_runtime_without_plugin_or_binary(lab: Lab) -> None:
    text = error(lab, runtime="runj")
    assert text.startswith("runtime 'runj' (asked for by flag --runtime) not found: no plugin of")
    assert "installed: crun, oci, runc, youki" in text
    assert "/usr/local/bin or PATH; install it, add it to [engine.runtimes]" in text


def test_driver_that_is_unavailable_says_why(lab: Lab) -> None:
    code = lab.STATE.replace(
        "self.config = config",
        "from polypod.errors import DriverUnavailable; raise DriverUnavailable('no disk')",
    )
    lab.install("state", "off", code)
    text = lab.python("""
        from polypod.assembly import compose
        try:
            compose({"state_backend": "off"}).state("/r", "/r")
        except Exception as error:
            result = [type(error).__name__, str(error)]
    """)
    assert text[0] == "DriverUnavailable"
    assert text[1] == (
        "state backend 'off' (asked for by flag --state-backend) cannot be used here: no disk;"
        " mend that or choose another with --state-backend (installed: json, kv, sqlite)"
    )


def test_driver_whose_constructor_raises(lab: Lab) -> None:
    lab.install("state", "off", lab.STATE.replace("self.config = config", "{}['x']"))
    text = lab.python("""
        from polypod.assembly import compose
        from polypod.errors import CompositionError
        try:
            compose({"state_backend": "off"}).state("/r", "/r")
        except CompositionError as error:
            result = str(error)
    """)
    assert "'off' of acme 1.0 (asked for by flag --state-backend) failed to start: KeyError" in text


def test_no_default_is_an_error_only_when_used(lab: Lab) -> None:
    """Core with two plugins only: what is not needed need not be there."""
    text = lab.python("""
        from polypod.assembly import inventory
        from polypod.errors import CompositionError
        installed = inventory.installed
        inventory.installed = lambda: {g: [f for f in fs if g in ("state", "runtime")]
            for g, fs in installed().items()}
        from polypod.assembly import compose
        made = compose({})
        made.state(), made.runtime()
        try:
            made.network()
        except CompositionError as error:
            result = str(error)
    """)
    assert text.startswith("no network backend is installed that is used by default (netavark, host)")


def test_a_store_that_was_migrated_warns_about_another_backend(lab: Lab) -> None:
    (lab.root / "graph/polypod").mkdir(parents=True)
    (lab.root / "graph/polypod/backend").write_text("kv")
    assert lab.compose()["warnings"] == []
    [warning] = lab.compose(state_backend="sqlite")["warnings"]
    assert "migrated to state backend 'kv'" in warning
