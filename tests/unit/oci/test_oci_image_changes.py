"""``--change`` instructions."""

from __future__ import annotations

import pytest
from polypod.errors import UsageError
from polypod.oci.image_changes import apply_changes


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("CMD=/bin/sh", {"Cmd": ["/bin/sh", "-c", "/bin/sh"]}),
        ('CMD ["a", "b"]', {"Cmd": ["a", "b"]}),
        ("CMD sh -c \n 'x; y'", {"Cmd": ["/bin/sh", "-c", "sh -c \n 'x; y'"]}),
        ("CMD ", {"Cmd": ["/bin/sh", "-c"]}),
        ('ENTRYPOINT ["/x"]', {"Entrypoint": ["/x"]}),
        ("ENTRYPOINT /x -y", {"Entrypoint": ["/bin/sh", "-c", "/x -y"]}),
        ("ENTRYPOINT=", {"Entrypoint": []}),
        ("ENV A=b c", {"Env": ["A=b c"]}),
        ('ENV "A"="b"', {"Env": ["A=b"]}),
        ("ENV A b", {"Env": ["A=b"]}),
        ("env=A=b", {"Env": ["A=b"]}),
        ("EXPOSE 80", {"ExposedPorts": {"80/tcp": {}}}),
        ("EXPOSE=53/UDP", {"ExposedPorts": {"53/udp": {}}}),
        ("LABEL a=b=c", {"Labels": {"a": "b=c"}}),
        ("LABEL=blue=image", {"Labels": {"blue": "image"}}),
        ("LABEL=text=two words", {"Labels": {"text": "two words"}}),
        ("STOPSIGNAL SIGTERM", {"StopSignal": "15"}),
        ("STOPSIGNAL=kill", {"StopSignal": "9"}),
        ("STOPSIGNAL 37", {"StopSignal": "37"}),
        ("USER a:b", {"User": "a:b"}),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ('VOLUME ["/a b"]', {"Volumes": {"/a b": {}}}),
        ("WORKDIR /a", {"WorkingDir": "/a"}),
        ("ONBUILD RUN x", {"OnBuild": ["RUN x"]}),
    ],
)  # fmt: skip
def test_instruction(change: str, expected: dict[str, object]) -> None:
    assert apply_changes({}, [change]) == expected


def test_changes_add_up_and_leave_the_original() -> None:
    base = {"Env": ["A=1", "B=2"], "Labels": {"x": "y"}}
    changed = apply_changes(base, ["ENV A=3", "LABEL z=1", "WORKDIR /a", "WORKDIR b", "WORKDIR c"])
    assert changed == {
        "Env": ["B=2", "A=3"], "Labels": {"x": "y", "z": "1"}, "WorkingDir": "/a/b/c",
    }  # fmt: skip
    assert base == {"Env": ["A=1", "B=2"], "Labels": {"x": "y"}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("CMD", "must be formatted as KEY VALUE"),
        ("FROM x", "invalid instruction FROM"),
        ("USER ", "must provide a value to USER"),
        ("EXPOSE a", "EXPOSE port must be an integer"),
        ("EXPOSE 0", "EXPOSE port must be a valid port number"),
        ("EXPOSE 1/x", "EXPOSE protocol must be TCP or UDP"),
        ("EXPOSE 1/tcp/x", "EXPOSE port must be formatted as PORT[/PROTO]"),
        ("LABEL x", "LABEL must be formatted key=value"),
        ('LABEL ""=x', "LABEL must have a non-empty key"),
        ("STOPSIGNAL SIGNO", "KILLSIGNAL must be given a valid signal: invalid signal: SIGNO"),
        ("VOLUME a  b", "VOLUME paths must not be empty"),
        ("WORKDIR ", "must provide a non-empty WORKDIR"),
        ("ONBUILD ", "ONBUILD must be given an argument"),
    ],
)
def test_refused(change: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        apply_changes({}, [change])
    assert str(caught.value) == f'invalid change "{change}" - {reason}'
