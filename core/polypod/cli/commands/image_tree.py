"""``image tree``: the layers of an image as a tree."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...engine.images_history import TreeNode
    from ..context import Context
    from ..parse import Options


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the tree."""
    from ...engine.images_history import layer_tree
    from ..units import human_size

    tree = layer_tree(ctx.rt, args[0], what_requires=opts.whatrequires)
    lines = [
        f"Image ID: {tree['id'][:12]}",
        f"Tags:     [{' '.join(tree['tags'])}]",
        f"Size:     {human_size(tree['size'], 4)}",
        "Image Layers" if tree["nodes"] else "No Image Layers",
    ]
    _draw(tree["nodes"], "", lines)
    ctx.out("\n".join([*lines, ""]))
    return 0


def _draw(nodes: list[TreeNode], prefix: str, lines: list[str]) -> None:
    from ..units import human_size

    for index, node in enumerate(nodes):
        last = index == len(nodes) - 1
        tags = f" Top Layer of: [{' '.join(node.tags)}]" if node.tags else ""
        size = human_size(node.size, 4)
        lines.append(
            f"{prefix}{'└── ' if last else '├── '}ID: {node.id[:12]} Size: {size:>7}{tags}"
        )
        _draw(node.children, prefix + ("    " if last else "│   "), lines)


COMMAND = Command(
    path="image tree",
    summary="Print layer hierarchy of an image in a tree format",
    usage="[options] IMAGE",
    long="Prints the layers of an image, and which images end on them.",
    flags=(Flag("whatrequires", usage="Show all child images and layers of the specified image"),),
    examples=("image tree alpine:latest",),
    min_args=1,
    max_args=1,
    complete_args="images",
    run=run,
)
