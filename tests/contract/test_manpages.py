"""Every flag that podman's man pages name is ours too, or is listed here with the reason.

``data/podman_flags.json`` holds command -> flag names (long and short), taken from the
``####`` headings of podman 5.7's docs/source/markdown, with its option files included.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from polypod.cli.main import load
from polypod.cli.tree import TREE

PODMAN: dict[str, list[str]] = {
    path: names.split()
    for path, names in json.loads((Path(__file__).parent / "data/podman_flags.json").read_text()).items()
}

# Why flags are missing -> which. Flags of pages that several commands share are listed once.
_HEALTH = "health checks are not there yet"
OMITTED: dict[str, dict[str, str]] = {
    "run": {
        _HEALTH: (
            "health-log-destination health-max-log-count health-max-log-size health-startup-cmd "
            "health-startup-interval health-startup-retries health-startup-success "
            "health-startup-timeout"
        ),
        "pods are not there yet": "init-ctr pod-id-file",
        "secrets are not there yet": "secret",
        "needs hardware or a kernel that no test host has": "gpus rdt-class",
        "not written yet": "seccomp-policy",
        "the page's heading names a value, not a flag": "permissive",
    },
    "pod_ps": {"pods are not there yet": "namespace"},
    "container_clone": {"pods are not there yet": "pod"},
    "update": {
        _HEALTH: (
            "health-cmd health-interval health-log-destination health-max-log-count health-max-log-size "
            "health-on-failure health-retries health-start-period health-startup-cmd "
            "health-startup-interval health-startup-retries health-startup-success "
            "health-startup-timeout health-timeout no-healthcheck"
        ),
    },
    "system_migrate": {
        "migrate moves the state to another backend here": "migrate-db",
        "a container's runtime is not rewritten yet": "new-runtime",
    },
    "system_prune": {"not written yet": "external"},
}
OMITTED["create"] = OMITTED["run"]


@pytest.mark.parametrize("path", sorted(PODMAN))
def test_flags_of_the_man_page(path: str) -> None:
    module = TREE[path][0]
    ours = {name for flag in load(module).flags for name in (flag.name, flag.short, *flag.aliases)}
    known = {name for names in OMITTED.get(module, {}).values() for name in names.split()}
    missing = [name for name in PODMAN[path] if name not in ours]
    assert [name for name in missing if name not in known] == []


@pytest.mark.parametrize("module", sorted(OMITTED))
def test_an_omission_that_is_none_is_not_listed(module: str) -> None:
    ours = {name for flag in load(module).flags for name in (flag.name, flag.short, *flag.aliases)}
    known = {name for names in OMITTED[module].values() for name in names.split()}
    assert known & ours == set()


@pytest.mark.parametrize("path", sorted(TREE))
def test_help_says_what_and_how(path: str) -> None:
    command = load(TREE[path][0])
    assert command.summary
    assert not command.summary.endswith(".")
    assert command.min_args == 0 or command.usage
    names = [flag.name for flag in command.flags]
    assert len(names) == len(set(names))
    assert all(flag.usage for flag in command.flags if not flag.hidden)
