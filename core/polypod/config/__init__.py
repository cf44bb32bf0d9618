"""Readers of containers.conf, storage.conf and polypod.conf; see :mod:`polypod.config.load`."""
