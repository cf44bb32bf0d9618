"""``python -m polypod``."""

from .cli.main import main

main()
