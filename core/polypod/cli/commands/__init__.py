"""One module a subcommand; see :mod:`polypod.cli.tree`."""
