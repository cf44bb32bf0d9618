"""The image commands as a user types them, on roots of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from polypod.testing.images import tar_of
from polypod.testing.peers import Podman, layout
from polypod.testing.program import Program


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "rootfs.tar"
    path.write_bytes(tar_of({"hello": b"hello\n"}))
    return path


@pytest.fixture
def image(cli: Program, tarball: Path) -> str:
    """ID of the image quay.io/test/image:20241011."""
    flags = ("-c", "LABEL created_by=test", "-c", "CMD /x", "-c", "LABEL b=c")
    return cli("import", "-q", *flags, tarball, "quay.io/test/image:20241011").strip()[7:]


def test_import_says_what_podman_says(cli: Program, tarball: Path) -> None:
    done = cli.run("import", "-c", "CMD=/x", tarball, "x")
    id = done.stdout.strip()
    layer = json.loads(cli("image", "inspect", "x"))[0]["RootFS"]["Layers"][0]
    assert done.stderr.splitlines() == [
        "Getting image source signatures", f"Copying blob {layer}", f"Copying config {id}",
        "Writing manifest to image destination", "Storing signatures",
    ]  # fmt: skip
    with open(tarball, "rb") as stdin:
        assert cli("import", "--quiet", "-", "y", stdin=stdin).startswith("sha256:")
    assert cli("images", "-q", "x").strip() == id[7:19]
    assert cli.fails(125, "import", tarball, "BAD").endswith("repository name must be lowercase")
    assert cli.fails(125, "import").startswith("Error: accepts between 1 and 2 arg(s), received 0")


def test_images_table(cli: Program, image: str) -> None:
    lines = cli("images").splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert lines[1].split()[:3] == ["quay.io/test/image", "20241011", image[:12]]
    [row] = cli("images", "-n").splitlines()  # "1 second ago" by now, perhaps
    assert row.split()[:3] == lines[1].split()[:3]
    stable = ("--format", "table {{.Repository}} {{.ID}} {{.Size}}")  # without the age
    assert cli("image", "ls", *stable) == cli("image", "list", *stable) == cli("images", *stable)
    assert cli("images", "--digests").splitlines()[0].split()[2] == "DIGEST"
    assert cli("images", "--history").splitlines()[1].endswith("quay.io/test/image:20241011")
    assert f"sha256:{image}" in cli("images", "--no-trunc")
    assert cli("images", "-q", "--no-trunc").strip() == f"sha256:{image}"


def test_images_without_any(cli: Program) -> None:
    assert cli("images").split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert cli("images", "--format", "json") == "[]\n"
    assert cli("images", "-q") == ""


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{.ID}}", "{id:.12}"),
        ("{{.Id}}", "{id}"),
        ("{{.ID| upper}}", "{upper:.12}"),
        ("{{.Repository}}:{{.Tag}}", "quay.io/test/image:20241011"),
        ("{{.Labels.created_by}}", "test"),
        ("{{.Labels.nope}}", "<no value>"),
        ("{{.Labels}}", "map[b:c created_by:test]"),
        ("{{.Containers}} {{.SharedSize}}", "0 0"),
        ("{{.ReadOnly}} {{.IsDangling}}", "false false"),
        ("{{.History}}", "quay.io/test/image:20241011"),
        ("{{.Names}}", "[quay.io/test/image:20241011]"),
        ("{{json .RepoTags}}", '["quay.io/test/image:20241011"]'),
    ],
)
def test_images_formats(cli: Program, image: str, template: str, expected: str) -> None:
    shown = cli("images", "--format", template).rstrip("\n")
    assert shown == expected.format(id=image, upper=image.upper())


def test_images_json(cli: Program, image: str) -> None:
    [one] = json.loads(cli("images", "-a", "--format", "json"))
    assert one["Names"] == ["quay.io/test/image:20241011"]
    assert one["Id"] == image
    assert one["Digest"].startswith("sha256:")
    assert one["CreatedAt"][-1] == "Z"
    assert one["Labels"] == {"created_by": "test", "b": "c"}
    assert (one["Repository"], one["Tag"]) == ("quay.io/test/image", "20241011")


def test_images_sort_and_table_format(cli: Program, image: str) -> None:
    cli("tag", image, "a.b/c:d", "zzz.yyy/xxx:longer-tag", "a.b/c:a")
    shown = cli("images", "--sort", "repository", "--format", "{{.Repository}}:{{.Tag}}")
    assert shown.split() == [
        "a.b/c:a",
        "a.b/c:d",
        "quay.io/test/image:20241011",
        "zzz.yyy/xxx:longer-tag",
    ]
    table = cli("images", "--sort", "tag", "--format", "table {{.Repository}} {{.Tag}} {{.ID}}")
    lines = table.splitlines()
    assert lines[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID"]
    assert [line.split()[1] for line in lines[1:]] == ["20241011", "a", "d", "longer-tag"]
    assert len({line.index(image[:12]) for line in lines[1:]}) == 1
    assert '"bad" is not a valid' in cli.fails(125, "images", "--sort", "bad")
    assert cli("images", "quay.io/test/image:20241011").count("\n") == 2
    assert cli("images", "nope").count("\n") == 1


def test_images_errors(cli: Program, image: str) -> None:
    assert cli.fails(125, "image", "list", "-f", "json") == (
        'Error: invalid image filter "json": must be in the format "filter=value or filter!=value"'
    )
    message = cli.fails(125, "images", "-f", "label=x", "image")
    assert message == "Error: cannot specify an image and a filter(s)"


def test_tag_untag_exists(cli: Program, image: str) -> None:
    for given, full in (
        ("r.nx/n:latest", "r.nx/n:latest"), ("r.nx/n", "r.nx/n:latest"),
        ("n:latest", "localhost/n:latest"), ("n", "localhost/n:latest"),
    ):  # fmt: skip
        cli("tag", image, given)
        cli("image", "exists", full)
        cli("untag", image, full)
        cli("image", "exists", full, code=1)
    assert cli.fails(125, "untag", image, "r.nx/foo:bar") == "Error: r.nx/foo:bar: tag not known"
    cli("image", "untag", image)
    assert cli("image", "inspect", image, "--format", "{{.RepoTags}}") == "[]\n"
    assert cli("images", "--format", "{{.Repository}}:{{.Tag}}") == "<none>:<none>\n"
    assert cli.fails(125, "tag", "nope", "x") == "Error: nope: image not known"


def test_rmi(cli: Program, image: str) -> None:
    cli("tag", image, "foo")
    assert cli("rmi", "foo") == "Untagged: localhost/foo:latest\n"
    assert cli.fails(1, "rmi", "nope") == "Error: nope: image not known"
    assert cli("rmi", "--ignore", "nope") == cli("rmi", "-f", "nope") == ""
    assert cli.fails(1, "rmi", "nope", "nada") == (
        "Error: 2 errors occurred:\n\t* nope: image not known\n\t* nada: image not known"
    )
    assert cli("image", "rm", image[:12]) == (
        f"Untagged: quay.io/test/image:20241011\nDeleted: {image}\n"
    )
    assert cli("rmi", "-a") == ""
    assert cli.fails(125, "rmi") == "Error: image name or ID must be specified"
    assert cli.fails(125, "rmi", "-a", "x").startswith("Error: when using the --all switch")


def test_rmi_of_used_images(cli: Program, image: str) -> None:
    podman = Podman(f"{cli.folder}/root", f"{cli.folder}/run")
    container = podman("create", image).strip()
    assert cli("images", "--format", "{{.Containers}}") == "1\n"
    assert cli.fails(2, "rmi", "-a") == (
        f"Error: image used by {container}: image is in use by a container: "
        "consider listing external containers and force-removing image"
    )
    removed = f"Untagged: quay.io/test/image:20241011\nDeleted: {image}\n"
    assert cli("rmi", "-af") == removed
    assert cli("images", "-n") == ""


def test_rmi_of_own_containers(cli: Program, image: str) -> None:
    cli("create", "--name", "c", image, "/x")
    assert "image is in use by a container" in cli.fails(2, "rmi", image)
    cli("rmi", "-f", image)
    assert cli("ps", "-a", "--noheading") == ""


def test_history(cli: Program, image: str) -> None:
    lines = cli("history", image).splitlines()
    assert lines[0].split() == ["ID", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert lines[1].startswith(image[:12])
    assert "/bin/sh -c #(nop) ADD file:" in lines[1]
    assert cli("history", "--format", "--{{.ID}}--{{.Tags}}--", image) == (
        f"--{image[:12]}--[quay.io/test/image:20241011]--\n"
    )
    assert cli("history", "-qH", image) == f"{image[:12]}\n"
    assert image in cli("image", "history", "--no-trunc", image)
    [entry] = json.loads(cli("history", "--format", "json", image))
    assert entry["id"] == image
    assert entry["size"] > 0
    stamp = cli("history", "--human=false", "--format", "{{.Created}}", image).strip()
    assert stamp[10] == "T"
    env = {**os.environ, "TZ": "UTC"}
    at = cli("image", "history", "--format", "{{.CreatedAt}}", image, env=env).strip()
    listed = cli("images", "--format", "{{.CreatedAt}}").strip()
    assert listed == f"{at[:10]} {at[11:19]} +0000 UTC"


def test_inspect(cli: Program, image: str) -> None:
    text = cli("image", "inspect", image)
    assert text.startswith('[\n     {\n          "Id"')
    assert cli("image", "inspect", "--format", "{{.ID}} {{.Config.Cmd}}", image) == (
        f"{image} [/bin/sh -c /x]\n"
    )
    done = cli.run("image", "inspect", "nope", image, "nada", code=125)
    assert json.loads(done.stdout)[0]["Id"] == image
    assert done.stderr.splitlines() == ["nada: image not known", "Error: nope: image not known"]
    assert cli("image", "inspect", "--format", "{{.Created}}", image).endswith("+0000 UTC\n")


def test_tree(cli: Program, tmp_path: Path) -> None:
    cli("load", "-q", "-i", layout(tmp_path))
    lines = cli("image", "tree", "t").splitlines()
    assert lines[1] == "Tags:     [localhost/t:latest]"
    assert lines[3] == "Image Layers"
    assert [line[:3] for line in lines[4:7]] == ["├──", "├──", "└──"]
    assert lines[6].endswith("Top Layer of: [localhost/t:latest]")
    podman = Podman(f"{cli.folder}/root", f"{cli.folder}/run")
    for flags in ((), ("--whatrequires",)):
        assert cli("image", "tree", *flags, "t") == podman("image", "tree", *flags, "t")


def test_save_load(cli: Program, image: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    name = "quay.io/test/image:20241011"
    cli("save", image, "-o", archive)
    cli("rmi", image)
    assert cli("load", "-i", archive) == f"Loaded image: sha256:{image}\n"
    assert cli("images", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}") == (
        f"{image[:12]} <none>:<none>\n"
    )
    cli("tag", image, name)
    with open(archive, "wb") as out:
        save = cli.start("save", "--format", "oci-archive", name)
        subprocess.run(["cat"], stdin=save.stdout, stdout=out, check=True)
        assert save.wait() == 0
    cli("rmi", image)
    with open(archive, "rb") as stdin:
        assert cli("image", "load", stdin=stdin) == f"Loaded image: {name}\n"
    loaded = cli.run("load", "-q", "-i", archive)
    assert loaded.stderr == ""


def test_save_and_load_errors(cli: Program, image: str, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("I am an invalid file and should cause a load error\n")
    message = cli.fails(125, "load", "-i", tmp_path / "bad")
    assert message.startswith("Error: payload does not match any of the supported image formats:\n")
    with open(tmp_path / "bad", "rb") as stdin:
        assert "payload does not match" in cli.fails(125, "load", stdin=stdin)
    assert cli.fails(125, "load", "-i", "/nope") == "Error: stat /nope: no such file or directory"
    assert cli.fails(125, "save").splitlines()[0] == "Error: need at least 1 argument"
    assert "format value must be one of" in cli.fails(125, "save", "--format", "x", image)
    assert "--compress can only be set" in cli.fails(125, "save", "--compress", image)
    assert cli.fails(125, "save", "nope", "-o", tmp_path / "x") == "Error: nope: image not known"
    assert not (tmp_path / "x").exists()


def test_multi_image_archive(cli: Program, image: str, tmp_path: Path) -> None:
    (tmp_path / "two.tar").write_bytes(tar_of({"two": b"2"}))
    cli("import", "-q", tmp_path / "two.tar", "quay.io/test/two:t")
    names = ["quay.io/test/image:20241011", "quay.io/test/two:t"]
    cli("save", "-q", "-m", "-o", tmp_path / "m.tar", *names)
    cli("rmi", "-f", *names)
    assert cli("load", "-i", tmp_path / "m.tar").splitlines() == [
        f"Loaded image: {n}" for n in names
    ]
    for name in names:
        cli("image", "exists", name)


def test_pull(cli: Program, image: str, tmp_path: Path) -> None:
    cli("save", "-q", "-o", tmp_path / "a.tar", image)
    cli("rmi", image)
    done = cli.run("pull", f"docker-archive:{tmp_path}/a.tar")
    assert done.stdout == f"{image}\n"
    assert done.stderr.startswith("Getting image source signatures\n")
    assert cli("pull", "-q", "--policy", "missing", image) == f"{image}\n"
    lines = cli.fails(125, "pull", "--retry", "0", "127.0.0.1:9/test/nope:1").splitlines()
    assert lines[0] == "Trying to pull 127.0.0.1:9/test/nope:1..."
    assert lines[1].startswith(
        "Error: initializing source docker://127.0.0.1:9/test/nope:1: pinging container registry"
    )
    assert cli.fails(125, "pull", "--policy", "never", "nope") == "Error: nope: image not known"
    assert cli.fails(125, "pull", "--policy", "x", "n") == 'Error: unsupported pull policy "x"'
    assert cli.fails(125, "run", "--pull=never", "nope") == "Error: nope: image not known"
    failed = cli.fails(125, "run", "--retry", "0", "127.0.0.1:9/nope", "x")
    assert failed.startswith("Trying to pull 127.0.0.1:9/nope:latest...\nError: initializing source")


def test_prune(cli: Program, image: str) -> None:
    assert cli("image", "prune", "-f") == ""
    cli("untag", image)
    done = cli.run("image", "prune", input="n\n")
    assert done.stdout == (
        "WARNING! This command removes all dangling images.\n"
        "Are you sure you want to continue? [y/N] "
    )
    assert cli("image", "prune", "-f") == f"{image}\n"
    assert "EOF" in cli.fails(125, "image", "prune")


def test_mount(cli: Program, image: str) -> None:
    path = cli("image", "mount", image).strip()
    try:
        assert Path(path, "hello").read_text() == "hello\n"
        with pytest.raises(OSError, match="Read-only"):
            Path(path, "new").write_text("")
        [listed] = json.loads(cli("image", "mount", "--format", "json"))
        assert (listed["id"], listed["mountpoint"]) == (image, path)
        assert cli("image", "mount").split() == ["quay.io/test/image:20241011", path]
    finally:
        assert cli("image", "unmount", image) == f"{image}\n"
    assert not os.path.ismount(path)
    assert cli("image", "mount") == ""
