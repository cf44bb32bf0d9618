"""Every state backend with every OCI runtime and every storage driver."""

from __future__ import annotations

import os
import shutil

import pytest
from polypod.testing.box import IMAGE, CliBox

RUNTIMES = ("crun", "runc", "youki")


def need(runtime: str) -> None:
    places = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:" + os.path.expanduser("~/.cargo/bin")
    if shutil.which(runtime, path=places) is None:
        pytest.skip(f"{runtime} is not installed")


@pytest.fixture(scope="module", params=["overlay", "vfs"])
def box(request):
    with CliBox(driver=request.param) as made:
        yield made


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("backend", ["sqlite", "kv", "json"])
def test_a_life(box, backend, runtime):
    need(runtime)
    flags = ("--state-backend", backend, "--runtime", runtime)

    def polypod(*words, code=0):
        return box.run(*flags, *words, code=code)

    where = ("--network", "none")
    assert polypod("run", "--rm", *where, IMAGE, "echo", "hi").stdout == "hi\n"
    polypod("run", "--rm", *where, IMAGE, "sh", "-c", "exit 3", code=3)
    assert polypod("run", "--rm", *where, IMAGE, "nosuch", code=127).stderr
    polypod("run", "-d", "--name", "c", *where, IMAGE, "sleep", "100")
    assert polypod("exec", "c", "sh", "-c", "echo in > /f; cat /f").stdout == "in\n"
    assert polypod("inspect", "--format", "{{.State.Status}} {{.OCIRuntime}}", "c").stdout == f"running {runtime}\n"
    polypod("pause", "c")
    polypod("unpause", "c")
    polypod("stop", "-t", "0", "c")
    assert polypod("start", "c").stdout == "c\n"
    assert polypod("exec", "c", "cat", "/f").stdout == "in\n"
    polypod("rm", "-f", "-t", "0", "c")
    assert polypod("ps", "-a", "-q").stdout == ""
    assert box.leftovers() == []
