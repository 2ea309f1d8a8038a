"""The nouns. Frozen, documented per field, no I/O."""
