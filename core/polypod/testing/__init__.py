"""Published conformance suites, one a plugin group, and what they are made of."""
