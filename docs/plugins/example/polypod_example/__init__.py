"""A third party's plugins for polypod. The entry points are in setup.cfg."""
