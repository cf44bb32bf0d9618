"""``completion``: a script that teaches a shell to complete this program's command line."""

from __future__ import annotations

from ..command import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from ..parse import Options

SHELLS = ("bash", "zsh", "fish")


def run(ctx: Context, opts: Options, args: list[str]) -> int:
    """Print the script, or write it to a file."""
    from ...errors import UsageError
    from ..completion_scripts import script

    if args[0] not in SHELLS:
        raise UsageError(f'invalid argument "{args[0]}" for "{ctx.command_path}"')
    text = script(args[0], ctx.prog, descriptions=not opts.no_desc)
    text += f'\n# This file is generated with "{ctx.command_path}"; see: polypod-completion(1)\n'
    if not opts.file:
        ctx.out(text, end="")
        return 0
    try:
        with open(opts.file, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"open {opts.file}: {(error.strerror or '').lower()}") from error
    return 0


COMMAND = Command(
    path="completion",
    summary="Generate a shell completion script",
    usage="[options] {bash|zsh|fish}",
    long=(
        "Generates a script for bash, zsh or fish, which asks this program how a command line "
        "goes on.\n\n"
        "bash: write it to /usr/share/bash-completion/completions/polypod, or source it.\n"
        "zsh: write it to a folder of $fpath, as _polypod.\n"
        "fish: write it to ~/.config/fish/completions/polypod.fish."
    ),
    flags=(
        Flag(
            "file",
            "f",
            type="string",
            usage="Write the script to a file rather than to stdout",
            complete="files",
        ),
        Flag("no-desc", usage="Leave the descriptions out of the suggestions"),
    ),
    examples=(
        "completion bash",
        "completion zsh -f _polypod",
        "completion fish --no-desc",
    ),
    min_args=1,
    max_args=1,
    complete_args="values:bash,zsh,fish",
    run=run,
)
