"""The typed face of each plugin group over its hooks; nobody else calls a raw hook."""
