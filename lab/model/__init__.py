"""A real small language model on loopback, for tests that are asked for (``make test-model``)."""
