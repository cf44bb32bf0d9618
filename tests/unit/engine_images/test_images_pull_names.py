"""Which image a pull means, whether it fetches anything, and what it says."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from polypod.assembly import open_runtime
from polypod.engine import events
from polypod.engine.images_names import tag
from polypod.engine.images_pull import PullOptions, ensure_image, pull
from polypod.engine.runtime import Runtime
from polypod.errors import NoSuchImage, PolypodError, RegistryError, UsageError
from polypod.registry.access import Access
from polypod.testing import registry_hostile as hostile
from polypod.testing.images import assert_whole, make_image
from polypod.testing.registry import HostileRegistry


@pytest.fixture
def registry() -> Iterator[HostileRegistry]:
    with HostileRegistry() as registry:
        registry.add_image()
        yield registry


@pytest.fixture
def aliases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a chosen short name is remembered; the host's own file stays as it is."""
    path = tmp_path / "aliases.conf"
    monkeypatch.setenv("CONTAINERS_SHORT_NAME_ALIASES_CONF", str(path))
    return path


def options(conf: Path | None = None, **more: object) -> PullOptions:
    access = Access(tls_verify=False, retry=0, registries_conf=str(conf or ""))
    return PullOptions(access=access, **more)  # type: ignore[arg-type]


def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> Path:
    path = tmp_path / "registries.conf"
    path.write_text(text)
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(path))
    return path


def fetched(registry: HostileRegistry) -> int:
    """How many layers were asked for since the last look."""
    digests = {
        layer["digest"]
        for data, kind in registry.manifests.values()
        if "index" not in kind
        for layer in json.loads(data)["layers"]
    }
    count = sum(path.rpartition("/")[2] in digests for path in registry.paths("GET"))
    registry.requests.clear()
    return count


# -- policies -------------------------------------------------------------------------------------


def test_always(rt: Runtime, registry: HostileRegistry) -> None:
    name = f"{registry.host}/x"
    [id] = pull(rt, name, options())
    assert fetched(registry) == 1
    assert pull(rt, name, options()) == [id]
    assert registry.paths("GET") != []
    assert fetched(registry) == 0
    registry.add_image(layers=[hostile.layer({"new": b"x"})])
    [new] = pull(rt, name, options())
    assert new != id
    assert fetched(registry) == 1


@pytest.mark.parametrize("policy", ["missing", "never", "ifmissing", "Missing"])
def test_missing_and_never_ask_nobody(
    rt: Runtime, registry: HostileRegistry, policy: str
) -> None:
    name = f"{registry.host}/x:latest"
    [id] = pull(rt, name, options())
    registry.requests.clear()
    registry.add_image(layers=[hostile.layer({"new": b"x"})])
    assert pull(rt, name, options(policy=policy)) == [id]
    assert ensure_image(rt, name, policy, options=options()) == (rt.store.find_image(id), name)
    assert registry.requests == []


def test_never_and_nothing_there(rt: Runtime, registry: HostileRegistry) -> None:
    with pytest.raises(NoSuchImage, match=f"^{registry.host}/x: image not known$"):
        pull(rt, f"{registry.host}/x", options(policy="never"))
    assert registry.requests == []


def test_newer(rt: Runtime, registry: HostileRegistry) -> None:
    name = f"{registry.host}/x"
    lines: list[str] = []
    [id] = pull(rt, name, options(policy="newer"), lines.append)
    assert lines[0] == f"Trying to pull {name}:latest..."
    assert fetched(registry) == 1
    lines.clear()
    assert pull(rt, name, options(policy="newer"), lines.append) == [id]
    assert lines == []
    assert fetched(registry) == 0
    registry.add_image(layers=[hostile.layer({"new": b"x"})])
    assert pull(rt, name, options(policy="newer"), lines.append) != [id]
    assert lines[0] == f"Trying to pull {name}:latest..."
    current = rt.store.find_image(name).id
    registry.on("GET", "", hostile.status(500))
    assert pull(rt, name, options(policy="newer")) == [current]


def test_a_policy_that_does_not_exist(rt: Runtime) -> None:
    with pytest.raises(UsageError, match=r'^unsupported pull policy "sometimes"$'):
        pull(rt, "x", options(policy="sometimes"))


def test_ids(rt: Runtime) -> None:
    id = make_image(rt, "localhost/y")
    for name in (id, f"sha256:{id}"):
        assert pull(rt, name, options(policy="missing")) == [id]
        assert pull(rt, name, options(policy="newer")) == [id]
        with pytest.raises(PolypodError, match="pull policy is always but image has been referred"):
            pull(rt, name, options())
    with pytest.raises(PolypodError, match="pull policy is always but image has been referred"):
        pull(rt, id[:12], options())
    assert pull(rt, id[:12], options(policy="missing")) == [id]


def test_an_image_that_is_damaged_is_pulled_again(rt: Runtime, registry: HostileRegistry) -> None:
    """Only what is gone is fetched, whatever the policy."""
    import shutil

    layers = [hostile.layer({f"f{n}": b"x"}) for n in range(4)]
    registry.add_image(layers=layers)
    name = f"{registry.host}/x"
    [id] = pull(rt, name, options())
    registry.requests.clear()
    [top, _, third, _] = rt.store.image_layers(rt.store.image(id))
    for layer in (top, third):
        shutil.rmtree(rt.storage_driver.diff_path(layer.id))
    assert pull(rt, name, options(policy="missing")) == [id]
    assert fetched(registry) == 2
    assert_whole(rt)


# -- names ----------------------------------------------------------------------------------------


def test_the_local_name_is_pulled(rt: Runtime, registry: HostileRegistry) -> None:
    """``pull x`` renews HOST/x that is there already, without looking for a short name."""
    pull(rt, f"{registry.host}/a/x", options())
    lines: list[str] = []
    pull(rt, "a/x", options(), lines.append)
    assert lines[0] == f"Trying to pull {registry.host}/a/x:latest..."


def test_docker_transport_completes_as_docker(rt: Runtime, registry: HostileRegistry) -> None:
    pull(rt, f"docker://{registry.host}/x", options())
    assert rt.store.images()[0].names == (f"{registry.host}/x:latest",)
    make_image(rt, "docker.io/library/docker:latest")
    assert pull(rt, "docker:latest", options(policy="missing"))


def test_an_alias(
    rt: Runtime,
    registry: HostileRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    aliases: Path,
) -> None:
    conf = configured(tmp_path, monkeypatch, f'[aliases]\n"short" = "{registry.host}/long/name"\n')
    lines: list[str] = []
    pull(rt, "short", options(conf), lines.append)
    assert lines[:2] == [
        f'Resolved "short" as an alias ({conf})',
        f"Trying to pull {registry.host}/long/name:latest...",
    ]
    assert rt.store.images()[0].names == (f"{registry.host}/long/name:latest",)


def test_search_registries_are_tried_in_turn(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aliases: Path
) -> None:
    with HostileRegistry() as first, HostileRegistry() as second:
        second.add_image()
        search = f'unqualified-search-registries = ["{first.host}", "{second.host}"]\n'
        conf = configured(tmp_path, monkeypatch, search)
        lines: list[str] = []
        pull(rt, "short", options(conf), lines.append)
        resolving = f'Resolving "short" using unqualified-search registries ({conf})'
        assert lines[:4] == [
            resolving,
            f"Trying to pull {first.host}/short:latest...",
            f"Trying to pull {second.host}/short:latest...",
            "Getting image source signatures",
        ]
        with pytest.raises(PolypodError) as caught:
            pull(rt, "short:nope", options(conf))
        told = str(caught.value).splitlines()
        assert told[0] == "2 errors occurred while pulling:"
        for line, server in zip(told[1:], (first, second), strict=True):
            start = f" * initializing source docker://{server.host}/short:nope: reading manifest nope"
            assert line.startswith(start)
            assert "manifest unknown" in line


def test_what_the_user_chooses_is_remembered(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aliases: Path
) -> None:
    asked: list[list[str]] = []

    def choose(names: list[str]) -> int:
        asked.append(names)
        return 1

    with HostileRegistry() as first, HostileRegistry() as second:
        second.add_image()
        search = f'unqualified-search-registries = ["{first.host}", "{second.host}"]\n'
        conf = configured(tmp_path, monkeypatch, search + 'short-name-mode = "enforcing"\n')
        pull(rt, "short", options(conf, choose=choose))
        assert asked == [[f"{first.host}/short:latest", f"{second.host}/short:latest"]]
        assert first.requests == []
        assert f'short = "{second.host}/short"' in aliases.read_text()
        rt.store.delete_image(rt.store.images()[0].id)
        lines: list[str] = []
        pull(rt, "short", options(conf, choose=choose), lines.append)
        assert lines[0] == f'Resolved "short" as an alias ({aliases})'
        with pytest.raises(UsageError, match="cannot prompt without a TTY"):
            pull(rt, "another", options(conf))


def test_no_registry_for_a_short_name(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aliases: Path
) -> None:
    conf = configured(tmp_path, monkeypatch, "")
    with pytest.raises(NoSuchImage, match="did not resolve to an alias and no unqualified-search"):
        pull(rt, "short", options(conf))


def test_mirrors(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: HostileRegistry
) -> None:
    """The image comes from the mirror and has the name that was asked for."""
    text = (
        f'[[registry]]\nlocation = "127.0.0.1:9/far"\ninsecure = true\n'
        f'[[registry.mirror]]\nlocation = "{registry.host}/near"\ninsecure = true\n'
    )
    conf = configured(tmp_path, monkeypatch, text)
    pull(rt, "127.0.0.1:9/far/x", options(conf))
    assert rt.store.images()[0].names == ("127.0.0.1:9/far/x:latest",)
    assert all(path.startswith(("/v2/near/x/", "/v2/")) for path in registry.paths())


def test_blocked(
    rt: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: HostileRegistry
) -> None:
    text = f'[[registry]]\nlocation = "{registry.host}"\nblocked = true\n'
    conf = configured(tmp_path, monkeypatch, text)
    with pytest.raises(RegistryError, match="is blocked in"):
        pull(rt, f"{registry.host}/x", options(conf))
    assert registry.requests == []


@pytest.mark.parametrize("name", ["A/b", "x:", "x@sha256:1", "", "http://x/y", ":latest"])
def test_malformed_names(rt: Runtime, name: str) -> None:
    with pytest.raises(PolypodError, match="invalid|must|lowercase|no such host"):
        pull(rt, name, options())


def test_a_policy_that_rejects(rt: Runtime, registry: HostileRegistry, tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text('{"default": [{"type": "reject"}]}')
    with pytest.raises(PolypodError, match="[Rr]eject|policy"):
        pull(rt, f"{registry.host}/x", options(signature_policy=str(path)))
    assert fetched(registry) == 0
    assert rt.store.images() == []


# -- events and names afterwards ---------------------------------------------------------------------


def test_events(rt: Runtime, registry: HostileRegistry) -> None:
    started = time.time()
    name = f"{registry.host}/x"
    [id] = pull(rt, name, options())
    with pytest.raises(RegistryError):
        pull(rt, f"{name}:nope", options())
    told = [(e.type, e.status, e.id, e.name) for e in events.read(rt, since=started)]
    assert told == [("image", "pull", id, name), ("image", "pull-error", "", f"{name}:nope")]


def test_a_name_moves_to_the_new_image(rt: Runtime, registry: HostileRegistry) -> None:
    name = f"{registry.host}/x"
    [old] = pull(rt, name, options())
    registry.add_image(layers=[hostile.layer({"new": b"x"})])
    [new] = pull(rt, name, options())
    assert rt.store.image(old).names == ()
    assert rt.store.image(new).names == (f"{name}:latest",)
    tag(rt, old, ["localhost/kept:1"])
    assert_whole(rt)


def test_tokens_and_passwords(rt: Runtime, registry: HostileRegistry) -> None:
    registry.on("", "^/v2/", hostile.basic_auth("user", "secret"))
    name = f"{registry.host}/x"
    with pytest.raises(RegistryError, match="authentication required"):
        pull(rt, name, options())
    access = Access(tls_verify=False, retry=0, creds="user:secret")
    assert pull(rt, name, PullOptions(access=access))
    folder = os.path.join(rt.graphroot, "auth.json")
    Path(folder).write_text(json.dumps({"auths": {registry.host: {"auth": "dXNlcjpzZWNyZXQ="}}}))
    access = Access(tls_verify=False, retry=0, authfile=folder)
    assert pull(rt, name, PullOptions(access=access))


def test_a_driver_of_whole_trees(registry: HostileRegistry, tmp_path: Path) -> None:
    """With vfs layers come one after the other, and what is there is not fetched either."""
    layers = [hostile.layer({f"f{n}": b"x"}) for n in range(4)]
    registry.add_image(layers=layers)
    flags = {"root": f"{tmp_path}/r", "runroot": f"{tmp_path}/u", "storage-driver": "vfs"}
    rt = open_runtime(flags)
    try:
        [id] = pull(rt, f"{registry.host}/x", options())
        top = rt.store.image(id).top_layer
        assert sorted(os.listdir(rt.storage_driver.diff_path(top))) == ["f0", "f1", "f2", "f3"]
        assert fetched(registry) == 4
        registry.add_image("bad", [*layers[:2], hostile.layer({"../x": b"y"})])
        with pytest.raises(PolypodError, match="leaves the layer"):
            pull(rt, f"{registry.host}/x:bad", options())
        assert fetched(registry) == 1
        assert len(rt.store.layers()) == 4
        assert len(rt.storage_driver.list()) == 4
    finally:
        rt.close()
