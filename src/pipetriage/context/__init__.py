"""Evidence to bounded, redacted context. ``build.py`` is the only constructor of a ``Context``."""
