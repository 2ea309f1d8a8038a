"""Read-only collectors: each answers with an ``Observation`` or a ``Gap``."""
