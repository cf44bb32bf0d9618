"""The nouns of the engine: frozen records, one noun a file, no I/O."""
