"""Helpers for plugin authors and for the rooms above: cheap to import, no policy."""
