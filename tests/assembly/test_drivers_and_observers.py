"""How chosen plugins are made and called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Lab


def test_a_driver_that_returned_nothing_is_named(lab: Lab) -> None:
    lab.install("state", "mute", lab.STATE.replace('return {key: (b"v", 1) for key in keys}', "pass"))
    text = lab.python("""
        from polypod.assembly import compose
        try:
            compose({"state_backend": "mute"}).state("/r", "/r").get("b", ["k"])
        except Exception as error:
            result = str(error)
    """)
    assert text == (
        "state backend 'mute' of acme 1.0 returned nothing from state_get; this is a defect of the plugin"
    )


def test_hooks_may_take_fewer_arguments_and_other_orders(lab: Lab) -> None:
    code = lab.STATE.replace("def state_get(self, bucket, keys)", "def state_get(self, keys)")
    code = code.replace(
        "(self, bucket, prefix): return []",
        "(self, prefix, bucket=''): return [(bucket, prefix.encode(), 1)]",
    )
    lab.install("state", "few", code)
    probe = """
        import sys
        from polypod.assembly import compose
        state = compose({"state_backend": "few"}).state("/r", "/r")
        result = [list(state.get("b", ["k"])), str(state.list("b", "p")), "pluggy" in sys.modules]
    """
    expected = [["k"], "[('b', b'p', 1)]"]
    assert lab.python(probe) == [*expected, True]
    assert lab.python(probe) == [*expected, False]


def test_pluggys_own_marker_and_specname_work(lab: Lab) -> None:
    code = lab.STATE.replace(
        "from polypod.spec.markers import hookimpl",
        "import pluggy\nhookimpl = pluggy.HookimplMarker('polypod')",
    ).replace("@hookimpl\n    def state_info", "@hookimpl(specname='state_info')\n    def facts")
    lab.install("state", "own", code)
    probe = """
        from polypod.assembly import compose
        result = compose({"state_backend": "own"}).state("/r", "/r").info()
    """
    assert [lab.python(probe) for _ in range(2)] == [{"path": ""}] * 2


def test_runtime_by_path_without_a_plugin_uses_the_generic_one(lab: Lab) -> None:
    binary = lab.root / "mine"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    lab.write("containers.conf", f'[engine.runtimes]\nother = ["{binary}"]\n')
    probe = """
        from polypod.assembly import compose
        made = compose({"runtime": NAME, "runtime-flag": ["debug"]})
        port = made.runtime()
        result = [made.runtime_name, port.name, port.plugin, list(port.command())]
    """
    for name, short in ((str(binary), "mine"), ("other", "other")):
        for _ in range(2):
            assert lab.python(probe.replace("NAME", repr(name))) == [
                short,
                short,
                "runtime 'oci' of polypod 0.1.0",
                [str(binary), "--debug"],
            ]


def test_an_unavailable_default_gives_way_to_the_next(lab: Lab) -> None:
    probe = """
        from polypod.config import defaults
        defaults.DRIVER_PRIORITY["runtime"] = ("off", "crun")
        from polypod.assembly import compose
        result = compose({}).chosen["runtime"]
    """
    code = """
        from polypod.errors import DriverUnavailable
        from polypod.spec.markers import hookimpl
        from polypod_runtime_crun import Crun
        class Driver(Crun):
            def __init__(self, **_): raise DriverUnavailable("not here")
    """
    lab.install("runtime", "off", code)
    assert lab.python(probe) == "crun"


def test_a_default_that_is_removed_gives_way_to_the_next(lab: Lab) -> None:
    """Also when a snapshot says otherwise."""
    binary = lab.root / "first"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    code = """
        from polypod_runtime_crun import Crun
        class Driver(Crun):
            name = "first-of-all"
            candidates = ()
    """
    lab.install("runtime", "first", code)
    probe = f"""
        from polypod.config import defaults
        defaults.DRIVER_PRIORITY["runtime"] = ("first", "crun")
        defaults.ENGINE["runtimes"] = {{**defaults.RUNTIMES, "first": ({str(binary)!r},)}}
        from polypod.assembly import compose
        made = compose({{}})
        result = [made.runtime_name, made.runtime().name]
    """
    assert [lab.python(probe) for _ in range(2)] == [["first", "first"]] * 2
    binary.unlink()
    assert lab.python(probe) == ["crun", "crun"]


COMMAND = """
from polypod.spec.command import CommandSpec
def run(engine, args):
    print(type(engine).__name__, args, engine.runtime.settings.engine.state_backend)
    return 7
COMMAND = CommandSpec(summary="Say it", run=run)
"""


def test_subcommands(lab: Lab) -> None:
    lab.install("command", "say", COMMAND, attribute="COMMAND")
    done = lab.polypod("--state-backend", "json", "say", "--it", "x")
    assert (done.stdout, done.returncode) == ("Engine ['--it', 'x'] json\n", 7)
    assert "Say it" in lab.polypod("--help").stdout
    assert "command" in lab.polypod("plugin", "ls").stdout


def test_a_subcommand_that_two_packages_claim_harms_no_other(lab: Lab) -> None:
    lab.install("command", "say", COMMAND, attribute="COMMAND")
    lab.install("command", "say", COMMAND, attribute="COMMAND", package="other")
    assert lab.compose()["error"] == ""
    done = lab.polypod("plugin", "check")
    assert done.returncode == 125
    assert "command 'say'" in done.stderr
    assert "is provided by 2 packages, acme 1.0 and other 1.0" in done.stderr


OBSERVER = """
from polypod.spec.markers import hookimpl
class Driver:
    def __init__(self, *, config): pass
    @hookimpl
    def observe_assembled(self, drivers): print("assembled", drivers["state"])
    @hookimpl
    def observe_event(self, event): {event}
    @hookimpl
    def amend_spec(self, container, spec): {spec}
"""


@pytest.fixture
def observed(lab: Lab) -> Lab:
    first = OBSERVER.format(event="1 / 0", spec="spec['first'] = True")
    second = OBSERVER.format(event="print('saw', event.status)", spec="raise ValueError('no')")
    lab.install("observer", "first", first)
    lab.install("observer", "second", second, package="other")
    return lab


def test_observers(observed: Lab) -> None:
    code = """
        import sys
        from polypod.assembly import open_runtime
        from polypod.errors import PolypodError
        from polypod.model.container import Container
        from polypod.model.event import Event
        rt = open_runtime({})
        rt.observers.event(Event(time=1.0, type="container", status="died"))
        spec, result = {}, []
        try:
            rt.observers.amend_spec(Container(id="0", name="web", created=1.0), spec)
        except PolypodError as error:
            result = [str(error), spec, "pluggy" in sys.modules]
    """
    observed.python(code)
    text, spec, slow = observed.python(code)
    assert text == "observer 'second' of other 1.0 refused container web: ValueError: no"
    assert spec == {"first": True}
    assert not slow


def test_a_failing_observer_stops_nothing(observed: Lab) -> None:
    done = observed.polypod("plugin", "ls")
    assert done.returncode == 0
    import subprocess
    import sys

    script = (
        "from polypod.assembly import open_runtime\n"
        "from polypod.model.event import Event\n"
        "open_runtime({}).observers.event(Event(time=1.0, type='x', status='died'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=observed.env, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "assembled sqlite" in done.stdout
    assert "saw died" in done.stdout
    assert "observer 'first' of acme 1.0 failed in observe_event: ZeroDivisionError" in done.stderr
