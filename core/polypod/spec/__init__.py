"""The hookspecs: one file a plugin group, prose contracts, no logic."""
