"""What runtimes write when they fail, and what becomes of it."""

from __future__ import annotations

import pytest
from polypod.errors import CommandNotExecutable, CommandNotFound, RuntimeFailure
from polypod.kit.oci_errors import messages, runtime_error

NOT_FOUND = "OCI runtime attempted to invoke a command that was not found"
# Verbatim from crun 1.8.1, runc 1.1.5 and youki 0.7.0.
CRUN = (
    '{"msg":"executable file `x` not found in $PATH: No such file or directory",'
    '"level":"error","time":"2026-11-24T13:43:19.384444Z"}\n'
)
RUNC = (
    'time="2026-11-24T13:43:19Z" level=warning msg="something else"\n'
    'time="2026-11-24T13:43:19Z" level=error msg="runc run failed: unable to start container'
    ' process: exec: \\"x\\": executable file not found in $PATH"\n'
)
YOUKI_JSON = (
    '{"timestamp":"t","level":"ERROR","message":"executable for container process not found in'
    ' PATH","executable":"\\"x\\"","target":"libcontainer::workload::default"}\n'
    '{"timestamp":"t","level":"ERROR","message":"error in executing command: failed to create'
    " container: exec process failed with error error in executing process : executable 'x' not"
    ' found in $PATH\\n\\nStack backtrace:\\n 0: <unknown>","target":"youki"}\n'
)
YOUKI_TEXT = (
    "ERROR libcontainer::container::container_delete: delete requires stopped id=\"q\"\n"
    "ERROR youki: error in executing command: failed to delete container q\n\n"
    "Caused by:\n    failed operation due to incompatible container status: `Running`\n\n"
    "Stack backtrace:\n   0: <unknown>\n"
)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("crun", CRUN, "executable file `x` not found in $PATH: No such file or directory"),
        (
            "runc",
            RUNC,
            'runc run failed: unable to start container process: exec: "x": executable file not'
            " found in $PATH",
        ),
        ("youki", YOUKI_JSON, "executable 'x' not found in $PATH"),
    ],
)
def test_command_not_found(name, text, said):
    error = runtime_error(name, text)
    assert isinstance(error, CommandNotFound)
    assert str(error) == f"{name}: {said}: {NOT_FOUND}"
    assert error.exit_code == 127


@pytest.mark.parametrize(
    "said",
    [
        "open executable: Operation not permitted",
        'exec: "/etc": permission denied',
        "executable '/etc' at path '\"/etc\"' does not have correct permissions",
        "exec: \"/etc\": is a directory",
        "exec container process `/x`: Exec format error",
    ],
)
def test_command_not_executable(said):
    error = runtime_error("any", said)
    assert isinstance(error, CommandNotExecutable)
    assert error.exit_code == 126
    assert said in str(error)


def test_anything_else():
    error = runtime_error("crun", "mount `proc` to `/proc`: Device or resource busy\n")
    assert type(error) is RuntimeFailure
    assert str(error) == "crun: mount `proc` to `/proc`: Device or resource busy: OCI runtime error"
    assert error.exit_code == 125


def test_silence():
    assert str(runtime_error("x", "")) == "x: failed without a message: OCI runtime error"


def test_traces_are_told_once():
    assert messages(YOUKI_TEXT) == [
        "failed to delete container q",
        "failed operation due to incompatible container status: `Running`",
    ]


def test_a_warning_counts_when_it_is_all_there_is():
    only = 'time="t" level=warning msg="odd"'
    assert messages(only) == [only]


def test_text_that_looks_like_json_and_is_not():
    assert messages("{broken}") == ["{broken}"]
